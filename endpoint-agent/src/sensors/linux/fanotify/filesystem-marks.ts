import { readFileSync } from 'node:fs';
import { errnoName } from '../../../native/libc.ts';
import { EVENT, fanotifyMark, filesystemId, MARK_ADD, MARK_FILESYSTEM, pathOfHandle } from '../native/fanotify.ts';
import type { DirectoryEntry } from './event-reader.ts';
import { type Mount, mountName, mountsToMark } from './mounts.ts';

/** The marks of one fanotify group: one per filesystem, following what is mounted. */
export class FilesystemMarks {
  readonly #group: number;
  readonly #mask: number;
  readonly #marked = new Map<string, Mount>();
  readonly #refused = new Map<string, string>();
  readonly #mountPoints = new Map<string, Buffer>();

  constructor(group: number, mask: number) {
    this.#group = group;
    this.#mask = mask;
  }

  /** Mount points that the kernel refused to mark, with its reason. */
  get unmarked(): string[] {
    return [...this.#refused.values()];
  }

  /** Marks what is new. A filesystem's mark goes with its last mount by itself. */
  update(mounts: readonly Mount[]): void {
    const wanted = mountsToMark(mounts);
    const devices = new Set(wanted.map(({ device }) => device));
    for (const [device, mount] of this.#marked) if (!devices.has(device)) this.#forget(device, mount);
    for (const device of this.#refused.keys()) if (!devices.has(device)) this.#refused.delete(device);
    for (const mount of wanted) {
      const before = this.#marked.get(mount.device);
      if (before?.mountPoint.equals(mount.mountPoint) || this.#refused.has(mount.device)) continue;
      if (before) this.#forget(mount.device, before);
      this.#add(mount);
    }
  }

  /** True when files of the filesystem that this directory lies on are watched. */
  covers(directory: string): boolean {
    const fsid = filesystemId(Buffer.from(directory));
    return fsid !== undefined && this.#mountPoints.has(fsid.toString('latin1'));
  }

  /**
   * Compares with the mounts of this moment and the kernel's own list of this group's marks, and sets again what
   * is missing; returns their mount points. Only somebody who got hold of our descriptor can have taken them.
   */
  mend(mounts: readonly Mount[]): string[] {
    // A mark that went with its filesystem is no mark that somebody took.
    this.update(mounts);
    const present = this.#present();
    const missing = [...this.#marked].filter(([device]) => !present.has(device));
    for (const [device, mount] of missing) {
      this.#forget(device, mount);
      this.#add(mount);
    }
    return missing.map(([, mount]) => mountName(mount));
  }

  pathOf(entry: DirectoryEntry): string | undefined {
    const mountPoint = this.#mountPoints.get(entry.fsid.toString('latin1'));
    return mountPoint && pathOfHandle(mountPoint, entry.handle);
  }

  #present(): ReadonlySet<string> {
    return marksOf(readFileSync(`/proc/self/fdinfo/${this.#group}`, 'latin1'));
  }

  #add(mount: Mount): void {
    // Writing to a device is no change of a file; files made among them are.
    const mask = mount.type === 'devtmpfs' ? this.#mask & ~EVENT.CLOSE_WRITE : this.#mask;
    const result = fanotifyMark(this.#group, MARK_ADD | MARK_FILESYSTEM, mask, mount.mountPoint);
    const fsid = filesystemId(mount.mountPoint);
    if (result < 0 || !fsid) {
      this.#refused.set(mount.device, `${mountName(mount)} (${mount.type}, ${errnoName(result)})`);
      return;
    }
    // Beneath another mount on the same place there is no path to it, and the upper one was marked again.
    if (!this.#present().has(mount.device)) return;
    this.#marked.set(mount.device, mount);
    this.#mountPoints.set(fsid.toString('latin1'), mount.mountPoint);
  }

  #forget(device: string, mount: Mount): void {
    this.#marked.delete(device);
    for (const [fsid, mountPoint] of this.#mountPoints) {
      if (mountPoint === mount.mountPoint) this.#mountPoints.delete(fsid);
    }
  }
}

/** `fanotify sdev:fe00000 mflags:0 mask:...`: major number above 20 bits of minor number, in hexadecimal. */
function marksOf(fdinfo: string): ReadonlySet<string> {
  const devices = [...fdinfo.matchAll(/^fanotify sdev:([0-9a-f]+) /gm)].map(([, sdev]) =>
    Number.parseInt(sdev ?? '', 16),
  );
  return new Set(devices.map((device) => `${device >>> 20}:${device & 0xfffff}`));
}
