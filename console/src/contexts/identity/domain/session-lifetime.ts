const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A link is typed or clicked at once by the person who asked for it. */
export const LINK_LIFETIME_MS = 15 * MINUTE_MS;
/** A working day: who was away longer signs in again. */
export const IDLE_LIFETIME_MS = 12 * HOUR_MS;
/** However busy a session is, it ends. */
export const ABSOLUTE_LIFETIME_MS = 7 * 24 * HOUR_MS;
/** How often the time of last use is written: a write for each request would queue before ingest. */
export const LAST_SEEN_STEP_MS = 5 * MINUTE_MS;
/** Sessions of one person at a time; the oldest ends when another begins. */
export const MAX_SESSIONS_PER_USER = 20;

export interface SessionTimes {
  readonly createdAt: number;
  readonly lastSeenAt: number;
}

/** When a session ends if it is not used again: the earlier of its idle and its absolute end. */
export function sessionEnd({ createdAt, lastSeenAt }: SessionTimes): number {
  return Math.min(createdAt + ABSOLUTE_LIFETIME_MS, lastSeenAt + IDLE_LIFETIME_MS);
}

/** Whether a session is good now. A clock that was set back makes no session older than it is. */
export function isSessionGood(times: SessionTimes, now: number): boolean {
  return now < sessionEnd(times);
}
