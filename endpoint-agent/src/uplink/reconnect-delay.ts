import { CLOSE_CODES } from '@yagura/protocol';
import type { Random } from '../platform/random.ts';

/** How a session ended, as far as the next attempt depends on it. */
export interface SessionEnd {
  /** WebSocket close code; absent when the connection never stood or broke without one. */
  readonly closeCode?: number;
  /** It did something: a batch was acknowledged, or it lived for `PROVEN` milliseconds. */
  readonly proven: boolean;
  /** The session asks to be followed at once: new certificate, new epoch. */
  readonly resumeNow?: boolean;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const LONGEST = 5 * MINUTE;
/** A session that lived this long, in milliseconds, has shown that connecting works. */
export const PROVEN = 30 * SECOND;

/** Endings that only a person can mend (SPEC UP11). */
const HOPELESS: ReadonlySet<number> = new Set([
  CLOSE_CODES.certificate_revoked,
  CLOSE_CODES.version_unsupported,
  CLOSE_CODES.duplicate_session,
]);

export interface ReconnectDelay {
  /** Milliseconds until the next attempt. */
  after(end: SessionEnd): number;
}

/**
 * Full jitter (SPEC UP10): a thousand agents that lost one console come back spread out, and one that
 * lost its Wi-Fi for a moment comes back within a second.
 */
export function createReconnectDelay(random: Random): ReconnectDelay {
  let failures = 0;
  return {
    after: ({ closeCode, proven, resumeNow }) => {
      if (closeCode !== undefined && HOPELESS.has(closeCode)) return (30 + 30 * random.fraction()) * MINUTE;
      if (proven) failures = 0;
      const quick = (proven || resumeNow === true) && failures === 0;
      const ceiling = Math.min(LONGEST, SECOND * 2 ** failures);
      failures = Math.min(failures + 1, 30);
      if (closeCode === CLOSE_CODES.rate_limited) return 30 * SECOND + random.fraction() * ceiling;
      return quick ? random.fraction() * SECOND : Math.max(SECOND, random.fraction() * ceiling);
    },
  };
}
