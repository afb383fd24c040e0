import { type BigIntStats, fstatSync } from 'node:fs';
import { AT_FDCWD, libc, O } from '../../../native/libc.ts';
import { encodePath } from '../../../native/path-bytes.ts';
import { EVENT, fanotifyInit, fanotifyMark, INIT, MARK_ADD, MARK_FILESYSTEM } from '../native/fanotify.ts';
import { NO_LINKS, openat2, pathOfDescriptor, using } from '../native/openat2.ts';
import type { MemberOf, Mount } from './mounts.ts';
import { deviceOf, liesOn, openMount } from './open-mount.ts';

/** A file of an overlay that was closed after it was written to. */
export interface OverlayWrite {
  readonly path: string;
  /** Set when the path is one of another mount namespace, since the layer below could not be found. */
  readonly mountNamespace?: number;
  readonly pid: number;
}

export interface OverlayWritesOptions {
  readonly memberOf: MemberOf;
  readonly ownPid: number;
  readonly onWrite: (write: OverlayWrite) => void;
  readonly onOverflow: () => void;
}

const EVENT_BYTES = 24;
const READ_BYTES = 128 * EVENT_BYTES;
const PATH_BYTES = 4_096;
const COPIED_UP = 'trusted.overlay.origin';
/** A header of 21 bytes and a file handle of at most 128. */
const ORIGIN_BYTES = 256;

/** Kernels from 6.7 on tell of writes to an overlay on the filesystem below it; earlier ones on the overlay alone. */
export function tellsBelowOverlays(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.', 2).map((part) => Number.parseInt(part, 10));
  return major > 6 || (major === 6 && minor >= 7);
}

/**
 * Writes to files of overlays (the filesystems of containers), for kernels that do not tell of them below. An overlay
 * has no file handles that could be opened, so a second group of fanotify gets each file opened, one after the
 * other; that is safe, since what was written lies in the layer above, on a filesystem of the machine itself.
 * Where that layer can be found, the file is named by its path there, as its making and removal are.
 */
export class OverlayWrites {
  readonly #options: OverlayWritesOptions;
  readonly #group: number;
  readonly #buffer = Buffer.alloc(READ_BYTES);
  readonly #target = Buffer.alloc(PATH_BYTES);
  #overlays: ReadonlyMap<string, Mount> = new Map();

  constructor(options: OverlayWritesOptions) {
    this.#options = options;
    this.#group = fanotifyInit(INIT.CLOEXEC | INIT.NONBLOCK | INIT.UNLIMITED_MARKS);
  }

  /** Undefined when the kernel refused the group. */
  get descriptor(): number | undefined {
    return this.#group < 0 ? undefined : this.#group;
  }

  /** Marks those that are new; a mark goes with its overlay. */
  update(overlays: readonly Mount[]): void {
    if (this.#group < 0) return;
    const before = this.#overlays;
    const now = new Map<string, Mount>();
    for (const mount of overlays) {
      if (now.has(mount.device)) continue;
      if (before.has(mount.device) || this.#mark(mount)) now.set(mount.device, mount);
    }
    this.#overlays = now;
  }

  /** Reads a bounded amount; true when more may be waiting. */
  read(): boolean {
    if (this.#group < 0) return false;
    const length = libc().read(this.#group, this.#buffer);
    let size = EVENT_BYTES;
    for (let at = 0; at + EVENT_BYTES <= length && size >= EVENT_BYTES; at += size) {
      size = this.#buffer.readUInt32LE(at);
      const mask = this.#buffer.readUInt32LE(at + 8);
      const fd = this.#buffer.readInt32LE(at + 16);
      const pid = Math.max(0, this.#buffer.readInt32LE(at + 20));
      if (mask & EVENT.OVERFLOW) this.#options.onOverflow();
      if (fd >= 0) this.#take(fd, pid);
    }
    return length > 0;
  }

  close(): void {
    if (this.#group >= 0) libc().close(this.#group);
  }

  /** On the overlay alone: the files of what lies in its place may take for ever to open. */
  #mark(mount: Mount): boolean {
    return using(openMount(mount, this.#options.memberOf), false, (fd) => {
      if (!liesOn(fd, mount)) return false;
      return fanotifyMark(this.#group, MARK_ADD | MARK_FILESYSTEM, EVENT.CLOSE_WRITE, pathOfDescriptor(fd)) >= 0;
    });
  }

  /** Takes over the descriptor. */
  #take(fd: number, pid: number): void {
    try {
      if (pid === this.#options.ownPid) return;
      const length = libc().readlinkat(AT_FDCWD, pathOfDescriptor(fd), this.#target);
      const stats = fstatSync(fd, { bigint: true });
      const mount = this.#overlays.get(deviceOf(stats.dev));
      if (length <= 0 || !mount || !stats.isFile()) return;
      this.#options.onWrite({ ...this.#place(mount, Buffer.from(this.#target.subarray(0, length)), stats), pid });
    } finally {
      libc().close(fd);
    }
  }

  #place(mount: Mount, path: Buffer, written: BigIntStats): Omit<OverlayWrite, 'pid'> {
    const { mountPoint, upperDirectory, namespace } = mount;
    const isRoot = mountPoint.length === 1;
    // Whoever made the container may have moved its root since we read of the mount.
    const below = [
      ...(!isRoot && path.subarray(0, mountPoint.length).equals(mountPoint) ? [path.subarray(mountPoint.length)] : []),
      path,
    ];
    for (const part of upperDirectory === undefined ? [] : below) {
      const upper = Buffer.concat([upperDirectory ?? Buffer.alloc(0), part]);
      if (isIn(upper, written)) return { path: encodePath(upper) };
    }
    return { path: encodePath(path), ...(namespace === undefined ? {} : { mountNamespace: namespace }) };
  }
}

/** Whoever mounted the overlay may have put another folder, or a link, in the place of its upper layer by now. */
function isIn(upper: Buffer, written: BigIntStats): boolean {
  return using(openat2(AT_FDCWD, upper, O.PATH | O.NOFOLLOW, NO_LINKS), false, (fd) => {
    try {
      return isSameFile(fd, fstatSync(fd, { bigint: true }), written);
    } catch {
      return false; // The medium failed.
    }
  });
}

/**
 * Times and size of a file of an overlay are those of the upper layer always, and nobody sets the time of the last
 * change. Its number is that of the upper layer or, of one that was copied from below, that of the original: such a
 * copy says so in an attribute that only root can set.
 */
function isSameFile(fd: number, upper: BigIntStats, written: BigIntStats): boolean {
  if (upper.ctimeNs !== written.ctimeNs || upper.size !== written.size) return false;
  return upper.ino === written.ino || libc().getxattr(pathOfDescriptor(fd), COPIED_UP, Buffer.alloc(ORIGIN_BYTES)) > 0;
}
