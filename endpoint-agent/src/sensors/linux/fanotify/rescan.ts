import { type Dir, fstatSync, opendirSync, type Stats } from 'node:fs';
import { libc, O } from '../../../native/libc.ts';
import { encodePath } from '../../../native/path-bytes.ts';
import { NO_LINKS, openat2, pathOfDescriptor, RESOLVE } from '../native/openat2.ts';

export interface RescanRoot {
  /** Opens it (O_PATH): the descriptor, which the walk closes, or `-errno`. */
  readonly open: () => number;
  /** Its path as events show it. */
  readonly shown: string;
  readonly mountNamespace?: number;
}

/** A file that was changed while nobody was heard. */
export interface RescannedFile {
  readonly path: string;
  readonly mountNamespace?: number;
  /** It was made in that time, not only changed. */
  readonly isNew: boolean;
  readonly uid: number;
  /** When its content or attributes changed last, in milliseconds since the epoch. */
  readonly changedAt: number;
}

export interface RescanLimits {
  /** Entries looked at in one step: some 2 ms. */
  readonly perStep: number;
  /** Below one root, so that a folder full of rubbish does not keep the others from their turn. */
  readonly perRoot: number;
  readonly depth: number;
  /** Files told of in one walk. */
  readonly found: number;
  /** Walks waiting; one more is left out. */
  readonly waiting: number;
}

export const RESCAN_LIMITS: RescanLimits = { perStep: 256, perRoot: 20_000, depth: 8, found: 2_000, waiting: 64 };

/** Where programs and what starts them lie, and where strangers put theirs; all bounded, the first ones first. */
export const RESCANNED_FOLDERS = [
  '/etc',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/bin',
  '/usr/sbin',
  '/dev/shm',
  '/tmp',
  '/var/tmp',
  '/root',
  '/home',
  '/var/www',
  '/srv',
  '/opt',
].map(rescanned);

/** A folder of the agent's own namespace; a link is none. */
export function rescanned(path: string): RescanRoot {
  return { open: () => libc().open(Buffer.from(path), O.PATH | O.DIRECTORY | O.NOFOLLOW), shown: path };
}

interface OpenFolder {
  /** What lies in it is opened through this, whatever becomes of its name meanwhile. */
  readonly fd: number;
  readonly dir: Dir;
  readonly shown: string;
  readonly device: number;
}

interface Walk {
  readonly root: RescanRoot;
  readonly since: number;
  looked: number;
  readonly open: OpenFolder[];
}

/**
 * Looks for files that changed since a moment, where the events of that time are lost: after an overflow of the
 * kernel's queue, and on a filesystem that was mounted before it could be marked. Works in small steps, follows no
 * link, never asks what is mounted below the root, which may take for ever to answer, and counts what it leaves
 * out. Who did it stays unknown.
 */
export class Rescan {
  readonly #onFound: (file: RescannedFile) => void;
  readonly #limits: RescanLimits;
  readonly #waiting: { readonly root: RescanRoot; readonly since: number }[] = [];
  #walk: Walk | undefined;
  #found = 0;
  #leftOut = 0;

  constructor(onFound: (file: RescannedFile) => void, limits: RescanLimits = RESCAN_LIMITS) {
    this.#onFound = onFound;
    this.#limits = limits;
  }

  get pending(): boolean {
    return this.#walk !== undefined || this.#waiting.length > 0;
  }

