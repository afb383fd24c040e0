import type { Origin } from './describe-entry.ts';

const MAX_PENDING = 4_096;

/** Paths that wait to be looked at, each with its last known writer. Beyond the bound everything is looked at. */
export class PendingPaths {
  #files = new Map<string, Origin>();
  #directories = new Map<string, Origin>();
  /** Paths that found no room, ever. */
  overflowed = 0;
  wantsRescan = false;

  get isEmpty(): boolean {
    return this.#files.size + this.#directories.size === 0;
  }

  add(path: string, isDirectory: boolean, origin: Origin): void {
    const paths = isDirectory ? this.#directories : this.#files;
    const before = paths.get(path);
    if (!before && this.#files.size + this.#directories.size >= MAX_PENDING) {
      this.overflowed += 1;
      this.wantsRescan = true;
      return;
    }
    // An event without a process says nothing against the one before it.
    if (!before || origin.pid !== undefined) paths.set(path, origin);
  }

  take(): { readonly files: ReadonlyMap<string, Origin>; readonly directories: ReadonlyMap<string, Origin> } {
    const taken = { files: this.#files, directories: this.#directories };
    this.#files = new Map();
    this.#directories = new Map();
    return taken;
  }
}
