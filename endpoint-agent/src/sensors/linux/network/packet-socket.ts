import { libc, libcSymbols, orErrno } from '../../../native/libc.ts';
import { formatIpv6 } from '../audit/socket-address.ts';
import { attachFilter, type BpfInstruction } from '../native/socket-filter.ts';

const AF_PACKET = 17;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
/** ETH_P_ALL in network order: with a single protocol, packets that leave are not shown. */
const ALL_PROTOCOLS = 0x0300;
const SOCKADDR_LL_BYTES = 20;
const PACKET_TYPE_AT = 10;
const PACKET_OUTGOING = 4;
/** Asks for the time at which the kernel took the packet that was received last: struct timespec, or ENOENT. */
const SIOCGSTAMPNS = 0x8907;
const UDP = 17;
const UDP_HEADER_BYTES = 8;
const IPV6_HEADER_BYTES = 40;

/** The kernel wakes us for datagrams to port 53 alone; offsets are those of the IP header. */
export const DNS_QUERIES_ONLY: readonly BpfInstruction[] = [
  [0x30, 0, 0, 0], //    0 A = version and header length
  [0x54, 0, 0, 0xf0], // 1
  [0x15, 0, 7, 0x40], // 2 version 4, else 10
  [0x30, 0, 0, 9], //    3
  [0x15, 0, 11, UDP], // 4
  [0x28, 0, 0, 6], //    5
  [0x45, 9, 0, 0x1fff], // 6 not a later fragment
  [0xb1, 0, 0, 0], //    7 X = length of the header
  [0x48, 0, 0, 2], //    8
  [0x15, 5, 6, 53], //   9
  [0x15, 0, 5, 0x60], // 10 version 6
  [0x30, 0, 0, 6], //    11
  [0x15, 0, 3, UDP], // 12
  [0x28, 0, 0, 42], //   13
  [0x15, 0, 1, 53], //   14
  [0x06, 0, 0, 0xffff], // 15
  [0x06, 0, 0, 0], //    16
];

/** One datagram that left this network namespace. */
export interface SentDatagram {
  /** When it left, in milliseconds since the epoch: it may be read much later. */
  readonly sentAt?: number;
  readonly sourceIp: string;
  readonly sourcePort: number;
  readonly destinationIp: string;
  readonly payload: Buffer;
}

/** A socket that shows copies of DNS queries as they leave; needs CAP_NET_RAW. */
export interface PacketSocket {
  readonly fd: number;
  /** `-errno` when there is none; undefined for one that is of no interest. */
  receive(): SentDatagram | undefined | number;
  close(): void;
}

export function openPacketSocket(): PacketSocket | number {
  const lib = libcSymbols();
  const socket: (domain: number, type: number, protocol: number) => number = lib.func(
    'int socket(int domain, int type, int protocol)',
  );
  const recvfrom: (
    fd: number,
    into: Uint8Array,
    length: number,
    flags: number,
    from: Uint8Array,
    fromLength: Uint8Array,
  ) => number = lib.func('long recvfrom(int fd, void *into, ulong length, int flags, void *from, void *fromLength)');
  const ioctl: (fd: number, request: number, into: Uint8Array) => number = lib.func(
    'int ioctl(int fd, ulong request, void *into)',
  );
  // Filtered before it is bound to everything, so that nothing else is ever queued.
  const fd = orErrno(socket(AF_PACKET, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0));
  if (fd < 0) return fd;
  const filtered = attachFilter(fd, DNS_QUERIES_ONLY);
  const bound = filtered < 0 ? filtered : bindToAll(fd);
  if (bound < 0) {
    libc().close(fd);
    return bound;
  }
  const into = Buffer.alloc(2_048);
  const from = Buffer.alloc(SOCKADDR_LL_BYTES);
  const fromLength = Buffer.alloc(4);
  const stamp = Buffer.alloc(16);
  // The first question makes the kernel take the time of what comes from now on.
  ioctl(fd, SIOCGSTAMPNS, stamp);
  return {
    fd,
    receive() {
      fromLength.writeUInt32LE(SOCKADDR_LL_BYTES, 0);
      const length = orErrno(recvfrom(fd, into, into.length, 0, from, fromLength));
      if (length < 0) return length;
      if (from[PACKET_TYPE_AT] !== PACKET_OUTGOING) return undefined;
      const datagram = readDatagram(into.subarray(0, length));
      if (!datagram || orErrno(ioctl(fd, SIOCGSTAMPNS, stamp)) < 0) return datagram;
      return { ...datagram, sentAt: Number(stamp.readBigInt64LE(0)) * 1_000 + Number(stamp.readBigInt64LE(8)) / 1e6 };
    },
    close: () => void libc().close(fd),
  };
}

/** struct sockaddr_ll { u16 family, u16 protocol (network order), i32 ifindex (0: all), ... }, 20 bytes. */
function bindToAll(fd: number): number {
  const bind: (fd: number, address: Uint8Array, length: number) => number = libcSymbols().func(
    'int bind(int fd, const void *address, uint length)',
  );
  const address = Buffer.alloc(SOCKADDR_LL_BYTES);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16LE(ALL_PROTOCOLS, 2);
  return orErrno(bind(fd, address, SOCKADDR_LL_BYTES));
}

/** An IPv4 or IPv6 packet without extension headers that carries UDP; undefined for all others. */
export function readDatagram(packet: Buffer): SentDatagram | undefined {
  const version = (packet[0] ?? 0) >>> 4;
  const headerBytes = version === 4 ? ((packet[0] ?? 0) & 0xf) * 4 : IPV6_HEADER_BYTES;
  const protocol = packet[version === 4 ? 9 : 6];
  if ((version !== 4 && version !== 6) || protocol !== UDP || headerBytes < 20) return undefined;
  if (packet.length < headerBytes + UDP_HEADER_BYTES) return undefined;
  const address = (at: number) =>
    version === 4 ? [...packet.subarray(at, at + 4)].join('.') : formatIpv6(packet.subarray(at, at + 16));
  return {
    sourceIp: address(version === 4 ? 12 : 8),
    sourcePort: packet.readUInt16BE(headerBytes),
    destinationIp: address(version === 4 ? 16 : 24),
    payload: Buffer.from(packet.subarray(headerBytes + UDP_HEADER_BYTES)),
  };
}
