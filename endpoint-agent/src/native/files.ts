import { constants } from 'node:os';
import { cString, libcSymbols, orErrno } from './libc.ts';

/**
 * System calls on directory descriptors that Node has no functions for. As in `Libc`, every function returns
 * zero or more on success and `-errno` on failure. A `name` is one component of a path, as bytes.
 */
export interface FileCalls {
  /** linkat(2) of the file behind `fd` itself (an O_TMPFILE file too); EEXIST when the name is taken. */
  linkDescriptor(fd: number, directory: number, name: Uint8Array): number;
  unlink(directory: number, name: Uint8Array): number;
  removeDirectory(directory: number, name: Uint8Array): number;
  makeDirectory(directory: number, name: Uint8Array, mode: number): number;
  /** renameat2(2) with RENAME_NOREPLACE: EEXIST when the new name is taken. */
  renameNoReplace(fromDirectory: number, from: Uint8Array, toDirectory: number, to: Uint8Array): number;
  /** futimens(2), in nanoseconds since the epoch. */
  setTimes(fd: number, accessedNs: bigint, modifiedNs: bigint): number;
  /** flock(2), exclusive and without waiting; EAGAIN while another open file description has it. */
  tryLock(fd: number): number;
  /**
   * A read lease on a regular file: EAGAIN while anybody has it open or mapped for writing. While it is held,
   * whoever opens it for writing waits. The kernel's notice comes as SIGURG, which is ignored by default.
   */
  takeReadLease(fd: number): number;
  dropLease(fd: number): number;
  /** FS_IOC_GETFLAGS; ENOTTY where the filesystem has no such flags. */
  inodeFlags(fd: number): number;
  setInodeFlags(fd: number, flags: number): number;
  /** flistxattr(2): names, each ended by NUL, into `into`; returns the count of bytes. */
  listAttributes(fd: number, into: Uint8Array): number;
  getAttribute(fd: number, name: Uint8Array, into: Uint8Array): number;
  setAttribute(fd: number, name: Uint8Array, value: Uint8Array): number;
}

/** Values of open(2) beside those of `O`. */
export const O_NOATIME = 0o1000000;
/** Contains O_DIRECTORY, whose bit differs between the two architectures. */
export const O_TMPFILE = 0o20000000 | (process.arch === 'arm64' ? 0o40000 : 0o200000);

/** Inode flags of <linux/fs.h>: neither may be set on a file that is renamed or unlinked. */
export const INODE_IMMUTABLE = 0x10;
export const INODE_APPEND_ONLY = 0x20;

const AT_REMOVEDIR = 0x200;
const AT_EMPTY_PATH = 0x1000;
const RENAME_NOREPLACE = 1;
const SYS_RENAMEAT2 = process.arch === 'arm64' ? 276 : 316;
const LOCK_EX_NB = 2 | 4;
const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_RDLCK = 0;
const F_UNLCK = 2;
const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
const BILLION = 1_000_000_000n;

let bound: FileCalls | undefined;

/** Binds on first use. Throws off Linux. */
export function fileCalls(): FileCalls {
  bound ??= bind();
  return bound;
}

function bind(): FileCalls {
  const lib = libcSymbols();
  const linkat: (from: number, path: Uint8Array, to: number, name: Uint8Array, flags: number) => number = lib.func(
    'int linkat(int from, const void *path, int to, const void *name, int flags)',
  );
  const unlinkat: (directory: number, name: Uint8Array, flags: number) => number = lib.func(
    'int unlinkat(int directory, const void *name, int flags)',
  );
  const mkdirat: (directory: number, name: Uint8Array, mode: number) => number = lib.func(
    'int mkdirat(int directory, const void *name, uint mode)',
  );
  // musl has no renameat2. The arguments of syscall(2) travel as fixed ones do on x86-64 and arm64.
  const renameat2: (n: number, from: number, a: Uint8Array, to: number, b: Uint8Array, flags: number) => number =
    lib.func('long syscall(long n, long from, const void *a, long to, const void *b, long flags)');
  const futimens: (fd: number, times: Uint8Array) => number = lib.func('int futimens(int fd, const void *times)');
  const flock: (fd: number, operation: number) => number = lib.func('int flock(int fd, int operation)');
  const fcntl: (fd: number, command: number, argument: number) => number = lib.func(
    'int fcntl(int fd, int command, long argument)',
  );
  const ioctl: (fd: number, request: number, argument: Uint8Array) => number = lib.func(
    'int ioctl(int fd, ulong request, void *argument)',
  );
  const flistxattr: (fd: number, into: Uint8Array, length: number) => number = lib.func(
    'long flistxattr(int fd, void *into, ulong length)',
  );
  const fgetxattr: (fd: number, name: Uint8Array, into: Uint8Array, length: number) => number = lib.func(
    'long fgetxattr(int fd, const void *name, void *into, ulong length)',
  );
  const fsetxattr: (fd: number, name: Uint8Array, value: Uint8Array, length: number, flags: number) => number =
    lib.func('int fsetxattr(int fd, const void *name, const void *value, ulong length, int flags)');

  return {
    linkDescriptor: (fd, directory, name) => orErrno(linkat(fd, cString(''), directory, cString(name), AT_EMPTY_PATH)),
    unlink: (directory, name) => orErrno(unlinkat(directory, cString(name), 0)),
    removeDirectory: (directory, name) => orErrno(unlinkat(directory, cString(name), AT_REMOVEDIR)),
    makeDirectory: (directory, name, mode) => orErrno(mkdirat(directory, cString(name), mode)),
    renameNoReplace: (fromDirectory, from, toDirectory, to) =>
      orErrno(renameat2(SYS_RENAMEAT2, fromDirectory, cString(from), toDirectory, cString(to), RENAME_NOREPLACE)),
    setTimes: (fd, accessedNs, modifiedNs) => orErrno(futimens(fd, timespecs(accessedNs, modifiedNs))),
    tryLock: (fd) => orErrno(flock(fd, LOCK_EX_NB)),
    takeReadLease: (fd) => {
      const routed = orErrno(fcntl(fd, F_SETSIG, constants.signals.SIGURG));
      return routed < 0 ? routed : orErrno(fcntl(fd, F_SETLEASE, F_RDLCK));
    },
    dropLease: (fd) => orErrno(fcntl(fd, F_SETLEASE, F_UNLCK)),
    inodeFlags: (fd) => {
      const flags = Buffer.alloc(8);
      const result = orErrno(ioctl(fd, FS_IOC_GETFLAGS, flags));
      return result < 0 ? result : flags.readUInt32LE();
    },
    setInodeFlags: (fd, flags) => {
      const argument = Buffer.alloc(8);
      argument.writeUInt32LE(flags);
      return orErrno(ioctl(fd, FS_IOC_SETFLAGS, argument));
    },
    listAttributes: (fd, into) => orErrno(flistxattr(fd, into, into.length)),
    getAttribute: (fd, name, into) => orErrno(fgetxattr(fd, cString(name), into, into.length)),
    setAttribute: (fd, name, value) => orErrno(fsetxattr(fd, cString(name), value, value.length, 0)),
  };
}

function timespecs(accessedNs: bigint, modifiedNs: bigint): Buffer {
  const out = Buffer.alloc(32);
  for (const [index, time] of [accessedNs, modifiedNs].entries()) {
    // Before the epoch tv_nsec still counts forward.
    const nanoseconds = ((time % BILLION) + BILLION) % BILLION;
    out.writeBigInt64LE((time - nanoseconds) / BILLION, index * 16);
    out.writeBigInt64LE(nanoseconds, index * 16 + 8);
  }
  return out;
}
