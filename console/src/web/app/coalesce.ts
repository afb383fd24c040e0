/** Timers, injected so that tests hold the clock. */
export interface Timers {
  set(callback: () => void, ms: number): unknown;
  clear(handle: unknown): void;
}

export const browserTimers: Timers = {
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
};

/**
 * Runs `act` at once for the first call of a key and then at most once per `gapMs(key)`; calls in between
 * become one at the end of the gap. `stop` forgets what is pending.
 */
export function createCoalescer<K extends string>(
  act: (key: K) => void,
  gapMs: (key: K) => number,
  timers: Timers,
): { call(key: K): void; stop(): void } {
  const open = new Map<K, { again: boolean; handle: unknown }>();
  const run = (key: K) => {
    act(key);
    const entry = { again: false, handle: undefined as unknown };
    entry.handle = timers.set(() => {
      open.delete(key);
      if (entry.again) run(key);
    }, gapMs(key));
    open.set(key, entry);
  };
  return {
    call(key) {
      const entry = open.get(key);
      if (entry === undefined) run(key);
      else entry.again = true;
    },
    stop() {
      for (const entry of open.values()) timers.clear(entry.handle);
      open.clear();
    },
  };
}
