import { ArgumentVector } from './arguments.ts';
import { RECORD } from './constants.ts';
import { decimal, hexadecimal, parseFields, parseHead, type RecordFields } from './record.ts';
import { SerialGaps } from './serial-gaps.ts';
import { meaningOf } from './syscalls.ts';

/** The records of one event, put together. `syscall` is there unless that record was lost. */
export interface AuditEvent {
  readonly serial: number;
  /** Milliseconds since the epoch, by the kernel's clock at the system call. */
  readonly time: number;
  readonly syscall?: RecordFields;
  readonly argv?: ArgumentVector;
  readonly workingDirectory?: RecordFields;
  readonly paths: readonly RecordFields[];
  readonly socketAddress?: RecordFields;
  readonly module?: RecordFields;
  /** Another process that the call was about. */
  readonly object?: RecordFields;
  /** Asked of the kernel through an io_uring instead of a system call. */
  readonly uring?: RecordFields;
  /** The capabilities that a capset gave. */
  readonly capabilities?: RecordFields;
  /** A change of the audit subsystem itself. */
  readonly configChange?: RecordFields;
  /** False when records are missing: they were lost on the way. */
  readonly complete: boolean;
}

export interface AssemblerLimits {
  /** Events waiting for their remaining records. */
  readonly maxPending: number;
  /** Characters of all waiting records together. */
  readonly maxPendingChars: number;
  /** How long an event may wait for them, in milliseconds. */
  readonly maxAgeMs: number;
}

export const ASSEMBLER_LIMITS: AssemblerLimits = {
  maxPending: 4_096,
  maxPendingChars: 32 * 1024 * 1024,
  maxAgeMs: 2_000,
};

interface Pending {
  readonly serial: number;
  readonly time: number;
  readonly since: number;
  syscall?: RecordFields;
  argv?: ArgumentVector;
  workingDirectory?: RecordFields;
  paths: RecordFields[];
  socketAddress?: RecordFields;
  module?: RecordFields;
  object?: RecordFields;
  uring?: RecordFields;
  capabilities?: RecordFields;
  configChange?: RecordFields;
  chars: number;
  ended: boolean;
}

const MAX_PATHS = 16;
/** Serials of events handed on, so that a straggling record begins no new one. */
const REMEMBERED = 1_024;

/**
 * Sorts records into events by serial. Records of different events come interleaved; an event is handed on
 * when its end (EOE) and everything its SYSCALL record promises is there, in whatever order, or incomplete
 * when it grew too old or the table too large. Pure: the caller gives the monotonic time in milliseconds.
 */
export class EventAssembler {
  readonly #limits: AssemblerLimits;
  readonly #emit: (event: AuditEvent) => void;
  readonly #pending = new Map<number, Pending>();
  readonly #finished = new Set<number>();
  readonly #gaps = new SerialGaps();
  readonly #admits: (text: string, bodyAt: number) => boolean;
  #chars = 0;
  #incomplete = 0;
  #malformed = 0;
  #passedOver = 0;

  /** `admits`: whether an event that begins with this record is to be put together at all. */
  constructor(
    emit: (event: AuditEvent) => void,
    limits: AssemblerLimits = ASSEMBLER_LIMITS,
    admits: (text: string, bodyAt: number) => boolean = () => true,
  ) {
    this.#emit = emit;
    this.#limits = limits;
    this.#admits = admits;
  }

  /** Events of which records never came. */
  get incomplete(): number {
    return this.#incomplete;
  }
  /** Events of which nothing came, by the gaps in their serials. */
  get missing(): number {
    return this.#gaps.missing;
  }
  /** Events that were not admitted. */
  get passedOver(): number {
    return this.#passedOver;
  }
  get malformed(): number {
    return this.#malformed;
  }
  get pending(): number {
    return this.#pending.size;
  }

