import { expect, test } from 'vitest';
import { ABSOLUTE_LIFETIME_MS, IDLE_LIFETIME_MS, isSessionGood, sessionEnd } from './session-lifetime.ts';

test('a session that is not used ends after twelve hours', () => {
  const times = { createdAt: 0, lastSeenAt: 0 };
  expect(isSessionGood(times, IDLE_LIFETIME_MS - 1)).toBe(true);
  expect(isSessionGood(times, IDLE_LIFETIME_MS)).toBe(false);
});

test('one that is used all the time ends after seven days', () => {
  const times = { createdAt: 0, lastSeenAt: ABSOLUTE_LIFETIME_MS - 1 };
  expect(sessionEnd(times)).toBe(ABSOLUTE_LIFETIME_MS);
  expect(isSessionGood(times, ABSOLUTE_LIFETIME_MS)).toBe(false);
});

test('a clock that is set back lengthens nothing', () => {
  expect(sessionEnd({ createdAt: 1_000, lastSeenAt: 0 })).toBe(IDLE_LIFETIME_MS);
});
