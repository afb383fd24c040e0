import { libc, libcSymbols, orErrno } from '../../../native/libc.ts';
import { attachFilter, type BpfInstruction } from './socket-filter.ts';

/**
 * Netlink sockets, without blocking. Results follow `Libc`: zero or more, or `-errno`.
 *
 * struct sockaddr_nl { u16 family = 16; u16 pad; u32 port; u32 groups } (12 bytes).
 * struct nlmsghdr { u32 length; u16 type; u16 flags; u32 sequence; u32 port } (16 bytes).
 */
export const NETLINK_AUDIT = 9;
export const NETLINK_CONNECTOR = 11;
export const NLMSG_HEADER_BYTES = 16;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
/** Nine u32: bytes that wait, of how many at most, ...; the last one counts dropped datagrams. */
const MEMINFO_BYTES = 36;
const MEMINFO_DROPS_AT = 32;
const SOCKADDR_NL_BYTES = 12;

interface SocketCalls {
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly bind: (fd: number, address: Uint8Array, length: number) => number;
  readonly setsockopt: (fd: number, level: number, option: number, value: Uint8Array, length: number) => number;
  readonly getsockopt: (fd: number, level: number, option: number, into: Uint8Array, length: Uint8Array) => number;
  readonly sendto: (
    fd: number,
    from: Uint8Array,
    length: number,
    flags: number,
    to: Uint8Array,
    toLength: number,
  ) => number;
  readonly recvfrom: (
    fd: number,
    into: Uint8Array,
    length: number,
    flags: number,
    from: Uint8Array,
    fromLength: Uint8Array,
  ) => number;
}

let calls: SocketCalls | undefined;

function bound(): SocketCalls {
  if (calls) return calls;
  const lib = libcSymbols();
  calls = {
    socket: lib.func('int socket(int domain, int type, int protocol)'),
    bind: lib.func('int bind(int fd, const void *address, uint length)'),
    setsockopt: lib.func('int setsockopt(int fd, int level, int option, const void *value, uint length)'),
    getsockopt: lib.func('int getsockopt(int fd, int level, int option, void *into, void *length)'),
    sendto: lib.func('long sendto(int fd, const void *from, ulong length, int flags, const void *to, uint toLength)'),
    recvfrom: lib.func('long recvfrom(int fd, void *into, ulong length, int flags, void *from, void *fromLength)'),
  };
  return calls;
}

/** One open netlink socket. Datagrams that do not come from the kernel itself are skipped and counted. */
export interface NetlinkSocket {
  readonly fd: number;
  /** Bytes of the next datagram in `into`, `-EAGAIN` when there is none, `-ENOBUFS` when the kernel dropped some. */
  receive(into: Uint8Array): number;
  /** To the kernel. */
  send(message: Uint8Array): number;
  /** Asks for a receive buffer beyond the system's limit (needs CAP_NET_ADMIN), else as large as allowed. */
  setReceiveBuffer(bytes: number): void;
  /**
   * Lets the kernel drop what no one needs before it wakes us: a classic BPF program over the netlink message.
   * Returns `-errno` when it is refused; then everything arrives.
   */
  filter(program: readonly BpfInstruction[]): number;
  /** Datagrams for this socket that the kernel dropped for want of room, since it was opened. */
  dropped(): number;
  /** How full the receive buffer is, from 0 to about 1. */
  occupancy(): number;
  readonly foreignDatagrams: number;
  close(): void;
}

/** Opens and binds; `groups` is the bit mask of multicast groups. Returns `-errno` when refused. */
export function openNetlink(protocol: number, groups: number): NetlinkSocket | number {
  const { socket, bind } = bound();
  const type = (protocol === NETLINK_CONNECTOR ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const fd = orErrno(socket(AF_NETLINK, type, protocol));
  if (fd < 0) return fd;
  const result = orErrno(bind(fd, address(groups), SOCKADDR_NL_BYTES));
  if (result < 0) {
    libc().close(fd);
    return result;
  }
  return new Socket(fd);
}

function address(groups: number): Buffer {
  const bytes = Buffer.alloc(SOCKADDR_NL_BYTES);
  bytes.writeUInt16LE(AF_NETLINK, 0);
  bytes.writeUInt32LE(groups, 8);
  return bytes;
}

class Socket implements NetlinkSocket {
  readonly fd: number;
  foreignDatagrams = 0;
  readonly #from = Buffer.alloc(SOCKADDR_NL_BYTES);
  readonly #fromLength = Buffer.alloc(4);
  readonly #kernel = address(0);
  readonly #info = Buffer.alloc(MEMINFO_BYTES);
  readonly #infoLength = Buffer.alloc(4);
  #open = true;

  constructor(fd: number) {
    this.fd = fd;
  }

  receive(into: Uint8Array): number {
    const { recvfrom } = bound();
    for (;;) {
      this.#fromLength.writeUInt32LE(SOCKADDR_NL_BYTES, 0);
      const received = orErrno(recvfrom(this.fd, into, into.length, 0, this.#from, this.#fromLength));
      // Another process with CAP_NET_ADMIN could send to our port; only port 0, the kernel, is believed.
      if (received < 0 || this.#from.readUInt32LE(4) === 0) return received;
      this.foreignDatagrams += 1;
    }
  }

  send(message: Uint8Array): number {
    return orErrno(bound().sendto(this.fd, message, message.length, 0, this.#kernel, SOCKADDR_NL_BYTES));
  }

  setReceiveBuffer(bytes: number): void {
    const value = Buffer.alloc(4);
    value.writeInt32LE(bytes, 0);
    const { setsockopt } = bound();
    if (orErrno(setsockopt(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, value, 4)) < 0) {
      setsockopt(this.fd, SOL_SOCKET, SO_RCVBUF, value, 4);
    }
  }

  filter(program: readonly BpfInstruction[]): number {
    return attachFilter(this.fd, program);
  }

  dropped(): number {
    return this.#memory() ? this.#info.readUInt32LE(MEMINFO_DROPS_AT) : 0;
  }

  occupancy(): number {
    return this.#memory() ? this.#info.readUInt32LE(0) / Math.max(1, this.#info.readUInt32LE(4)) : 0;
  }

  #memory(): boolean {
    this.#infoLength.writeUInt32LE(MEMINFO_BYTES, 0);
    return orErrno(bound().getsockopt(this.fd, SOL_SOCKET, SO_MEMINFO, this.#info, this.#infoLength)) >= 0;
  }

  close(): void {
    if (this.#open) libc().close(this.fd);
    this.#open = false;
  }
}
