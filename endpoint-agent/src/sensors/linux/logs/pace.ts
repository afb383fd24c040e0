/**
 * A bucket of permissions that fills steadily, so that a flood of lines costs a bounded share of a core.
 * `monotonic` is in milliseconds.
 */
export class Pace {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #monotonic: () => number;
  #available: number;
  #filledAt: number;

  constructor(options: { readonly perSecond: number; readonly burst: number; readonly monotonic: () => number }) {
    this.#perSecond = options.perSecond;
    this.#burst = options.burst;
    this.#monotonic = options.monotonic;
    this.#available = options.burst;
    this.#filledAt = options.monotonic();
  }

  /** How many may pass now; at least 0. */
  get available(): number {
    const now = this.#monotonic();
    this.#available = Math.min(this.#burst, this.#available + ((now - this.#filledAt) / 1_000) * this.#perSecond);
    this.#filledAt = now;
    return Math.max(0, Math.floor(this.#available));
  }

  /** More than was available makes a debt. */
  take(count: number): void {
    this.#available -= count;
  }
}
