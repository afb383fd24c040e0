export interface TalkativeLimits {
  /** Calls within the window that make a process one to be muted. */
  readonly calls: number;
  readonly windowMs: number;
  readonly muteMs: number;
  readonly maxProcesses: number;
}

export const TALKATIVE_LIMITS: TalkativeLimits = { calls: 2_000, windowMs: 5_000, muteMs: 60_000, maxProcesses: 1_024 };

/**
 * Finds processes whose datagrams and taken connections are so many that recording each would slow them down
 * and crowd out everybody else's events: a name server, a game, a flood. Also system calls of which that is true.
 * Pure; monotonic milliseconds.
 */
export class TalkativeProcesses<Key = number> {
  readonly #limits: TalkativeLimits;
  readonly #counts = new Map<Key, number>();
  readonly #muted = new Map<Key, number>();
  #since = 0;
  #times = 0;

  constructor(limits: TalkativeLimits = TALKATIVE_LIMITS) {
    this.#limits = limits;
  }

  /** Processes that are passed over now. */
  get muted(): Key[] {
    return [...this.#muted.keys()];
  }

  /** How often a process was muted since the start. */
  get times(): number {
    return this.#times;
  }

  /** One such call. True when the process is to be muted from now on. */
  note(pid: Key, now: number): boolean {
    if (now - this.#since >= this.#limits.windowMs) {
      this.#since = now;
      this.#counts.clear();
    }
    const count = (this.#counts.get(pid) ?? 0) + 1;
    if (this.#counts.size < this.#limits.maxProcesses || this.#counts.has(pid)) this.#counts.set(pid, count);
    if (count <= this.#limits.calls || this.#muted.has(pid)) return false;
    this.#muted.set(pid, now + this.#limits.muteMs);
    this.#times += 1;
    return true;
  }

  /** Processes that are to be heard again. */
  expire(now: number): Key[] {
    const over = [...this.#muted].filter(([, until]) => until <= now).map(([pid]) => pid);
    for (const pid of over) this.#muted.delete(pid);
    return over;
  }
}
