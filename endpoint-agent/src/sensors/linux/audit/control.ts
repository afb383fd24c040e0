import { libc } from '../../../native/libc.ts';
import { NETLINK_AUDIT, type NetlinkSocket, NLMSG_HEADER_BYTES, openNetlink } from '../native/netlink.ts';
import { POLLIN } from '../native/poll-set.ts';
import { AUDIT_ADD_RULE, AUDIT_DEL_RULE, AUDIT_GET, AUDIT_LIST_RULES, AUDIT_SET, STATUS_PID } from './constants.ts';
import { type AuditRule, decodeRule, encodeRule, type ListedRule } from './rule.ts';
import { type AuditStatus, decodeStatus, encodeStatus } from './status.ts';

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const REPLY_TIMEOUT_MS = 2_000;
const ETIMEDOUT = -110;
const EAGAIN = -11;
const EINTR = -4;

/**
 * Questions and orders to the kernel's audit subsystem, on a socket apart from the one that receives
 * records. Synchronous, at most two seconds each. Results follow `Libc`: 0 or `-errno`.
 */
export interface AuditControl extends Disposable {
  status(): AuditStatus | number;
  /** Applies the members that `mask` names. */
  set(mask: number, status: Partial<AuditStatus>): number;
  addRule(rule: AuditRule): number;
  deleteRule(rule: ListedRule): number;
  rules(): readonly ListedRule[] | number;
}

/** Opens the control socket; `-errno` without the privilege or without audit in the kernel. */
export function openAuditControl(): AuditControl | number {
  const opened = openNetlink(NETLINK_AUDIT, 0);
  if (typeof opened === 'number') return opened;
  const socket: NetlinkSocket = opened;
  socket.setReceiveBuffer(4 * 1024 * 1024);
  let sequence = 0;

  function exchange(
    type: number,
    flags: number,
    payload: Uint8Array,
    onReply: (type: number, body: Buffer) => boolean,
  ) {
    sequence += 1;
    const sent = socket.send(message(type, flags, sequence, payload));
    if (sent < 0) return sent;
    return receiveReplies(socket, sequence, onReply);
  }
  const order = (type: number, payload: Uint8Array) => exchange(type, NLM_F_ACK, payload, () => false);

  return {
    status() {
      let status: AuditStatus | undefined;
      const result = exchange(AUDIT_GET, 0, new Uint8Array(0), (type, body) => {
        if (type === AUDIT_GET) status = decodeStatus(body);
        return status !== undefined;
      });
      return status ?? (result < 0 ? result : ETIMEDOUT);
    },
    set: (mask, status) => order(AUDIT_SET, encodeStatus(mask, status)),
    addRule: (rule) => order(AUDIT_ADD_RULE, encodeRule(rule)),
    deleteRule: (rule) => order(AUDIT_DEL_RULE, rule.raw),
    rules() {
      const rules: ListedRule[] = [];
      const result = exchange(AUDIT_LIST_RULES, 0, new Uint8Array(0), (type, body) => {
        const rule = type === AUDIT_LIST_RULES ? decodeRule(body) : undefined;
        if (rule) rules.push(rule);
        return type === NLMSG_DONE;
      });
      return result < 0 ? result : rules;
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

/**
 * Makes this process the audit daemon, receiving on `socket`, or with 0 lets go of it. Records that
 * arrive before the answer go to `onRecord`, so that none is lost.
 */
export function registerDaemon(
  socket: NetlinkSocket,
  pid: number,
  onRecord: (type: number, body: Buffer) => void,
): number {
  const sequence = 0x59414755; // Apart from the serials of records, which travel with sequence 0.
  const sent = socket.send(message(AUDIT_SET, NLM_F_ACK, sequence, encodeStatus(STATUS_PID, { pid })));
  if (sent < 0) return sent;
  return receiveReplies(socket, sequence, (type, body) => {
    onRecord(type, body);
    return false;
  });
}

function message(type: number, flags: number, sequence: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(NLMSG_HEADER_BYTES + payload.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(NLM_F_REQUEST | flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(payload, NLMSG_HEADER_BYTES);
  return bytes;
}

/** Reads until the kernel answered our sequence number, or `onReply` says that it has what it wants. */
function receiveReplies(
  socket: NetlinkSocket,
  sequence: number,
  onReply: (type: number, body: Buffer) => boolean,
): number {
  const buffer = Buffer.alloc(65_536);
  const poll = Buffer.alloc(8);
  const deadline = performance.now() + REPLY_TIMEOUT_MS;
  for (;;) {
    const received = socket.receive(buffer);
    if (received === EAGAIN || received === EINTR) {
      const left = deadline - performance.now();
      if (left <= 0) return ETIMEDOUT;
      poll.writeInt32LE(socket.fd, 0);
      poll.writeInt32LE(POLLIN, 4);
      libc().poll(poll, 1, Math.ceil(left));
      continue;
    }
    if (received < 0) return received;
    if (received < NLMSG_HEADER_BYTES) continue;
    const type = buffer.readUInt16LE(4);
    if (type === NLMSG_ERROR && buffer.readUInt32LE(8) === sequence) return buffer.readInt32LE(NLMSG_HEADER_BYTES);
    // A copy: the next datagram overwrites the buffer. The header's length is wrong on older kernels.
    if (onReply(type, Buffer.from(buffer.subarray(NLMSG_HEADER_BYTES, received)))) return 0;
  }
}
