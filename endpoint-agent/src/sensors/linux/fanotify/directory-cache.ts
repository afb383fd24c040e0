export interface Directory {
  readonly path: string;
  /** Files in it are not reported. */
  readonly ignored: boolean;
}

/**
 * Paths of directories by filesystem id and handle, oldest out first. Renaming a directory changes the path
 * of everything below it, so that then all is forgotten.
 */
export class DirectoryCache {
  readonly #capacity: number;
  readonly #isIgnored: (path: string) => boolean;
  readonly #entries = new Map<string, Directory>();

  constructor(capacity: number, isIgnored: (path: string) => boolean) {
    this.#capacity = capacity;
    this.#isIgnored = isIgnored;
  }

  get(key: string): Directory | undefined {
    return this.#entries.get(key);
  }

  set(key: string, path: string): Directory {
    const directory = { path, ignored: this.#isIgnored(path) };
    this.#entries.delete(key);
    if (this.#entries.size >= this.#capacity) {
      const oldest = this.#entries.keys().next().value;
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(key, directory);
    return directory;
  }

  clear(): void {
    this.#entries.clear();
  }

  get size(): number {
    return this.#entries.size;
  }
}

/** True for a path that is one of these or lies below one. */
export function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(root === '/' ? '/' : `${root}/`));
}
