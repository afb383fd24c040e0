export interface AttributeGateLimits {
  /** Changes of attributes by one process that are told singly in one window. */
  readonly burst: number;
  readonly windowMs: number;
  /** How long further ones are gathered. */
  readonly gatherMs: number;
  readonly processes: number;
}

export const ATTRIBUTE_GATE_LIMITS: AttributeGateLimits = {
  burst: 32,
  windowMs: 10_000,
  gatherMs: 1_000,
  processes: 1_024,
};

/** What one process changed beyond what is told singly. */
export interface GatheredChanges {
  readonly pid: number;
  /** The deepest folder that holds all of them. */
  readonly folder: string;
  readonly count: number;
  /** When the first was seen, in monotonic milliseconds. */
  readonly at: number;
  readonly mountNamespace?: number;
}

interface Share {
  windowEnd: number;
  told: number;
  gathered?: { folder: string; count: number; at: number; mountNamespace?: number };
}

/**
 * Keeps the attributes' changes of one process from drowning the rest: `chmod -R` and installations change tens of
 * thousands. After a burst they become one event a second with their count and the folder they lie in.
 */
export class AttributeGate {
  readonly #limits: AttributeGateLimits;
  readonly #shares = new Map<number, Share>();
  #overdue: GatheredChanges[] = [];
  #open = 0;

  constructor(limits: AttributeGateLimits = ATTRIBUTE_GATE_LIMITS) {
    this.#limits = limits;
  }

  /** Something is gathered: `take` is due within a second. */
  get gathering(): boolean {
    return this.#open > 0 || this.#overdue.length > 0;
  }

  /** True when it is to be told singly; otherwise it was gathered. */
  admit(pid: number, path: string, now: number, mountNamespace?: number): boolean {
    const share = this.#shareOf(pid, now);
    if (share.told < this.#limits.burst) {
      share.told += 1;
      return true;
    }
    const folder = path.slice(0, Math.max(1, path.lastIndexOf('/')));
    if (share.gathered && share.gathered.mountNamespace === mountNamespace) {
      share.gathered.folder = commonFolder(share.gathered.folder, folder);
      share.gathered.count += 1;
      return false;
    }
    if (share.gathered) this.#overdue.push({ pid, ...share.gathered });
    else this.#open += 1;
    share.gathered = { folder, count: 1, at: now, ...(mountNamespace === undefined ? {} : { mountNamespace }) };
    return false;
  }

  /** What has been gathered long enough; with `all`, everything. */
  take(now: number, all = false): GatheredChanges[] {
    const due = this.#overdue;
    this.#overdue = [];
    for (const [pid, share] of this.#shares) {
      const { gathered } = share;
      if (!gathered || (!all && now - gathered.at < this.#limits.gatherMs)) continue;
      due.push({ pid, ...gathered });
      delete share.gathered;
      this.#open -= 1;
    }
    return due;
  }

  #shareOf(pid: number, now: number): Share {
    const before = this.#shares.get(pid);
    if (before && now < before.windowEnd) return before;
    const share: Share = {
      windowEnd: now + this.#limits.windowMs,
      told: 0,
      ...(before?.gathered ? { gathered: before.gathered } : {}),
    };
    this.#shares.delete(pid);
    if (this.#shares.size >= this.#limits.processes) this.#forgetOldest();
    this.#shares.set(pid, share);
    return share;
  }

  #forgetOldest(): void {
    for (const [pid, { gathered }] of this.#shares) {
      if (gathered) {
        this.#overdue.push({ pid, ...gathered });
        this.#open -= 1;
      }
      this.#shares.delete(pid);
      return;
    }
  }
}

function commonFolder(one: string, other: string): string {
  if (one === other) return one;
  const [a, b] = [one.split('/'), other.split('/')];
  let same = 0;
  while (same < a.length && a[same] === b[same]) same += 1;
  return a.slice(0, same).join('/') || '/';
}
