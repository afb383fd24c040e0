import { constants } from 'node:os';
import { formatIpv6 } from '../audit/socket-address.ts';
import { openNetlink } from '../native/netlink.ts';

/** A socket that waits for others, as sock_diag(7) lists it. */
export interface WaitingSocket {
  readonly protocol: 'tcp' | 'udp';
  readonly ip: string;
  readonly port: number;
  readonly inode: number;
}

const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const REQUEST_DUMP = 0x301;
const HEADER_BYTES = 16;
const MESSAGE_BYTES = 72;
const AF_INET = 2;
const AF_INET6 = 10;
/** Bits of states: a TCP socket that listens, a UDP socket without a peer. */
const WAITING = { tcp: 1 << 10, udp: 1 << 7 } as const;
const PROTOCOL = { tcp: 6, udp: 17 } as const;
const EAGAIN = -constants.errno.EAGAIN;
const MAX_SOCKETS = 16_384;

/** Every waiting socket of this network namespace, or `-errno`. Synchronous; only waiting ones are walked. */
export function listWaitingSockets(): WaitingSocket[] | number {
  const socket = openNetlink(NETLINK_SOCK_DIAG, 0);
  if (typeof socket === 'number') return socket;
  const buffer = Buffer.alloc(65_536);
  const found: WaitingSocket[] = [];
  try {
    for (const protocol of ['tcp', 'udp'] as const) {
      for (const family of [AF_INET, AF_INET6]) {
        const sent = socket.send(request(family, protocol));
        if (sent < 0) return sent;
        const result = readDump(socket, buffer, protocol, found);
        if (result < 0) return result;
      }
    }
  } finally {
    socket.close();
  }
  return found;
}

/** The kernel answers a dump within the send and the receives themselves: there is nothing to wait for. */
function readDump(
  socket: { receive(into: Uint8Array): number },
  buffer: Buffer,
  protocol: 'tcp' | 'udp',
  found: WaitingSocket[],
): number {
  for (;;) {
    const received = socket.receive(buffer);
    if (received < 0) return received === EAGAIN ? 0 : received;
    for (let at = 0; at + HEADER_BYTES <= received; ) {
      const length = buffer.readUInt32LE(at);
      const type = buffer.readUInt16LE(at + 4);
      if (type === NLMSG_DONE) return 0;
      if (type === NLMSG_ERROR) return buffer.readInt32LE(at + HEADER_BYTES);
      if (length < HEADER_BYTES || at + length > received) return 0;
      if (type === SOCK_DIAG_BY_FAMILY && length >= HEADER_BYTES + MESSAGE_BYTES && found.length < MAX_SOCKETS) {
        found.push(readMessage(buffer.subarray(at + HEADER_BYTES), protocol));
      }
      at += (length + 3) & ~3;
    }
  }
}

/** struct inet_diag_msg: u8 family@0, state@1; id: u16be sport@4, dport@6, src@8, dst@24 ...; uid@64, inode@68. */
function readMessage(message: Buffer, protocol: 'tcp' | 'udp'): WaitingSocket {
  const source = message.subarray(8, 24);
  return {
    protocol,
    ip: message[0] === AF_INET ? [...source.subarray(0, 4)].join('.') : formatIpv6(source),
    port: message.readUInt16BE(4),
    inode: message.readUInt32LE(68),
  };
}

/** struct inet_diag_req_v2: u8 family, protocol, ext, pad; u32 states; struct inet_diag_sockid (48 bytes). */
function request(family: number, protocol: 'tcp' | 'udp'): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + 56);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  bytes.writeUInt16LE(REQUEST_DUMP, 6);
  bytes.writeUInt32LE(1, 8);
  bytes.writeUInt8(family, HEADER_BYTES);
  bytes.writeUInt8(PROTOCOL[protocol], HEADER_BYTES + 1);
  bytes.writeUInt32LE(WAITING[protocol], HEADER_BYTES + 4);
  return bytes;
}