  /** Folders, entries and files that were passed over for want of room. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** `since` in milliseconds since the epoch. */
  request(roots: readonly RescanRoot[], since: number): void {
    if (!this.pending) this.#found = 0;
    for (const root of roots) {
      if (this.#waiting.length < this.#limits.waiting) this.#waiting.push({ root, since });
      else this.#leftOut += 1;
    }
  }

  /** Looks at a bounded number of entries. */
  step(): void {
    let budget = this.#limits.perStep;
    while (budget > 0) {
      const walk = this.#walk ?? this.#next();
      if (!walk) return;
      budget -= this.#advance(walk, budget);
    }
  }

  close(): void {
    if (this.#walk) this.#end(this.#walk);
    this.#waiting.length = 0;
  }

  #next(): Walk | undefined {
    for (;;) {
      const next = this.#waiting.shift();
      if (!next) return undefined;
      const walk: Walk = { ...next, looked: 0, open: [] };
      const fd = next.root.open();
      const stats = look(fd);
      if (!stats) continue;
      if (!stats.isDirectory() || !this.#enter(walk, fd, next.root.shown, stats.dev)) {
        libc().close(fd);
        continue;
      }
      this.#walk = walk;
      return walk;
    }
  }

  #advance(walk: Walk, budget: number): number {
    let looked = 0;
    while (looked < budget) {
      const top = walk.open.at(-1);
      if (!top) {
        this.#end(walk);
        break;
      }
      if (walk.looked >= this.#limits.perRoot) {
        this.#leftOut += 1;
        this.#end(walk);
        break;
      }
      const name = nextName(top.dir);
      if (name === undefined) {
        walk.open.pop();
        close(top);
        continue;
      }
      looked += 1;
      walk.looked += 1;
      this.#see(walk, top, name);
    }
    return Math.max(1, looked);
  }

  #see(walk: Walk, { fd: folder, shown: parent, device }: OpenFolder, name: Buffer): void {
    const fd = openat2(folder, name, O.PATH | O.NOFOLLOW, NO_LINKS | RESOLVE.NO_XDEV);
    const stats = look(fd);
    if (!stats) return;
    const shown = `${parent}/${encodePath(name)}`;
    if (stats.dev === device && stats.isDirectory()) {
      if (walk.open.length < this.#limits.depth && this.#enter(walk, fd, shown, device)) return;
      this.#leftOut += 1;
      libc().close(fd);
      return;
    }
    libc().close(fd);
    if (stats.dev !== device || !stats.isFile() || stats.ctimeMs < walk.since) return;
    if (this.#found >= this.#limits.found) {
      this.#leftOut += 1;
      return;
    }
    this.#found += 1;
    const { mountNamespace } = walk.root;
    this.#onFound({
      path: shown,
      ...(mountNamespace === undefined ? {} : { mountNamespace }),
      isNew: stats.birthtimeMs >= walk.since,
      uid: stats.uid,
      changedAt: stats.ctimeMs,
    });
  }

  /** When true, it took over the descriptor. */
  #enter(walk: Walk, fd: number, shown: string, device: number): boolean {
    try {
      const dir = opendirSync(pathOfDescriptor(fd), { encoding: BYTES, bufferSize: 64 });
      walk.open.push({ fd, dir, shown: shown === '/' ? '' : shown, device });
      return true;
    } catch {
      return false; // Gone meanwhile.
    }
  }

  #end(walk: Walk): void {
    for (const folder of walk.open) close(folder);
    walk.open.length = 0;
    this.#walk = undefined;
  }
}

// Names are bytes; latin1 keeps each one as it is.
const BYTES = 'latin1';

function nextName(dir: Dir): Buffer | undefined {
  try {
    const entry = dir.readSync();
    return entry === null ? undefined : Buffer.from(entry.name, BYTES);
  } catch {
    return undefined; // The medium failed or went away.
  }
}

/** Undefined, and the descriptor is closed, when there is nothing to see. */
function look(fd: number): Stats | undefined {
  if (fd < 0) return undefined; // Gone meanwhile, or mounted there.
  try {
    return fstatSync(fd);
  } catch {
    libc().close(fd);
    return undefined; // The medium failed or went away.
  }
}

function close({ dir, fd }: OpenFolder): void {
  libc().close(fd);
  try {
    dir.closeSync();
  } catch {
    // Its filesystem went away.
  }
}
