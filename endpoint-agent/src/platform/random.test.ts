import { expect, test } from 'vitest';
import { randomHex, systemRandom } from './random.ts';

test('no two ids are alike, also where one supply of randomness ends and the next begins', () => {
  const ids = Array.from({ length: 5_000 }, (_, at) => randomHex(systemRandom, 16 + (at % 7)));
  expect(new Set(ids.map((id) => id.slice(0, 32))).size).toBe(ids.length);
  expect(ids[3]).toMatch(/^[0-9a-f]{38}$/);
});

test("what was given out is the taker's alone, of any length, and never zero", () => {
  const first = systemRandom.bytes(32);
  const copy = Uint8Array.from(first);
  for (const length of [1, 4_095, 4_096, 4_097, 100_000]) {
    const bytes = systemRandom.bytes(length);
    expect(bytes).toHaveLength(length);
    if (length > 1_000) expect(bytes.filter((byte) => byte === 0).length).toBeLessThan(length / 64);
  }
  expect(first).toEqual(copy);
});

test('fractions lie from zero to below one, all over', () => {
  const fractions = Array.from({ length: 2_000 }, () => systemRandom.fraction());
  expect(fractions.every((value) => value >= 0 && value < 1)).toBe(true);
  for (const quarter of [0, 1, 2, 3]) expect(fractions.some((value) => Math.floor(value * 4) === quarter)).toBe(true);
});
