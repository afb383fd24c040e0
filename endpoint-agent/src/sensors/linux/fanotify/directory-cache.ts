export interface Directory {
  readonly path: string;
  /** Inode number of the mount namespace that the path belongs to, where it is not the agent's own. */
  readonly mountNamespace?: number;
  /** Files in it are not reported. */
  readonly ignored: boolean;
}

/**
 * Paths of directories by filesystem id and handle, oldest out first. Renaming a directory changes the path
 * of everything below it: what lies below its old or new name is then forgotten, and looked up again.
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

  set(key: string, path: string, mountNamespace?: number): Directory {
    // Elsewhere the same name is another directory: nobody hides in ours by its name.
    const directory: Directory =
      mountNamespace === undefined
        ? { path, ignored: this.#isIgnored(path) }
        : { path, ignored: false, mountNamespace };
    this.#entries.delete(key);
    if (this.#entries.size >= this.#capacity) {
      const oldest = this.#entries.keys().next().value;
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(key, directory);
    return directory;
  }

  forgetBelow(roots: readonly string[]): void {
    for (const [key, { path }] of this.#entries) if (isBelow(path, roots)) this.#entries.delete(key);
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
