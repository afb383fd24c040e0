/** One process as the table keeps it; `ProcessRecord` is its view. */
export interface ProcessEntry {
  readonly entityId: string;
  readonly pid: number;
  readonly startTicks: number | undefined;
  readonly startedAt: number | undefined;
  /** Milliseconds since boot: what order is judged by, since the wall clock may jump. */
  readonly startedBoot: number;
  parentEntityId: string | undefined;
  parentPid: number | undefined;
  image: string | undefined;
  commandLine: string | undefined;
  user: string | undefined;
  endedAt: number | undefined;
  endedBoot: number | undefined;
}

/** One moment by both clocks, in milliseconds. */
export interface Moment {
  readonly time: number;
  readonly bootTime: number;
}

export interface ProcessIndexLimits {
  readonly maxRecords: number;
  /** Characters of all images and command lines together. */
  readonly maxTextChars: number;
}

/** Clocks of different kernel interfaces differ by up to a scheduler tick; streams overtake each other. */
const SLACK_MS = 100;
const EVICTION_TRIES = 8;

/** What one user's processes take of the room. */
interface Share {
  /** In the order of their end. */
  readonly ended: Set<ProcessEntry>;
  readonly running: Set<ProcessEntry>;
  chars: number;
}

/**
 * Processes by id, by pid and time, and by parent, within a bound. The user who has most of them gives room: of his
 * the ended ones, oldest first. Where his running ones alone exceed it, whoever takes the room gives it back: else
 * some user's thousand sleeping processes with long arguments, or his fork bomb, would make the agent forget pid 1,
 * the services, itself, and what others did a minute ago.
 */
export class ProcessIndex {
  readonly #limits: ProcessIndexLimits;
  readonly #byId = new Map<string, ProcessEntry>();
  readonly #live = new Map<number, ProcessEntry>();
  /** The last ended process of each pid. */
  readonly #lastEnded = new Map<number, ProcessEntry>();
  readonly #shares = new Map<string, Share>();
  readonly #children = new Map<string, Set<string>>();
  #chars = 0;
  #evicted = 0;

  constructor(limits: ProcessIndexLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#byId.size;
  }

  get evicted(): number {
    return this.#evicted;
  }

  get(entityId: string): ProcessEntry | undefined {
    return this.#byId.get(entityId);
  }

  live(pid: number): ProcessEntry | undefined {
    return this.#live.get(pid);
  }

  allLive(): ProcessEntry[] {
    return [...this.#live.values()];
  }

  /** The process that had this pid at this moment (milliseconds since boot). */
  at(pid: number, bootTime: number): ProcessEntry | undefined {
    const live = this.#live.get(pid);
    if (live && live.startedBoot <= bootTime + SLACK_MS) return live;
    const ended = this.#lastEnded.get(pid);
    if (!ended || ended.startedBoot > bootTime + SLACK_MS) return undefined;
    return bootTime <= (ended.endedBoot ?? 0) + SLACK_MS ? ended : undefined;
  }

  /** A new process. A live one that had the pid before is ended: its exit was missed or is yet to come. */
  add(entry: ProcessEntry): ProcessEntry {
    const same = this.#byId.get(entry.entityId);
    if (same) return this.#revive(same);
    this.#byId.set(entry.entityId, entry);
    if (entry.endedBoot === undefined) {
      const before = this.#live.get(entry.pid);
      if (before) this.end(before, { time: entry.startedAt ?? 0, bootTime: entry.startedBoot });
      this.#live.set(entry.pid, entry);
    }
    this.#enter(entry);
    if (entry.parentEntityId) this.#link(entry.parentEntityId, entry.entityId);
    this.#shrink(entry);
    return entry;
  }

  /** Found running although it was taken for ended: same boot, pid and start time are the same process. */
  #revive(entry: ProcessEntry): ProcessEntry {
    this.#leave(entry);
    entry.endedAt = undefined;
    entry.endedBoot = undefined;
    this.#enter(entry);
    this.#live.set(entry.pid, entry);
    return entry;
  }

  describe(entry: ProcessEntry, facts: Pick<ProcessEntry, 'image' | 'commandLine' | 'user'>): void {
    this.#leave(entry);
    entry.image = facts.image ?? entry.image;
    entry.commandLine = facts.commandLine ?? entry.commandLine;
    entry.user = facts.user ?? entry.user;
    this.#enter(entry);
    this.#shrink(entry);
  }

  setParent(entry: ProcessEntry, parent: ProcessEntry): void {
    if (parent === entry || entry.parentEntityId === parent.entityId) return;
    if (entry.parentEntityId) this.#unlink(entry.parentEntityId, entry.entityId);
    entry.parentEntityId = parent.entityId;
    entry.parentPid = parent.pid;
    this.#link(parent.entityId, entry.entityId);
  }

