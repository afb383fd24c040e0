import type { Clock } from '../platform/clock.ts';

/** Lets `burst` through at once and `perMinute` over time. */
export interface TokenBucket {
  /** True if one more may pass now. */
  take(): boolean;
}

export function createTokenBucket(
  clock: Clock,
  limit: { readonly perMinute: number; readonly burst: number },
): TokenBucket {
  let tokens = limit.burst;
  let last = clock.now();
  return {
    take() {
      const now = clock.now();
      // A clock that jumps back gives nothing and takes nothing.
      tokens = Math.min(limit.burst, tokens + (Math.max(0, now - last) * limit.perMinute) / 60_000);
      last = now;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
