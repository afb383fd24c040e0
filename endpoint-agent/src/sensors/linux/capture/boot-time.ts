import { readFileSync } from 'node:fs';

/**
 * Relates the kernel's clocks: wall clock (audit records), monotonic (process connector) and time since
 * boot, which counts suspended time too.
 */
export interface BootTime {
  /** Milliseconds since boot for a wall-clock time in milliseconds since the epoch. */
  ofWall(time: number): number;
  /** Milliseconds since boot, and the wall-clock time, of a CLOCK_MONOTONIC time in milliseconds. */
  ofMonotonic(monotonicMs: number): { readonly bootTime: number; readonly time: number };
  now(): number;
}

const RESYNC_MS = 1_000;

/** CLOCK_MONOTONIC in milliseconds, as every thread of this process and the kernel have it. */
export function monotonicNow(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

export function createBootTime(wall: () => number): BootTime {
  let sleptMs = 0;
  let wallOffset = 0;
  let syncedAt = Number.NEGATIVE_INFINITY;

  /** Once a second, so that equal times stay equal in between. */
  function sync(): number {
    const now = monotonicNow();
    if (now - syncedAt > RESYNC_MS) {
      syncedAt = now;
      // /proc/uptime is CLOCK_BOOTTIME in hundredths of a second; a smaller difference is its rounding.
      const slept = Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1_000 - now;
      sleptMs = slept < 20 ? 0 : slept;
      wallOffset = wall() - (now + sleptMs);
    }
    return now;
  }
  return {
    now: () => sync() + sleptMs,
    ofWall(time) {
      const now = sync() + sleptMs;
      return Math.min(now, Math.max(0, time - wallOffset));
    },
    ofMonotonic(monotonicMs) {
      sync();
      const bootTime = Math.max(0, monotonicMs + sleptMs);
      return { bootTime, time: Math.round(bootTime + wallOffset) };
    },
  };
}
