/**
 * Since when acts on files may have been missed. Times in monotonic milliseconds, of moments at which everything
 * that had happened before was heard.
 */
export class DeafSpan {
  #since: number | undefined;
  #heardBefore: number;
  #lostBefore = 0;
  #rescannedAt = Number.NEGATIVE_INFINITY;
  readonly #everyMs: number;

  /** `everyMs`: so long at least between two ends of a span. */
  constructor(heardUntil: number, everyMs: number) {
    this.#heardBefore = heardUntil;
    this.#everyMs = everyMs;
  }

  /** The kernel's queue overflowed after this moment. */
  overflowed(heardUntil: number): void {
    this.#since ??= heardUntil;
  }

  /**
   * Call now and then with how many acts gave way in all: one user's flood must not hide what he left behind.
   * Returns since when to look again, once for each span.
   */
  end(now: number, lost: number, heardUntil: number): number | undefined {
    if (lost > this.#lostBefore) this.#since ??= this.#heardBefore;
    this.#lostBefore = lost;
    this.#heardBefore = heardUntil;
    if (this.#since === undefined || now - this.#rescannedAt < this.#everyMs) return undefined;
    const since = this.#since;
    this.#since = undefined;
    this.#rescannedAt = now;
    return since;
  }
}
