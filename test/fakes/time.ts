import type { Clock } from '../../endpoint-agent/src/platform/clock.ts';
import type { Random } from '../../endpoint-agent/src/platform/random.ts';
import { EPOCH_TIME } from './items.ts';

/** Reproducible randomness (mulberry32): the same seed gives the same run. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { fraction: next, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)) };
}

export interface ManualClock extends Clock {
  /** Lets time pass and runs what falls due, in order. */
  advance(milliseconds: number): void;
  /** Moves the wall clock alone. */
  jump(milliseconds: number): void;
}

/** A clock that stands still until the test moves it. */
export function manualClock(start = EPOCH_TIME): ManualClock {
  let elapsed = 0;
  let wallOffset = start;
  let timers: { due: number; task: () => void }[] = [];
  return {
    now: () => Math.floor(wallOffset + elapsed),
    monotonic: () => elapsed,
    after: (milliseconds, task) => {
      const timer = { due: elapsed + Math.max(0, milliseconds), task };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance: (milliseconds) => {
      const end = elapsed + milliseconds;
      for (;;) {
        const [next] = timers.filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due);
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        elapsed = Math.max(elapsed, next.due);
        next.task();
      }
      elapsed = end;
    },
    jump: (milliseconds) => {
      wallOffset += milliseconds;
    },
  };
}
