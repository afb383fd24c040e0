import { libc } from '../../../native/libc.ts';
import { openDetachedMount } from '../native/detached-mount.ts';
import { filesystemId } from '../native/fanotify.ts';
import type { Mount } from './mounts.ts';

/** The subvolume that holds all others (BTRFS_FS_TREE_OBJECTID). */
const TOP_LEVEL = 5n;
/** struct file_handle has 8 bytes before the handle; in btrfs's (struct btrfs_fid) the inode's number comes first. */
const SUBVOLUME_AT = 16;
/** FILEID_BTRFS_WITHOUT_PARENT of `linux/exportfs.h`, and the two with more behind it. */
const HANDLE_TYPES: ReadonlySet<number> = new Set([0x4d, 0x4e, 0x4f]);

/**
 * Calls `act` with a path to the top of a btrfs: the kernel marks the filesystem through no other place
 * (EXDEV from every subvolume), and many systems mount subvolumes only. Returns what `act` does, or `-errno`.
 */
export function throughTopLevel(mount: Mount, act: (top: Buffer) => number): number {
  const fd = openDetachedMount('btrfs', mount.source, { subvolid: String(TOP_LEVEL) });
  if (fd < 0) return fd;
  try {
    return act(Buffer.from(`/proc/self/fd/${fd}`));
  } finally {
    libc().close(fd);
  }
}

/** The subvolume of a directory's handle (struct file_handle); undefined when it is not one of btrfs. */
export function subvolumeOf(handle: Buffer): bigint | undefined {
  if (handle.length < SUBVOLUME_AT + 8 || !HANDLE_TYPES.has(handle.readInt32LE(4))) return undefined;
  return handle.readBigUInt64LE(SUBVOLUME_AT);
}

/**
 * Whether the path lies in this subvolume: each has a filesystem id of its own, that of the top combined with
 * its number (btrfs_statfs). A path that leads out of the mount it was asked through names something else.
 */
export function liesInSubvolume(path: Buffer, topFilesystemId: Buffer, subvolume: bigint): boolean {
  const found = filesystemId(path);
  if (found === undefined) return false;
  const number = subvolume ^ TOP_LEVEL;
  return (
    found.readUInt32LE(0) === (topFilesystemId.readUInt32LE(0) ^ Number(number >> 32n)) >>> 0 &&
    found.readUInt32LE(4) === (topFilesystemId.readUInt32LE(4) ^ Number(number & 0xffff_ffffn)) >>> 0
  );
}
