import { cString, libc, libcSymbols, O, orErrno } from '../../../native/libc.ts';
import { encodePath } from '../../../native/path-bytes.ts';

/** Flags of fanotify_init(2): a notification group whose events carry directory handle, name and target handle. */
export const INIT = {
  CLOEXEC: 0x1,
  NONBLOCK: 0x2,
  UNLIMITED_MARKS: 0x20,
  REPORT_FID: 0x200,
  REPORT_DIR_FID: 0x400,
  REPORT_NAME: 0x800,
  REPORT_TARGET_FID: 0x1000,
} as const;

/** Flags of fanotify_mark(2). */
export const MARK_ADD = 0x1;
export const MARK_REMOVE = 0x2;
export const MARK_FILESYSTEM = 0x100;

/** Event bits; they are within 32 bits. */
export const EVENT = {
  ATTRIB: 0x4,
  CLOSE_WRITE: 0x8,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  OVERFLOW: 0x4000,
  RENAME: 0x10000000,
  ONDIR: 0x40000000,
} as const;

interface FanotifyCalls {
  init(flags: number, eventFlags: number): number;
  mark(fd: number, flags: number, mask: bigint, dirfd: number, path: Uint8Array): number;
  openByHandle(mountFd: number, handle: Uint8Array, flags: number): number;
  statfs(path: Uint8Array, into: Uint8Array): number;
}

let calls: FanotifyCalls | undefined;

function bound(): FanotifyCalls {
  if (calls) return calls;
  const lib = libcSymbols();
  calls = {
    init: lib.func('int fanotify_init(uint flags, uint event_f_flags)'),
    mark: lib.func('int fanotify_mark(int fd, uint flags, uint64_t mask, int dirfd, const void *path)'),
    openByHandle: lib.func('int open_by_handle_at(int mount_fd, const void *handle, int flags)'),
    statfs: lib.func('int statfs(const void *path, void *into)'),
  };
  return calls;
}

const AT_FDCWD = -100;

/** A new group; the descriptor or `-errno`. */
export function fanotifyInit(flags: number): number {
  return orErrno(bound().init(flags, O.RDONLY | O.CLOEXEC));
}

export function fanotifyMark(fd: number, flags: number, mask: number, path: Uint8Array): number {
  return orErrno(bound().mark(fd, flags, BigInt(mask >>> 0), AT_FDCWD, cString(path)));
}

/**
 * `f_fsid` of struct statfs (8 bytes at offset 56 on 64-bit systems): the same two words that an event's
 * record carries. Undefined when the path cannot be asked.
 */
export function filesystemId(path: Uint8Array): Buffer | undefined {
  const into = Buffer.alloc(256);
  return orErrno(bound().statfs(cString(path), into)) < 0 ? undefined : into.subarray(56, 64);
}

/**
 * The present path of the directory that a file handle names. `handle` is a struct file_handle { u32 bytes;
 * i32 type; u8 handle[] }; `mountPoint` any directory of the same filesystem. The mount is opened for the
 * moment of the call only, since an open descriptor would keep it from being unmounted.
 */
export function pathOfHandle(mountPoint: Uint8Array, handle: Uint8Array): string | undefined {
  const system = libc();
  const mount = system.open(mountPoint, O.RDONLY | O.DIRECTORY | O.NONBLOCK);
  if (mount < 0) return undefined;
  const fd = orErrno(bound().openByHandle(mount, handle, O.PATH | O.CLOEXEC));
  system.close(mount);
  if (fd < 0) return undefined;
  const target = Buffer.alloc(4_096);
  const length = system.readlinkat(AT_FDCWD, Buffer.from(`/proc/self/fd/${fd}`), target);
  system.close(fd);
  return length > 0 ? encodePath(target.subarray(0, length)) : undefined;
}
