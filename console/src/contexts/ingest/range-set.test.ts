import { describe, expect, test } from 'vitest';
import { RangeSet, rangesOf } from './range-set.ts';

/** A small generator with a seed (mulberry32), so that a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe('RangeSet', () => {
  test.each(Array.from({ length: 50 }, (_, seed) => seed))('agrees with a plain set, seed %i', (seed) => {
    const random = seeded(seed);
    const span = 20 + Math.floor(random() * 400);
    const set = new RangeSet([], Number.POSITIVE_INFINITY);
    const plain = new Set<number>();
    for (let step = 0; step < 500; step += 1) {
      const sequence = 1 + Math.floor(random() * span);
      expect(set.add(sequence)).toBe(!plain.has(sequence));
      plain.add(sequence);
    }
    for (let sequence = 0; sequence <= span + 1; sequence += 1) expect(set.has(sequence)).toBe(plain.has(sequence));
    expect(set.highest).toBe(Math.max(...plain));
    const ranges = set.ranges;
    for (const [index, [from, to]] of ranges.entries()) {
      expect(from).toBeLessThanOrEqual(to);
      expect(from).toBeGreaterThan((ranges[index - 1]?.[1] ?? -1) + 1);
    }
    expect(new RangeSet(ranges, 1_000).copy().ranges).toEqual(ranges);
  });

  test('forgets the lowest beyond its bound and never invents one', () => {
    const set = new RangeSet([], 3);
    for (const sequence of [10, 20, 30, 40, 50]) expect(set.add(sequence)).toBe(true);
    expect(set.ranges).toEqual([
      [30, 30],
      [40, 40],
      [50, 50],
    ]);
    for (const sequence of [10, 20, 35]) expect(set.has(sequence)).toBe(false);
    expect(set.highest).toBe(50);
    expect(set.add(1)).toBe(true);
    expect(set.ranges.length).toBe(3);
    expect(set.has(50)).toBe(true);
  });

  test('rangesOf covers exactly what it was given', () => {
    expect(rangesOf([5, 1, 2, 2, 9, 8])).toEqual([
      [1, 2],
      [5, 5],
      [8, 9],
    ]);
    expect(rangesOf([])).toEqual([]);
  });
});
