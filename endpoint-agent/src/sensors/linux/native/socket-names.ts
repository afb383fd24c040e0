import { libc, libcSymbols, orErrno } from '../../../native/libc.ts';

export interface SocketName {
  readonly ip: string;
  readonly port: number;
}

/** Both ends of an internet socket; a missing one has no address. */
export interface SocketNames {
  readonly local?: SocketName;
  readonly peer?: SocketName;
}

const SYS_PIDFD_GETFD = 438;
const SOCKADDR_BYTES = 28;

interface Calls {
  readonly getfd: (number: number, pidfd: number, fd: number, flags: number) => number;
  readonly getsockname: (fd: number, into: Uint8Array, length: Uint8Array) => number;
  readonly getpeername: (fd: number, into: Uint8Array, length: Uint8Array) => number;
}
let calls: Calls | undefined;

/**
 * The addresses of another process's socket, asked of the socket itself through a copy of its descriptor that
 * lives for some microseconds (pidfd_getfd, Linux 5.6). `decode` reads a struct sockaddr. Undefined once the
 * process or the descriptor is gone, and for what is no internet socket.
 */
export function socketNames(
  pid: number,
  fd: number,
  decode: (sockaddr: Buffer) => SocketName | undefined,
): SocketNames | undefined {
  const lib = libcSymbols();
  calls ??= {
    getfd: lib.func('long syscall(long number, long pidfd, long fd, long flags)'),
    getsockname: lib.func('int getsockname(int fd, void *into, void *length)'),
    getpeername: lib.func('int getpeername(int fd, void *into, void *length)'),
  };
  const pidfd = libc().pidfdOpen(pid);
  if (pidfd < 0) return undefined;
  const copy = orErrno(calls.getfd(SYS_PIDFD_GETFD, pidfd, fd, 0));
  libc().close(pidfd);
  if (copy < 0) return undefined;
  const local = nameOf(calls.getsockname, copy, decode);
  const peer = nameOf(calls.getpeername, copy, decode);
  libc().close(copy);
  if (!local && !peer) return undefined;
  return { ...(local ? { local } : {}), ...(peer ? { peer } : {}) };
}

function nameOf(
  ask: Calls['getsockname'],
  fd: number,
  decode: (sockaddr: Buffer) => SocketName | undefined,
): SocketName | undefined {
  const into = Buffer.alloc(SOCKADDR_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(SOCKADDR_BYTES, 0);
  return ask(fd, into, length) === 0 ? decode(into.subarray(0, length.readUInt32LE(0))) : undefined;
}