  end(entry: ProcessEntry, moment: Moment): void {
    if (this.#live.get(entry.pid) === entry) {
      this.#live.delete(entry.pid);
      this.#leave(entry);
      entry.endedBoot = moment.bootTime;
      this.#enter(entry);
      this.#lastEnded.set(entry.pid, entry);
    } else if (entry.endedBoot === undefined || moment.bootTime >= entry.endedBoot) {
      return;
    }
    // Also an exit that arrives after the pid's next owner: it corrects the guessed time of the end.
    entry.endedAt = moment.time;
    entry.endedBoot = moment.bootTime;
  }

  /** Live ones, parents before children; ended processes in between are passed through. */
  descendants(entityId: string): ProcessEntry[] {
    const found: ProcessEntry[] = [];
    const visited = new Set([entityId]);
    const queue = [entityId];
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      for (const childId of this.#children.get(id) ?? []) {
        if (visited.has(childId)) continue;
        visited.add(childId);
        queue.push(childId);
        const child = this.#byId.get(childId);
        if (child && child.endedBoot === undefined) found.push(child);
      }
    }
    return found;
  }

  #link(parentId: string, childId: string): void {
    const children = this.#children.get(parentId);
    if (children) children.add(childId);
    else this.#children.set(parentId, new Set([childId]));
  }

  #enter(entry: ProcessEntry): void {
    const user = entry.user ?? '';
    let share = this.#shares.get(user);
    if (!share) this.#shares.set(user, (share = { ended: new Set(), running: new Set(), chars: 0 }));
    (entry.endedBoot === undefined ? share.running : share.ended).add(entry);
    share.chars += textOf(entry);
    this.#chars += textOf(entry);
  }

  #leave(entry: ProcessEntry): void {
    this.#chars -= textOf(entry);
    const user = entry.user ?? '';
    const share = this.#shares.get(user);
    if (!share) return;
    share.chars -= textOf(entry);
    share.ended.delete(entry);
    share.running.delete(entry);
    if (share.ended.size + share.running.size === 0) this.#shares.delete(user);
  }

  /** `latest` is what has just come. */
  #shrink(latest: ProcessEntry): void {
    while (this.#byId.size > this.#limits.maxRecords || this.#chars > this.#limits.maxTextChars) {
      const byText = this.#chars > this.#limits.maxTextChars;
      const share = this.#largestShare(byText);
      const victim = share && (this.#oldestEnded(share) ?? this.#leastMissed(share, byText, latest));
      if (!victim) return;
      this.#evict(victim);
    }
  }

  #largestShare(byText: boolean): Share | undefined {
    const sizeOf = (share: Share): number => (byText ? share.chars : share.ended.size + share.running.size);
    let largest: Share | undefined;
    for (const share of this.#shares.values()) if (!largest || sizeOf(share) > sizeOf(largest)) largest = share;
    return largest;
  }

  /** The oldest ended process, but rather one without running children: they need their parent's name. */
  #oldestEnded({ ended }: Share): ProcessEntry | undefined {
    for (let tries = 0; tries < EVICTION_TRIES; tries += 1) {
      const oldest = ended.values().next().value;
      if (!oldest || !this.#hasLiveChild(oldest)) return oldest;
      ended.delete(oldest);
      ended.add(oldest);
    }
    return ended.values().next().value;
  }

  /** Of the running ones that with the longest text if there is too much text, else the latest. */
  #leastMissed({ running }: Share, byText: boolean, latest: ProcessEntry): ProcessEntry | undefined {
    if (!byText && running.has(latest)) return latest;
    let found: ProcessEntry | undefined;
    for (const entry of running) if (!found || !byText || textOf(entry) >= textOf(found)) found = entry;
    return found;
  }

  #hasLiveChild(entry: ProcessEntry): boolean {
    for (const id of this.#children.get(entry.entityId) ?? []) {
      const child = this.#byId.get(id);
      if (child && child.endedBoot === undefined) return true;
    }
    return false;
  }

  #evict(entry: ProcessEntry): void {
    this.#evicted += 1;
    this.#leave(entry);
    this.#byId.delete(entry.entityId);
    if (this.#live.get(entry.pid) === entry) this.#live.delete(entry.pid);
    if (this.#lastEnded.get(entry.pid) === entry) this.#lastEnded.delete(entry.pid);
    if (entry.parentEntityId) this.#unlink(entry.parentEntityId, entry.entityId);
    this.#relinkOrphans(entry);
  }

  /** Children of an evicted process hang on its parent, so that a tree does not fall apart in the middle. */
  #relinkOrphans(entry: ProcessEntry): void {
    const children = this.#children.get(entry.entityId);
    this.#children.delete(entry.entityId);
    const parent = entry.parentEntityId ? this.#byId.get(entry.parentEntityId) : undefined;
    for (const id of children ?? []) {
      const child = this.#byId.get(id);
      if (!child) continue;
      child.parentEntityId = parent?.entityId;
      if (parent) this.#link(parent.entityId, id);
    }
  }

  #unlink(parentId: string, childId: string): void {
    const children = this.#children.get(parentId);
    children?.delete(childId);
    if (children?.size === 0) this.#children.delete(parentId);
  }
}

function textOf({ image, commandLine }: ProcessEntry): number {
  return (image?.length ?? 0) + (commandLine?.length ?? 0);
}
