import type { Mount } from './mounts.ts';

/**
 * Which mount stands for a filesystem id, as events carry it. An id belongs to the device that had it first: a copy
 * of a disk has the same one, and must not take the files of the other one for its own.
 */
export class FilesystemIds {
  readonly #owners = new Map<string, Mount>();

  get(fsid: Buffer): Mount | undefined {
    return this.#owners.get(fsid.toString('latin1'));
  }

  /** True, and from now on the id stands for this mount, unless it belongs to another device. */
  claim(fsid: Buffer, mount: Mount): boolean {
    const owner = this.get(fsid);
    if (owner && owner.device !== mount.device) return false;
    this.#owners.set(fsid.toString('latin1'), mount);
    return true;
  }

  /** Gives back what this device owns, and nothing else. */
  release(device: string): void {
    for (const [fsid, owner] of this.#owners) if (owner.device === device) this.#owners.delete(fsid);
  }
}
