import { expect, test } from 'vitest';
import { ValueCache } from './value-cache.ts';

test('a value is remembered for its field only', () => {
  const cache = new ValueCache();
  cache.set(1, 'cmd.exe', [3, 5]);
  expect(cache.get(1, 'cmd.exe')).toEqual([3, 5]);
  expect(cache.get(2, 'cmd.exe')).toBeUndefined();
  expect(cache.get(1, 'cmd.exf')).toBeUndefined();
});

test('values that share a place never answer for each other, and the later one stays', () => {
  const cache = new ValueCache();
  const values = Array.from({ length: 50_000 }, (_, i) => `C:\\${'x'.repeat(i % 7)}\\${i}\\${'y'.repeat(i % 90)}.exe`);
  for (const [i, value] of values.entries()) cache.set(1, value, [i]);
  let remembered = 0;
  for (const [i, value] of values.entries()) {
    const signals = cache.get(1, value);
    if (signals === undefined) continue;
    remembered += 1;
    expect(signals).toEqual([i]);
  }
  expect(remembered).toBeGreaterThan(1_000);
  expect(remembered).toBeLessThanOrEqual(4_096);
  expect(cache.get(1, values.at(-1) ?? '')).toEqual([values.length - 1]);
});

test('what is long is not remembered', () => {
  expect(new ValueCache().accepts('x'.repeat(513))).toBe(false);
});
