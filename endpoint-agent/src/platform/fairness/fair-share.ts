/** For how long an owner who sent something counts among those who share, in milliseconds. */
const ACTIVE_MS = 10_000;
/** How exactly it is remembered when somebody was last seen: a look at the clock's list for each event would cost more. */
const SEEN_EVERY_MS = 500;

interface Owner {
  held: number;
  seenAt: number;
}

/**
 * Keeps one owner's flood (a user's, a session's) from crowding out everybody else. Until `ample` is held nobody is
 * refused; beyond it only those go on who hold less than their share of it, so that at most twice as much is held.
 * What is held is counted in units of the caller's choice. Costs well under a microsecond; at most `maxOwners` are
 * known, beyond that the one longest unseen is forgotten, and what he holds counts as nobody's.
 */
export class FairShare {
  readonly #ample: number;
  readonly #maxOwners: number;
  /** In the order in which they were last seen, within half a second. */
  readonly #owners = new Map<string, Owner>();
  #held = 0;

  constructor(ample: number, maxOwners = 256) {
    this.#ample = ample;
    this.#maxOwners = maxOwners;
  }

  /** Units that all hold together. */
  get held(): number {
    return this.#held;
  }

  get owners(): number {
    return this.#owners.size;
  }

  /** Whether there is room for something of this owner's. What nobody owns is never refused. */
  allows(owner: string | undefined, now: number): boolean {
    if (owner === undefined || this.#held < this.#ample) return true;
    const known = this.#see(owner, now);
    return known.held < this.#ample / Math.max(2, this.#owners.size);
  }

  take(owner: string | undefined, units: number, now: number): void {
    this.#held += units;
    if (owner !== undefined) this.#see(owner, now).held += units;
  }

  release(owner: string | undefined, units: number): void {
    this.#held = Math.max(0, this.#held - units);
    const known = owner === undefined ? undefined : this.#owners.get(owner);
    if (known) known.held = Math.max(0, known.held - units);
  }

  /** Everything has left at once: a window of time has ended. */
  clear(): void {
    this.#held = 0;
    for (const owner of this.#owners.values()) owner.held = 0;
  }

  #see(owner: string, now: number): Owner {
    const known = this.#owners.get(owner);
    if (known && now - known.seenAt < SEEN_EVERY_MS) return known;
    const seen = known ?? { held: 0, seenAt: now };
    seen.seenAt = now;
    this.#owners.delete(owner);
    this.#owners.set(owner, seen);
    for (const [other, { seenAt }] of this.#owners) {
      if (now - seenAt < ACTIVE_MS && this.#owners.size <= this.#maxOwners) break;
      this.#owners.delete(other);
    }
    return seen;
  }
}
