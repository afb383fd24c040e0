import { libc, libcSymbols, orErrno } from '../../../native/libc.ts';

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SOCKADDR_IN_BYTES = 16;

interface Calls {
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly connect: (fd: number, address: Uint8Array, length: number) => number;
}
let calls: Calls | undefined;

/** Names a peer to a datagram socket and closes it: connect(2) without a packet. False without a socket. */
export function connectDatagram(ip: string, port: number): boolean {
  const lib = libcSymbols();
  calls ??= {
    socket: lib.func('int socket(int domain, int type, int protocol)'),
    connect: lib.func('int connect(int fd, const void *address, uint length)'),
  };
  const fd = orErrno(calls.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0));
  if (fd < 0) return false;
  const address = Buffer.alloc(SOCKADDR_IN_BYTES);
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(port, 2);
  address.set(ip.split('.').map(Number), 4);
  // Whether there is a route does not matter: the call itself is what is to be seen.
  calls.connect(fd, address, SOCKADDR_IN_BYTES);
  libc().close(fd);
  return true;
}
