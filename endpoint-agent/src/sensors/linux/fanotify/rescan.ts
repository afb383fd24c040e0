import { type Dir, lstatSync, opendirSync, type Stats } from 'node:fs';
import { encodePath } from '../../../native/path-bytes.ts';

export interface RescanRoot {
  /** Where it is opened. */
  readonly at: Buffer;
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
].map((path): RescanRoot => ({ at: Buffer.from(path), shown: path }));

interface Walk {
  readonly root: RescanRoot;
  readonly since: number;
  looked: number;
  readonly open: { readonly dir: Dir; readonly at: Buffer; readonly shown: string; readonly device: number }[];
}

/**
 * Looks for files that changed since a moment, where the events of that time are lost: after an overflow of the
 * kernel's queue, and on a filesystem that was mounted before it could be marked. Works in small steps, follows no
 * link, stays on one filesystem, and counts what it leaves out. Who did it stays unknown.
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
      const stats = look(next.root.at);
      if (!stats?.isDirectory() || !this.#enter(walk, next.root.at, next.root.shown, stats.dev)) continue;
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
        close(top.dir);
        continue;
      }
      looked += 1;
      walk.looked += 1;
      this.#see(walk, Buffer.concat([top.at, SLASH, name]), `${top.shown}/${encodePath(name)}`, top.device);
    }
    return Math.max(1, looked);
  }

  #see(walk: Walk, at: Buffer, shown: string, device: number): void {
    const stats = look(at);
    if (!stats || stats.dev !== device) return;
    if (stats.isDirectory()) {
      if (walk.open.length >= this.#limits.depth || !this.#enter(walk, at, shown, device)) this.#leftOut += 1;
      return;
    }
    if (!stats.isFile() || stats.ctimeMs < walk.since) return;
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

  #enter(walk: Walk, at: Buffer, shown: string, device: number): boolean {
    try {
      const dir = opendirSync(at, { encoding: BYTES, bufferSize: 64 });
      walk.open.push({ dir, at, shown: shown === '/' ? '' : shown, device });
      return true;
    } catch {
      return false; // Gone meanwhile.
    }
  }

  #end(walk: Walk): void {
    for (const { dir } of walk.open) close(dir);
    walk.open.length = 0;
    this.#walk = undefined;
  }
}

const SLASH = Buffer.from('/');
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

function look(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined; // Gone meanwhile.
  }
}

function close(dir: Dir): void {
  try {
    dir.closeSync();
  } catch {
    // Its filesystem went away.
  }
}
