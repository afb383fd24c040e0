import type { Clock } from '../platform/clock.ts';

/** The console's time (SPEC CM9), carried forward on the monotonic clock so that jumps of ours do not matter. */
export interface ConsoleClock {
  /** Takes the time that the console stated just now. */
  set(consoleTime: number): void;
  /** The console's time; this machine's own before it was ever stated. */
  now(): number;
  /** Console time minus this machine's wall clock, in milliseconds; absent before it was ever stated. */
  offset(): number | undefined;
}

export function createConsoleClock(clock: Clock): ConsoleClock {
  let stated: { readonly time: number; readonly monotonic: number } | undefined;
  const now = (): number => (stated === undefined ? clock.now() : stated.time + clock.monotonic() - stated.monotonic);
  return {
    set: (time) => {
      stated = { time, monotonic: clock.monotonic() };
    },
    now,
    offset: () => (stated === undefined ? undefined : now() - clock.now()),
  };
}
