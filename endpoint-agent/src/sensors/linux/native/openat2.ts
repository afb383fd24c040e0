import { cString, libc, libcSymbols, O, orErrno } from '../../../native/libc.ts';

/** Linux 5.6; the number is the same on every architecture. */
const SYS_OPENAT2 = 437;
/** struct open_how { u64 flags; u64 mode; u64 resolve }. */
const HOW_BYTES = 24;

/** What the way to a file must not do; flags of openat2(2). */
export const RESOLVE = {
  NO_XDEV: 0x1,
  NO_MAGICLINKS: 0x2,
  NO_SYMLINKS: 0x4,
  /** The directory is the root: nothing leads out of it, and absolute paths begin there. */
  IN_ROOT: 0x10,
} as const;

/** The way follows no link of any kind: nobody who owns a folder on it leads us elsewhere. */
export const NO_LINKS = RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS;

let call: ((number: number, directory: number, path: Uint8Array, how: Uint8Array, size: number) => number) | undefined;

/**
 * openat2(2) with O_CLOEXEC added. The descriptor or `-errno`: ELOOP where a link was in the way, EXDEV where the
 * way left the filesystem's mount, ENOSYS where the kernel or a filter does not have the call.
 */
export function openat2(directory: number, path: Uint8Array, flags: number, resolve: number): number {
  call ??= libcSymbols().func(
    'long syscall(long number, long directory, const void *path, const void *how, long size)',
  );
  const how = Buffer.alloc(HOW_BYTES);
  how.writeBigUInt64LE(BigInt(flags | O.CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  return orErrno(call(SYS_OPENAT2, directory, cString(path), how, HOW_BYTES));
}

/** Names an open file for a system call that takes paths only; no link on the way to it counts any more. */
export function pathOfDescriptor(fd: number): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}`);
}

/** Calls `act` with the descriptor and closes it, or returns `otherwise` for a negative one. */
export function using<T>(fd: number, otherwise: T, act: (fd: number) => T): T {
  if (fd < 0) return otherwise;
  try {
    return act(fd);
  } finally {
    libc().close(fd);
  }
}
