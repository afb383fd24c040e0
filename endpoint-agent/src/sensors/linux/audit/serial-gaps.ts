const WINDOW = 8_192;

/**
 * Counts audit serials that never came. The kernel numbers every event and hands them out nearly in order
 * (events of different CPUs overtake each other), so a serial counts as missing once it is a whole window
 * behind the newest.
 */
export class SerialGaps {
  #newest: number | undefined;
  #seen = new Uint8Array(WINDOW);
  #missing = 0;

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

  /** Serials inside the window that have not come yet. */
  get outstanding(): number {
    let count = 0;
    for (const seen of this.#seen) if (seen === 0) count += 1;
    return count;
  }
}
