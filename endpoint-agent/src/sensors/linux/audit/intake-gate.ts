import { FairShare } from '../../../platform/fairness/fair-share.ts';
import { uidOf } from './record.ts';

export interface IntakeGateOptions {
  readonly monotonic: () => number;
  readonly userName: (uid: number) => string;
  /** The main thread cannot follow. */
  readonly isFull: () => boolean;
  /** Whether this user may hold more of what waits for the main thread. */
  readonly hasRoomFor: (user: string) => boolean;
}

/**
 * From here on the kernel's buffer is emptied at any price: what it drops itself is anybody's. A reader that stood still
 * for two seconds, with 2,500 programs started in each, finds it less full.
 */
const PRESSED_AT = 0.6;
/** Down to here, so that what others do is not behind a flood's thousands. */
const RELIEVED_AT = 0.05;
/** Events of one window that are put together while pressed; beyond them only of users who had less than their share. */
const WINDOW_MS = 50;
const PER_WINDOW = 128;
/** For how long it is told whose events were passed over. */
const TOLD_MS = 60_000;
const MAX_TOLD = 64;

/**
 * Decides what becomes of an event by its first record alone. While the kernel's buffer has room every event is
 * taken, however long that takes. Once it is more than half full, the user who floods loses what is beyond his share, counted
 * and at a fraction of the cost, and the acts of the others come through in time.
 */
export class IntakeGate {
  readonly #options: IntakeGateOptions;
  readonly #shares = new FairShare(PER_WINDOW);
  /** Events passed over, by user, since the last minute without any. */
  readonly #passedOver = new Map<string, number>();
  #isPressed = false;
  #windowEndsAt = 0;
  #passedOverAt = Number.NEGATIVE_INFINITY;

  constructor(options: IntakeGateOptions) {
    this.#options = options;
  }

  get isPressed(): boolean {
    return this.#isPressed;
  }

  /** How full the kernel's buffer is, from 0 to 1. */
  note(occupancy: number): void {
    this.#isPressed = occupancy > (this.#isPressed ? RELIEVED_AT : PRESSED_AT);
  }

  /** Whether the event is to be put together. `text` is its SYSCALL or URINGOP record, its fields begin at `bodyAt`. */
  admits(text: string, bodyAt: number): boolean {
    if (!this.#isPressed) return true;
    const uid = uidOf(text, bodyAt);
    if (uid === undefined) return true;
    const { monotonic, userName, isFull, hasRoomFor } = this.#options;
    const user = userName(uid);
    const now = monotonic();
    if (now >= this.#windowEndsAt) {
      this.#windowEndsAt = now + WINDOW_MS;
      this.#shares.clear();
    }
    if (!this.#shares.allows(user, now) || (isFull() && !hasRoomFor(user))) {
      this.#note(user, now);
      return false;
    }
    this.#shares.take(user, 1, now);
    return true;
  }

  /** Whose events were passed over of late, and how many, from the most down; of at most 64 users. */
  passedOver(): (readonly [user: string, events: number])[] {
    if (this.#options.monotonic() - this.#passedOverAt > TOLD_MS) return [];
    return [...this.#passedOver].sort(([, a], [, b]) => b - a);
  }

  #note(user: string, now: number): void {
    if (now - this.#passedOverAt > TOLD_MS) this.#passedOver.clear();
    this.#passedOverAt = now;
    const before = this.#passedOver.get(user);
    if (before !== undefined || this.#passedOver.size < MAX_TOLD) this.#passedOver.set(user, (before ?? 0) + 1);
  }
}
