import { FairQueue } from '../../../platform/fairness/fair-queue.ts';

/** What happened to one file, not yet handed on. */
export interface FileAct {
  readonly kind: 'file_event' | 'file_change' | 'file_rename' | 'file_delete';
  readonly path: string;
  readonly renamedFrom?: string;
  readonly isDirectory?: boolean;
  readonly pid: number;
  /** When the first of them was read, in monotonic milliseconds. */
  readonly at: number;
  /** Inode number of the mount namespace that the path belongs to, where it is not the agent's own. */
  readonly mountNamespace?: number;
  /** Of a change of attributes: the same process made the file a moment ago, and finishes it. */
  readonly ofOwnFile?: boolean;
  created: boolean;
  written: boolean;
  /** Events that this one stands for. */
  count: number;
}

export interface CoalescerLimits {
  /** How long an act is held, in milliseconds, so that the process start before it is handed on first. */
  readonly holdMs: number;
  /** For how long after it further writes to the same path by the same process are gathered. */
  readonly quietMs: number;
  readonly maxQuiet: number;
  /** Acts that wait; absorbs bursts that the main thread cannot take at once. About 200 bytes each. */
  readonly maxHeld: number;
}

export const COALESCER_LIMITS: CoalescerLimits = { holdMs: 15, quietMs: 1_000, maxQuiet: 8_192, maxHeld: 50_000 };
const MAX_OWNERS = 256;

interface Quiet {
  until: number;
  readonly created: boolean;
  gathered?: FileAct;
}

/**
 * Hands file acts on in order after a short hold, and gathers the creating and writing of one path by one
 * process, and the changes of its attributes: the first is handed on at once, what follows within a second as
 * one more with its count. The last write is always handed on: its content is what lies on the disk.
 *
 * The users take turns, so that the acts of one are not behind the thousands of another; when too many wait, the
 * user who has most of them loses his newest, counted.
 */
export class WriteCoalescer {
  readonly #limits: CoalescerLimits;
  readonly #emit: (act: FileAct) => void;
  readonly #ownerOf: (pid: number) => string;
  readonly #line: FairQueue<FileAct>;
  readonly #held = new Map<string, FileAct>();
  readonly #quiet = new Map<string, Quiet>();
  #gathered = 0;
  #lost = 0;

  constructor(
    emit: (act: FileAct) => void,
    limits: CoalescerLimits = COALESCER_LIMITS,
    ownerOf: (pid: number) => string = () => '',
  ) {
    this.#emit = emit;
    this.#limits = limits;
    this.#ownerOf = ownerOf;
    this.#line = new FairQueue({ maxItems: limits.maxHeld, maxOwners: MAX_OWNERS });
  }

  get held(): number {
    return this.#line.size;
  }

  /** Acts that had to give way since too many waited. */
  get lost(): number {
    return this.#lost;
  }

  /** Whether one more act of this process would have to give way at once; then it is counted as lost. */
  refuses(pid: number): boolean {
    if (this.#line.size < this.#limits.maxHeld || !this.#line.isCrowdedBy(this.#ownerOf(pid))) return false;
    this.#lost += 1;
    return true;
  }

  /** Further writes are being gathered: `flush` is due within a second. */
  get gathering(): boolean {
    return this.#gathered > 0;
  }

  add(act: FileAct): void {
    if (act.kind === 'file_event') this.#gather(writesOf(act), act);
    else if (act.kind === 'file_change') {
      this.#gather(attributesOf(act), this.#isNew(writesOf(act)) ? { ...act, ofOwnFile: true } : act);
    } else {
      // What was written before belongs before it.
      this.#release(writesOf(act));
      this.#release(attributesOf(act));
      this.#enqueue(act);
    }
  }

  #isNew(key: string): boolean {
    return this.#held.get(key)?.created === true || this.#quiet.get(key)?.created === true;
  }

  #gather(key: string, act: FileAct): void {
    const held = this.#held.get(key) ?? this.#quiet.get(key)?.gathered;
    if (held) {
      held.created ||= act.created;
      held.written ||= act.written;
      held.count += 1;
      return;
    }
    const quiet = this.#quiet.get(key);
    if (quiet && act.at < quiet.until) {
      quiet.gathered = act;
      this.#gathered += 1;
      return;
    }
    this.#hold(key, act);
  }

  /** Hands on what has been held long enough, while there is room for it. */
  flush(now: number, hasRoom: () => boolean = () => true): void {
    const isDue = ({ at }: FileAct): boolean => at + this.#limits.holdMs <= now;
    // Those that come in meanwhile wait for the next time.
    for (let left = this.#line.size; left > 0 && hasRoom(); left -= 1) {
      const act = this.#line.take(isDue);
      if (!act) break;
      this.#handOn(act, now);
    }
    this.#expire(now);
  }

  /** Hands everything on: at the end. */
  drain(now: number): void {
    for (const key of this.#quiet.keys()) this.#release(key);
    for (const act of this.#line.drain()) this.#handOn(act, now);
  }

  #hold(key: string, act: FileAct): void {
    this.#held.set(key, act);
    this.#enqueue(act);
  }

  #release(key: string): void {
    this.#held.delete(key);
    const quiet = this.#quiet.get(key);
    this.#quiet.delete(key);
    if (!quiet?.gathered) return;
    this.#gathered -= 1;
    this.#enqueue(quiet.gathered);
  }

  #enqueue(act: FileAct): void {
    const dropped = this.#line.add(this.#ownerOf(act.pid), act);
    if (!dropped) return;
    this.#lost += 1;
    const key = keyOf(dropped);
    if (this.#held.get(key) === dropped) this.#held.delete(key);
  }

  #handOn(act: FileAct, now: number): void {
    const key = keyOf(act);
    if (this.#held.get(key) === act) {
      this.#held.delete(key);
      this.#begin(key, act.created, now);
    }
    this.#emit(act);
  }

  #begin(key: string, created: boolean, now: number): void {
    if (this.#quiet.size >= this.#limits.maxQuiet) {
      const oldest = this.#quiet.keys().next().value;
      if (oldest !== undefined) this.#release(oldest);
    }
    this.#quiet.delete(key);
    this.#quiet.set(key, { until: now + this.#limits.quietMs, created });
  }

  /** Entries stand in the order of their end. */
  #expire(now: number): void {
    for (const [key, quiet] of this.#quiet) {
      if (quiet.until > now) return;
      const { gathered } = quiet;
      this.#quiet.delete(key);
      if (!gathered) continue;
      this.#gathered -= 1;
      this.#hold(key, gathered);
    }
  }
}

function keyOf(act: FileAct): string {
  return act.kind === 'file_change' ? attributesOf(act) : writesOf(act);
}

function writesOf({ pid, path }: FileAct): string {
  return `${pid}:${path}`;
}

/** Apart from the writes: neither gathers the other. */
function attributesOf({ pid, path }: FileAct): string {
  return `${pid} ${path}`;
}
