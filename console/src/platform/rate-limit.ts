import { isIPv6 } from 'node:net';
import type { Clock } from './clock.ts';

/** Allows `burst` at once and `perMinute` in the long run, for each key on its own. */
export interface RateLimit {
  /** Whether one more is allowed now. */
  take(key: string): boolean;
  /** Keys forgotten because too many were known; each began anew with a full burst. */
  readonly evicted: number;
}

export interface RateLimitOptions {
  readonly clock: Clock;
  readonly perMinute: number;
  readonly burst: number;
  readonly maxKeys?: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

const MAX_KEYS = 10_000;

/** Token buckets in a map of bounded size; the key that was idle longest is forgotten first. */
export function createRateLimit({ clock, perMinute, burst, maxKeys = MAX_KEYS }: RateLimitOptions): RateLimit {
  const buckets = new Map<string, Bucket>();
  let evicted = 0;
  return {
    take(key) {
      const now = clock.now();
      const bucket = buckets.get(key) ?? { tokens: burst, at: now };
      // A clock that was set back gives nothing and takes nothing.
      const earned = (Math.max(0, now - bucket.at) / 60_000) * perMinute;
      bucket.tokens = Math.min(burst, bucket.tokens + earned);
      bucket.at = now;
      const allowed = bucket.tokens >= 1;
      if (allowed) bucket.tokens -= 1;
      buckets.delete(key);
      buckets.set(key, bucket);
      if (buckets.size > maxKeys) {
        const [oldest] = buckets.keys();
        if (oldest !== undefined) buckets.delete(oldest);
        evicted += 1;
      }
      return allowed;
    },
    get evicted() {
      return evicted;
    },
  };
}

/** What counts as one address: an IPv6 customer owns a whole /64 and could use each of its addresses once. */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().split('%')[0]?.split('::') ?? [];
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array.from({ length: zeros }, () => '0'), ...back];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
