import type { Clock } from './clock.ts';

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

/** A bucket for each key, for at most `maxKeys` keys: the least recently used is forgotten first. */
export interface KeyedTokenBuckets {
  take(key: string): boolean;
}

export function createKeyedTokenBuckets(
  clock: Clock,
  limit: { readonly perMinute: number; readonly burst: number; readonly maxKeys: number },
): KeyedTokenBuckets {
  const buckets = new Map<string, TokenBucket>();
  return {
    take(key) {
      const bucket = buckets.get(key) ?? createTokenBucket(clock, limit);
      buckets.delete(key);
      buckets.set(key, bucket);
      for (const oldest of buckets.keys()) {
        if (buckets.size <= limit.maxKeys) break;
        buckets.delete(oldest);
      }
      return bucket.take();
    },
  };
}
