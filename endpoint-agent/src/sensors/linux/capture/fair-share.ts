/** Below this share of the room nobody is refused anything. */
const AMPLE = 0.5;
/** For how long a user who sent something counts among those who share, in milliseconds. */
const ACTIVE_MS = 10_000;
const MAX_USERS = 256;

/**
 * Keeps one user's flood from crowding out everybody else's events: once half of the room is taken, a user may
 * hold only his share of that half. With nobody else active there is nothing to protect, and all of it is his.
 */
export class FairShare {
  readonly #room: number;
  readonly #held = new Map<string, number>();
  readonly #seenAt = new Map<string, number>();

  constructor(room: number) {
    this.#room = room;
  }

  /** False when this user's event is to be left out. `held` is the count of all that wait. */
  admit(user: string | undefined, held: number, now: number): boolean {
    if (user === undefined) return true;
    this.#see(user, now);
    const mine = this.#held.get(user) ?? 0;
    if (held >= this.#room * AMPLE) {
      const active = this.#seenAt.size;
      if (active > 1 && mine >= (this.#room * AMPLE) / active) return false;
    }
    this.#held.set(user, mine + 1);
    return true;
  }

  /** One of this user's events has left. */
  release(user: string | undefined): void {
    if (user === undefined) return;
    const held = (this.#held.get(user) ?? 1) - 1;
    if (held > 0) this.#held.set(user, held);
    else this.#held.delete(user);
  }

  /** Users stand in the order in which they were last seen. */
  #see(user: string, now: number): void {
    this.#seenAt.delete(user);
    this.#seenAt.set(user, now);
    for (const [other, at] of this.#seenAt) {
      if (now - at < ACTIVE_MS && this.#seenAt.size <= MAX_USERS) break;
      this.#seenAt.delete(other);
    }
  }
}