  add(type: number, text: string, now: number): void {
    const head = parseHead(text);
    if (!head) {
      this.#malformed += 1;
      return;
    }
    this.#gaps.see(head.serial);
    // What comes after its event was handed on adds nothing that anybody could still read.
    if (!OF_INTEREST.has(type) || this.#finished.has(head.serial)) return;
    const known = this.#pending.get(head.serial);
    if (!known && BEGINS.has(type) && !this.#admits(text, head.bodyAt)) {
      this.#passedOver += 1;
      this.#remember(head.serial);
      return;
    }
    const event = known ?? this.#begin(head.serial, head.time, now);
    event.chars += text.length;
    this.#chars += text.length;
    switch (type) {
      case RECORD.EXECVE:
        event.argv ??= new ArgumentVector();
        event.argv.add(text, head.bodyAt);
        break;
      case RECORD.EOE:
        event.ended = true;
        break;
      default:
        assign(event, type, parseFields(text, head.bodyAt));
    }
    if (event.ended && isComplete(event)) this.#finish(event, true);
    else if (this.#chars > this.#limits.maxPendingChars) this.#finishOldest();
  }

  /** Hands on what waited too long. Call now and then. */
  sweep(now: number): void {
    this.#gaps.settle(now);
    for (const event of this.#pending.values()) {
      if (now - event.since < this.#limits.maxAgeMs) break;
      this.#finish(event, isComplete(event));
    }
  }

  #begin(serial: number, time: number, now: number): Pending {
    if (this.#pending.size >= this.#limits.maxPending) this.#finishOldest();
    const event: Pending = { serial, time, since: now, paths: [], chars: 0, ended: false };
    this.#pending.set(serial, event);
    return event;
  }

  #finishOldest(): void {
    const oldest = this.#pending.values().next().value;
    if (oldest) this.#finish(oldest, isComplete(oldest));
  }

  #finish(event: Pending, complete: boolean): void {
    this.#pending.delete(event.serial);
    this.#chars -= event.chars;
    if (!complete) this.#incomplete += 1;
    this.#remember(event.serial);
    const { chars: _chars, ended: _ended, since: _since, ...rest } = event;
    this.#emit({ ...rest, complete });
  }

  #remember(serial: number): void {
    this.#finished.add(serial);
    if (this.#finished.size <= REMEMBERED) return;
    for (const oldest of this.#finished) {
      this.#finished.delete(oldest);
      break;
    }
  }
}

/** Records that come first and say whose event it is. */
const BEGINS: ReadonlySet<number> = new Set([RECORD.SYSCALL, RECORD.URINGOP]);

const OF_INTEREST: ReadonlySet<number> = new Set([
  RECORD.SYSCALL,
  RECORD.EXECVE,
  RECORD.CWD,
  RECORD.PATH,
  RECORD.SOCKADDR,
  RECORD.KERN_MODULE,
  RECORD.OBJ_PID,
  RECORD.CONFIG_CHANGE,
  RECORD.URINGOP,
  RECORD.CAPSET,
  RECORD.EOE,
]);

function assign(event: Pending, type: number, fields: RecordFields): void {
  if (type === RECORD.SYSCALL) event.syscall ??= fields;
  else if (type === RECORD.CWD) event.workingDirectory ??= fields;
  else if (type === RECORD.SOCKADDR) event.socketAddress ??= fields;
  else if (type === RECORD.KERN_MODULE) event.module ??= fields;
  else if (type === RECORD.OBJ_PID) event.object ??= fields;
  else if (type === RECORD.URINGOP) event.uring ??= fields;
  else if (type === RECORD.CAPSET) event.capabilities ??= fields;
  else if (type === RECORD.CONFIG_CHANGE) event.configChange ??= fields;
  else if (type === RECORD.PATH && event.paths.length < MAX_PATHS) event.paths.push(fields);
}

function isComplete({ syscall, argv, configChange, uring }: Pending): boolean {
  // The kernel writes a change of audit alone when its own filters pass over the call that made it.
  if (syscall === undefined) return configChange !== undefined || uring !== undefined;
  return argv === undefined ? !startsProgram(syscall) : argv.complete;
}

function startsProgram(syscall: RecordFields): boolean {
  const meaning = meaningOf(hexadecimal(syscall.get('arch')) ?? 0, decimal(syscall.get('syscall')) ?? -1);
  return meaning === 'exec' && syscall.get('success') === 'yes';
}
