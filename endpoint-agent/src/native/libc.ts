import { constants } from 'node:os';
import koffi, { type LibraryHandle } from 'koffi';

/**
 * The system calls that several parts of the Linux agent share. Every function returns what the kernel
 * returns: zero or more on success, `-errno` on failure (`errnoName` gives the symbol). Nothing throws
 * except a missing symbol, which is a bug or an unsupported C library.
 *
 * All calls are synchronous (0.1 to 0.3 µs of overhead). None that can block belongs on the libuv pool:
 * a blocked pool thread stalls `fs` and keeps the process from exiting.
 */
export interface Libc {
  /** open(2) with O_CLOEXEC added; `path` as bytes without the final NUL. */
  open(path: Uint8Array, flags: number, mode?: number): number;
  /** openat(2) with O_CLOEXEC added; AT_FDCWD is -100. */
  openat(directory: number, path: Uint8Array, flags: number, mode?: number): number;
  close(fd: number): number;
  /** read(2) into the first `length` bytes of `into`. */
  read(fd: number, into: Uint8Array, length?: number): number;
  write(fd: number, from: Uint8Array, length?: number): number;
  /** readlinkat(2); returns the count of bytes written into `into`, which may be cut at its length. */
  readlinkat(directory: number, path: Uint8Array, into: Uint8Array): number;
  /** getxattr(2), following symbolic links. */
  getxattr(path: Uint8Array, name: string, into: Uint8Array): number;
  /** poll(2); `set` is an array of struct pollfd { int fd; short events; short revents }. */
  poll(set: Uint8Array, count: number, timeoutMs: number): number;
  /** pidfd_open(2), Linux 5.3: a descriptor that names this process across reuse of its pid. */
  pidfdOpen(pid: number): number;
  /** pidfd_send_signal(2), Linux 5.1; ESRCH once the process was reaped. `flags`: Linux 6.9. */
  pidfdSendSignal(pidfd: number, signal: number, flags?: number): number;
}

/** Values of open(2) that are the same on x86-64 and arm64. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NONBLOCK: 0o4000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
  // arm64 swaps these two with O_DIRECT and O_LARGEFILE of x86.
  DIRECTORY: process.arch === 'arm64' ? 0o40000 : 0o200000,
  NOFOLLOW: process.arch === 'arm64' ? 0o100000 : 0o400000,
} as const;

export const AT_FDCWD = -100;

const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

/** The symbol of a negative return value, such as `ENOENT` for -2. */
export function errnoName(result: number): string {
  return ERRNO_NAMES.get(-result) ?? `errno ${-result}`;
}

/** Bytes of a path with the NUL that C expects. A NUL inside cuts the path, as it would in C. */
export function cString(path: Uint8Array | string): Buffer {
  const bytes = typeof path === 'string' ? Buffer.from(path, 'utf8') : path;
  const out = Buffer.alloc(bytes.length + 1);
  out.set(bytes);
  return out;
}

/** The running program's own libc, so that glibc and musl both serve. Throws off Linux. */
export function libcSymbols(): LibraryHandle {
  if (process.platform !== 'linux') throw new Error('libc is bound on Linux only');
  symbols ??= koffi.load(null);
  return symbols;
}

let symbols: LibraryHandle | undefined;

/** Turns the C convention (-1 and errno) into the kernel's (-errno). */
export function orErrno(result: number): number {
  return result === -1 ? -koffi.errno() : result;
}

// Both numbers are the same on every architecture, since both calls came after the tables were unified.
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;

let bound: Libc | undefined;

/** Binds on first use; safe to call as often as wanted, in every thread. */
export function libc(): Libc {
  bound ??= bind(libcSymbols());
  return bound;
}

function bind(lib: LibraryHandle): Libc {
  const openat: (dirfd: number, path: Uint8Array, flags: number, mode: number) => number = lib.func(
    'int openat(int dirfd, const void *path, int flags, uint mode)',
  );
  const close: (fd: number) => number = lib.func('int close(int fd)');
  const read: (fd: number, into: Uint8Array, length: number) => number = lib.func(
    'long read(int fd, void *into, ulong length)',
  );
  const write: (fd: number, from: Uint8Array, length: number) => number = lib.func(
    'long write(int fd, const void *from, ulong length)',
  );
  const readlinkat: (dirfd: number, path: Uint8Array, into: Uint8Array, length: number) => number = lib.func(
    'long readlinkat(int dirfd, const void *path, void *into, ulong length)',
  );
  const getxattr: (path: Uint8Array, name: string, into: Uint8Array, length: number) => number = lib.func(
    'long getxattr(const void *path, const char *name, void *into, ulong length)',
  );
  const poll: (set: Uint8Array, count: number, timeout: number) => number = lib.func(
    'int poll(void *set, ulong count, int timeout)',
  );
  // The arguments of the variadic syscall(2) travel as fixed ones do on x86-64 and arm64.
  const syscall4: (number: number, a: number, b: number, c: null, d: number) => number = lib.func(
    'long syscall(long number, long a, long b, void *c, long d)',
  );
  return {
    open: (path, flags, mode = 0) => orErrno(openat(AT_FDCWD, cString(path), flags | O.CLOEXEC, mode)),
    openat: (directory, path, flags, mode = 0) => orErrno(openat(directory, cString(path), flags | O.CLOEXEC, mode)),
    close: (fd) => orErrno(close(fd)),
    read: (fd, into, length = into.length) => orErrno(read(fd, into, length)),
    write: (fd, from, length = from.length) => orErrno(write(fd, from, length)),
    readlinkat: (directory, path, into) => orErrno(readlinkat(directory, cString(path), into, into.length)),
    getxattr: (path, name, into) => orErrno(getxattr(cString(path), name, into, into.length)),
    poll: (set, count, timeoutMs) => orErrno(poll(set, count, timeoutMs)),
    pidfdOpen: (pid) => orErrno(syscall4(SYS_PIDFD_OPEN, pid, 0, null, 0)),
    pidfdSendSignal: (pidfd, signal, flags = 0) => orErrno(syscall4(SYS_PIDFD_SEND_SIGNAL, pidfd, signal, null, flags)),
  };
}
