const WINDOW = 8_192;
const SETTLE_MS = 2_000;

/**
 * Counts audit serials that never came. The kernel numbers every event and hands them out nearly in order
 * (events of different CPUs overtake each other), so a serial counts as missing once a later one is two
 * seconds old, or a whole window ahead.
 */
export class SerialGaps {
  #newest: number | undefined;
  #seen = new Uint8Array(WINDOW);
  #missing = 0;
  /** What was the newest serial at these times. */
  readonly #marks: { readonly at: number; readonly newest: number }[] = [];

  get missing(): number {
    return this.#missing;
  }

  see(serial: number): void {
    if (this.#newest === undefined) {
      this.#newest = serial;
      // What came before the first one was never ours to see.
      this.#seen.fill(1);
      return;
    }
    if (serial <= this.#newest) {
      if (this.#newest - serial < WINDOW) this.#seen[serial % WINDOW] = 1;
      return;
    }
    const jump = serial - this.#newest;
    if (jump > WINDOW) {
      this.#missing += this.outstanding + (jump - WINDOW);
      this.#seen.fill(0);
    } else {
      for (let next = this.#newest + 1; next <= serial; next += 1) {
        if (this.#seen[next % WINDOW] === 0) this.#missing += 1;
        this.#seen[next % WINDOW] = 0;
      }
    }
    this.#seen[serial % WINDOW] = 1;
    this.#newest = serial;
  }

  /** Counts what has been outstanding for long. Call now and then, with the monotonic time in milliseconds. */
  settle(now: number): void {
    if (this.#newest === undefined) return;
    if (this.#marks.at(-1)?.newest !== this.#newest) this.#marks.push({ at: now, newest: this.#newest });
    while (this.#marks[0] && now - this.#marks[0].at >= SETTLE_MS) {
      const { newest } = this.#marks.shift() ?? { newest: 0 };
      // Below today's window everything has been counted already.
      for (let serial = Math.max(0, this.#newest - WINDOW + 1); serial <= newest; serial += 1) {
        if (this.#seen[serial % WINDOW] !== 0) continue;
        this.#seen[serial % WINDOW] = 1;
        this.#missing += 1;
      }
    }
  }

  /** Serials inside the window that have not come yet. */
  get outstanding(): number {
    let count = 0;
    for (const seen of this.#seen) if (seen === 0) count += 1;
    return count;
  }
}
