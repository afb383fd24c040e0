import { expect, test } from 'vitest';
import { DeafSpan } from './deaf-span.ts';

test('nothing was missed: nothing is looked at again', () => {
  const span = new DeafSpan(0, 1_000);
  for (let now = 0; now < 10_000; now += 250) expect(span.end(now, 0, now)).toBeUndefined();
});

test('an overflow is looked behind from the moment until which everything was heard', () => {
  const span = new DeafSpan(0, 1_000);
  span.overflowed(400);
  span.overflowed(900);
  expect(span.end(1_000, 0, 990)).toBe(400);
  expect(span.end(1_250, 0, 1_240)).toBeUndefined();
});

test('acts that gave way count as missed since the look before', () => {
  const span = new DeafSpan(0, 1_000);
  expect(span.end(250, 0, 240)).toBeUndefined();
  expect(span.end(500, 7, 490)).toBe(240);
  expect(span.end(750, 7, 740)).toBeUndefined();
});

test('a flood that goes on is looked behind now and then, and nothing of it is left out', () => {
  const span = new DeafSpan(0, 1_000);
  expect(span.end(250, 5, 240)).toBe(0);
  expect(span.end(500, 10, 490)).toBeUndefined();
  expect(span.end(750, 10, 740)).toBeUndefined();
  expect(span.end(1_250, 20, 1_240)).toBe(240);
});
