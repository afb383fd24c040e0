import { encodePath } from '../../../native/path-bytes.ts';
import type { CanaryClaims } from '../capture/canaries.ts';
import { EVENT } from '../native/fanotify.ts';
import { type Directory, DirectoryCache, isBelow } from './directory-cache.ts';
import type { DirectoryEntry, RawFileEvent } from './event-reader.ts';
import type { FoundDirectory } from './filesystem-marks.ts';
import type { FileAct } from './write-coalescer.ts';

const DIRECTORIES = 16_384;

export interface FileEventsOptions {
  readonly ownPid: number;
  readonly ignorePaths: readonly string[];
  readonly canaries: CanaryClaims;
  readonly find: (entry: DirectoryEntry) => FoundDirectory | undefined;
  readonly add: (act: FileAct) => void;
}

interface Place {
  readonly path: string;
  readonly mountNamespace?: number;
}

/** Gives the kernel's events their paths, and makes acts of them. */
export class FileEvents {
  readonly #options: FileEventsOptions;
  readonly #directories: DirectoryCache;
  #unresolved = 0;

  constructor(options: FileEventsOptions) {
    this.#options = options;
    this.#directories = new DirectoryCache(DIRECTORIES, (path) => isBelow(path, options.ignorePaths));
  }

  /** Events whose directory was gone, without having been known. */
  get unresolved(): number {
    return this.#unresolved;
  }

  /** `at` in monotonic milliseconds. Not for an overflow. */
  handle(event: RawFileEvent, at: number): void {
    const { mask, pid, entry } = event;
    // Without a name there is nothing to tell.
    if (!entry) return;
    const isDirectory = (mask & EVENT.ONDIR) !== 0;
    if (isDirectory && mask & (EVENT.RENAME | EVENT.MOVED_FROM | EVENT.MOVED_TO)) this.#forget(event);
    const place = this.#placeOf(entry);
    if (isDirectory && mask & EVENT.CREATE && place && event.targetKey !== undefined) {
      // Known from its birth: what happens in it has a path even when it is gone by the time we look.
      this.#directories.set(event.targetKey, place.path, place.mountNamespace);
    }
    if (pid === this.#options.ownPid) {
      if (mask & EVENT.CLOSE_WRITE) this.#options.canaries.write(pid, entry.name.toString('latin1'));
      return;
    }
    const act = (kind: FileAct['kind'], of: Place, more: Partial<FileAct> = {}) =>
      this.#options.add({ kind, ...of, pid, at, created: false, written: false, count: 1, ...more });
    if (mask & (EVENT.RENAME | EVENT.MOVED_TO | EVENT.MOVED_FROM)) {
      const to = mask & EVENT.RENAME ? this.#placeOf(event.renamedTo) : mask & EVENT.MOVED_TO ? place : undefined;
      const from = mask & EVENT.MOVED_TO ? undefined : place;
      if (to) act('file_rename', to, { ...(from ? { renamedFrom: from.path } : {}), isDirectory });
      else if (from) act('file_delete', from, { isDirectory });
    }
    if (!place || mask & EVENT.MOVED_TO) return;
    if (!isDirectory && mask & (EVENT.CREATE | EVENT.CLOSE_WRITE)) {
      const created = (mask & EVENT.CREATE) !== 0;
      act('file_event', place, { created, written: (mask & EVENT.CLOSE_WRITE) !== 0 });
    }
    if (mask & EVENT.ATTRIB) act('file_change', place, isDirectory ? { isDirectory } : {});
    if (!isDirectory && mask & EVENT.DELETE) act('file_delete', place);
  }

  #directoryOf(entry: DirectoryEntry): Directory | undefined {
    const known = this.#directories.get(entry.directoryKey);
    if (known) return known;
    const found = this.#options.find(entry);
    if (found) return this.#directories.set(entry.directoryKey, found.path, found.mountNamespace);
    this.#unresolved += 1;
    return undefined;
  }

  /** Before the names of a renamed directory are looked at: they lie in its parents, which stay. */
  #forget(event: RawFileEvent): void {
    const names = [event.entry, event.renamedTo].filter((entry) => entry !== undefined);
    const paths = names.map((entry) => {
      const directory = this.#directoryOf(entry);
      return directory && join(directory, entry);
    });
    if (paths.length > 0 && paths.every((path) => path !== undefined)) this.#directories.forgetBelow(paths);
    else this.#directories.clear();
  }

  /** Absent when the directory is ignored or gone without having been known. */
  #placeOf(entry: DirectoryEntry | undefined): Place | undefined {
    const directory = entry && this.#directoryOf(entry);
    if (!entry || !directory || directory.ignored) return undefined;
    const path = join(directory, entry);
    const { mountNamespace } = directory;
    if (mountNamespace !== undefined) return { path, mountNamespace };
    return this.#options.ignorePaths.includes(path) ? undefined : { path };
  }
}

function join(directory: Directory, entry: DirectoryEntry): string {
  const parent = directory.path === '/' ? '' : directory.path;
  // An event on a directory itself names it by a dot.
  if (entry.name.length === 1 && entry.name[0] === DOT) return parent || '/';
  return `${parent}/${encodePath(entry.name)}`;
}

const DOT = 0x2e;
