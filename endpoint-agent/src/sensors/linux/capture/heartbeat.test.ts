import { expect, test } from 'vitest';
import { Heartbeat } from './heartbeat.ts';

test('a worker that has begun may stand still for ten seconds', () => {
  const heart = new Heartbeat(0);
  expect(heart.silentFor(1, 1_000)).toBeUndefined();
  expect(heart.silentFor(1, 11_000)).toBeUndefined();
  expect(heart.silentFor(1, 11_001)).toBe(10_001);
  expect(heart.silentFor(2, 11_002)).toBeUndefined();
});

test('one that has not begun yet is given a minute, since loading can take long', () => {
  const heart = new Heartbeat(5_000);
  expect(heart.silentFor(0, 65_000)).toBeUndefined();
  expect(heart.silentFor(0, 65_001)).toBe(60_001);
});

test('its time begins anew when it is forgiven', () => {
  const heart = new Heartbeat(0);
  heart.silentFor(1, 1_000);
  heart.forgive(30_000);
  expect(heart.silentFor(1, 40_000)).toBeUndefined();
  expect(heart.silentFor(1, 40_001)).toBe(10_001);
});
