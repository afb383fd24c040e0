import type { BpfInstruction } from '../native/socket-filter.ts';

/**
 * Messages of the process connector (`linux/cn_proc.h`): nlmsghdr (16 bytes), cn_msg (20: u32 idx = 1, val = 1,
 * seq, ack, u16 len, flags), then struct proc_event: u32 what@36, cpu@40, u64 timestamp_ns@44 (CLOCK_MONOTONIC),
 * and from 52 the ids: fork parent_pid, parent_tgid, child_pid, child_tgid; exit pid, tgid, exit_code,
 * exit_signal, parent_pid, parent_tgid. Ids are those of the initial pid namespace.
 */
export type ConnectorEvent =
  | { readonly kind: 'fork'; readonly pid: number; readonly parentPid: number; readonly monotonicMs: number }
  | { readonly kind: 'exit'; readonly pid: number; readonly status: number; readonly monotonicMs: number };

const EVENT_FORK = 0x1;
const EVENT_EXIT = 0x80000000;
const DATA_AT = 52;
const FORK_BYTES = DATA_AT + 16;
const EXIT_BYTES = DATA_AT + 16;

/** Undefined for events of threads and for kinds that we do not use. */
export function decodeConnectorMessage(message: Buffer): ConnectorEvent | undefined {
  if (message.length < FORK_BYTES) return undefined;
  const what = message.readUInt32LE(36);
  const monotonicMs = Number(message.readBigUInt64LE(44) / 1_000n) / 1_000;
  if (what === EVENT_FORK) {
    const pid = message.readInt32LE(60);
    if (pid !== message.readInt32LE(64)) return undefined;
    return { kind: 'fork', pid, parentPid: message.readInt32LE(56), monotonicMs };
  }
  if (what === EVENT_EXIT && message.length >= EXIT_BYTES) {
    const pid = message.readInt32LE(52);
    if (pid !== message.readInt32LE(56)) return undefined;
    return { kind: 'exit', pid, status: message.readUInt32LE(60), monotonicMs };
  }
  return undefined;
}

const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_EQUAL_X = 0x1d;
const KEEP_AS_X = 0x07;
const RETURN = 0x06;
const SWAPPED = (value: number) => ((value & 0xff) << 24) | ((value >>> 24) & 0xff);

/**
 * Only starts and ends of whole processes: a browser's threads alone are hundreds of messages a second. Words
 * are loaded in network order, so the numbers of this little-endian machine are compared swapped.
 */
export const PROCESSES_ONLY: readonly BpfInstruction[] = [
  [LOAD_WORD, 0, 0, 36],
  [JUMP_EQUAL, 0, 4, SWAPPED(EVENT_FORK) >>> 0],
  [LOAD_WORD, 0, 0, 60],
  [KEEP_AS_X, 0, 0, 0],
  [LOAD_WORD, 0, 0, 64],
  [JUMP_EQUAL_X, 5, 6, 0],
  [JUMP_EQUAL, 0, 5, SWAPPED(EVENT_EXIT) >>> 0],
  [LOAD_WORD, 0, 0, 52],
  [KEEP_AS_X, 0, 0, 0],
  [LOAD_WORD, 0, 0, 56],
  [JUMP_EQUAL_X, 0, 1, 0],
  [RETURN, 0, 0, 0xffffffff],
  [RETURN, 0, 0, 0],
];

/** The message that subscribes this socket: PROC_CN_MCAST_LISTEN. */
export function listenMessage(): Buffer {
  const message = Buffer.alloc(40);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(3, 4); // NLMSG_DONE, as the connector wants it.
  message.writeUInt32LE(1, 16); // CN_IDX_PROC
  message.writeUInt32LE(1, 20); // CN_VAL_PROC
  message.writeUInt16LE(4, 32);
  message.writeUInt32LE(1, 36);
  return message;
}

/** How a process ended, from the status that wait(2) would give: the code, or the signal that ended it. */
export function decodeExitStatus(status: number): { readonly exitCode: number; readonly signal?: number } {
  const signal = status & 0x7f;
  // As shells count: 128 and the signal's number.
  return signal === 0 ? { exitCode: (status >>> 8) & 0xff } : { exitCode: 128 + signal, signal };
}
