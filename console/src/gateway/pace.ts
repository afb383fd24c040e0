export interface PaceLimits {
  readonly batchesPerSecond: number;
  readonly burstBatches: number;
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
}

/** A debt never takes longer to pay than this: a peer that was refused must be able to come back. */
const MAX_DEBT_MS = 30_000;

/**
 * What one session may bring, in batches and in their bytes: two token buckets that may run into debt, since a batch
 * is known by its size only when it was read. Pure; monotonic milliseconds.
 */
export class Pace {
  readonly #limits: PaceLimits;
  readonly #monotonic: () => number;
  #batches: number;
  #bytes: number;
  #at: number;

  constructor(limits: PaceLimits, monotonic: () => number) {
    this.#limits = limits;
    this.#monotonic = monotonic;
    this.#batches = limits.burstBatches;
    this.#bytes = limits.burstBytes;
    this.#at = monotonic();
  }

  /** Milliseconds until nothing is owed. */
  debtMs(): number {
    this.#refill();
    const { batchesPerSecond, bytesPerSecond } = this.#limits;
    const batches = (-this.#batches / batchesPerSecond) * 1_000;
    return Math.ceil(Math.max(0, batches, (-this.#bytes / bytesPerSecond) * 1_000));
  }

  /** One batch of so many bytes was read. */
  spend(bytes: number): void {
    this.#refill();
    const { batchesPerSecond, bytesPerSecond } = this.#limits;
    this.#batches = Math.max(this.#batches - 1, (-MAX_DEBT_MS / 1_000) * batchesPerSecond);
    this.#bytes = Math.max(this.#bytes - bytes, (-MAX_DEBT_MS / 1_000) * bytesPerSecond);
  }

  #refill(): void {
    const now = this.#monotonic();
    const seconds = Math.max(0, now - this.#at) / 1_000;
    this.#at = now;
    const { batchesPerSecond, burstBatches, bytesPerSecond, burstBytes } = this.#limits;
    this.#batches = Math.min(burstBatches, this.#batches + seconds * batchesPerSecond);
    this.#bytes = Math.min(burstBytes, this.#bytes + seconds * bytesPerSecond);
  }
}
