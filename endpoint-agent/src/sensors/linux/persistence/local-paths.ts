import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LOCAL_FILESYSTEMS } from '../../../native/local-filesystems.ts';
import type { Mount } from '../fanotify/mounts.ts';

const MAX_LINKS = 16;

/**
 * Real paths of what lies on the machine's own disks, found without ever asking a network or user-space
 * filesystem, whose server could hold the call for ever. Valid for the mounts it was given.
 */
export class LocalPaths {
  readonly #mounts: readonly { readonly point: string; readonly isLocal: boolean }[];
  readonly #resolved = new Map<string, string | undefined>();

  constructor(mounts: readonly Mount[]) {
    this.#mounts = mounts.map(({ mountPoint, type }) => ({
      point: mountPoint.toString('utf8'),
      isLocal: LOCAL_FILESYSTEMS.has(type),
    }));
  }

  /** Whether the path lies on a local filesystem, by the mount table alone; its links are not looked at. */
  isLocal(path: string): boolean {
    let longest = -1;
    let local = false;
    for (const { point, isLocal } of this.#mounts) {
      const isAbove = point === '/' || path === point || path.startsWith(`${point}/`);
      // Of several mounts on one point the last is on top.
      if (isAbove && point.length >= longest) {
        longest = point.length;
        local = isLocal;
      }
    }
    return local;
  }

  /**
   * The path without links in it, also when its last components do not exist. Undefined when it leads to
   * another filesystem, or in circles.
   */
  resolve(path: string): string | undefined {
    return this.#resolve(path, 0);
  }

  #resolve(path: string, links: number): string | undefined {
    if (path === '/') return path;
    if (this.#resolved.has(path)) return this.#resolved.get(path);
    const above = this.#resolve(dirname(path), links);
    const real = above === undefined ? undefined : this.#step(above, path, links);
    this.#resolved.set(path, real);
    return real;
  }

  #step(above: string, path: string, links: number): string | undefined {
    const own = `${above === '/' ? '' : above}/${path.slice(path.lastIndexOf('/') + 1)}`;
    if (!this.isLocal(own)) return undefined;
    const target = linkTarget(own);
    if (target === undefined) return own;
    return links >= MAX_LINKS ? undefined : this.#resolve(resolve(above, target), links + 1);
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined; // Not there yet.
  }
}
