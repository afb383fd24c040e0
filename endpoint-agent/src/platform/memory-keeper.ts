import type { Clock } from './clock.ts';

/** Bytes, as `process.memoryUsage()` has them. */
export interface MemoryInUse {
  readonly rss: number;
  readonly heapTotal: number;
  readonly heapUsed: number;
}

export interface MemoryKeeperOptions {
  readonly clock: Clock;
  readonly read: () => MemoryInUse;
  /** A full collection; tens of milliseconds. */
  readonly collect: () => void;
  /** Gives what the C library holds free back to the system. */
  readonly trim: () => void;
}

/** Reading rules and looking at the machine for the first time is over by then. */
const FIRST_MS = 20_000;
const EVERY_MS = 300_000;
/** Less is not worth the time that a collection takes. */
const WORTH_BYTES = 8_388_608;

/**
 * Gives memory back after the start and after bursts. V8 collects its old generation when it grows, never
 * because nothing happens, and glibc keeps what was freed: an agent that once had much to do would hold that
 * memory for as long as the machine is on. Returns the function that ends it.
 */
export function keepMemorySmall({ clock, read, collect, trim }: MemoryKeeperOptions): () => void {
  let settled = Number.NEGATIVE_INFINITY;
  let cancel = (): void => {};
  const look = (): void => {
    const { rss, heapTotal, heapUsed } = read();
    if (rss - settled >= WORTH_BYTES || heapTotal - heapUsed >= WORTH_BYTES) {
      collect();
      trim();
      settled = read().rss;
    }
    cancel = clock.after(EVERY_MS, look);
  };
  cancel = clock.after(FIRST_MS, look);
  return () => cancel();
}
