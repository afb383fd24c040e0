import { readFileSync, statSync } from 'node:fs';

interface Known {
  readonly user: string;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/** A process may become another user's; within this time what was read stands. */
const FRESH_MS = 1_000;
const GENERATION = 8_192;
/** Of processes that were gone before anybody could ask. */
export const UNKNOWN_OWNER = '';

/**
 * Whose a process is, for sharing out what is scarce: what it does not know costs a look at /proc of some
 * microseconds, at most once a second and process. A process that is gone is its parent's user, where the fork was
 * seen. Remembers at most 16,384 processes, those longest unused are forgotten.
 */
export class ProcessOwners {
  readonly #userOf: (pid: number) => string | undefined;
  #young = new Map<number, Known>();
  #old = new Map<number, Known>();

  constructor(userOf: (pid: number) => string | undefined = userInProc) {
    this.#userOf = userOf;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  noteFork(pid: number, parentPid: number, now: number): void {
    const parent = this.#get(parentPid);
    if (parent) this.#set(pid, { user: parent.user, at: now - FRESH_MS });
  }

  of(pid: number, now: number): string {
    const known = this.#get(pid);
    if (known && now - known.at < FRESH_MS) return known.user;
    const user = this.#userOf(pid) ?? known?.user ?? UNKNOWN_OWNER;
    this.#set(pid, { user, at: now });
    return user;
  }

  #get(pid: number): Known | undefined {
    return this.#young.get(pid) ?? this.#old.get(pid);
  }

  #set(pid: number, known: Known): void {
    this.#young.set(pid, known);
    if (this.#young.size < GENERATION) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}

/**
 * The owner of /proc/PID, which is cheap to ask for, unless it is root: that is also the owner of a process that gave
 * up root without starting a program, as servers do. Then the real user id (proc_pid_status(5)).
 */
function userInProc(pid: number): string | undefined {
  try {
    const stats = statSync(`/proc/${pid}`, { throwIfNoEntry: false });
    if (!stats || stats.uid !== 0) return stats && String(stats.uid);
    return /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  } catch {
    return undefined; // Ended in this very moment.
  }
}
