import { describe, expect, test } from 'vitest';
import { type Point, slopePerHour, trendOf } from './trend.ts';

const line = (count: number, stepSeconds: number, value: (at: number) => number): Point[] =>
  Array.from({ length: count }, (_, index) => ({ at: index * stepSeconds, value: value(index * stepSeconds) }));

describe('the slope', () => {
  test('of a straight line is its rise in an hour', () => {
    expect(slopePerHour(line(100, 30, (at) => 80 + at / 360))).toBeCloseTo(10, 9);
  });

  test('of something flat that swings evenly is nothing', () => {
    expect(slopePerHour(line(101, 30, (at) => 80 + ((at / 30) % 2 === 0 ? 5 : -5)))).toBeCloseTo(0, 9);
  });

  test('needs two points in time', () => {
    expect(slopePerHour([])).toBeUndefined();
    expect(slopePerHour([{ at: 5, value: 1 }])).toBeUndefined();
    expect(
      slopePerHour([
        { at: 5, value: 1 },
        { at: 5, value: 3 },
      ]),
    ).toBeUndefined();
  });
});

describe('the trend', () => {
  test('leaves the warm-up out and compares the outer quarters', () => {
    // 1,000 s: a warm-up that is far higher, then 40, in the end 60.
    const points = line(1_001, 1, (at) => {
      if (at < 100) return 900;
      return at < 500 ? 40 : 60;
    });
    const trend = trendOf(points);
    expect(trend).toMatchObject({ first: 40, last: 60, highest: 60 });
    expect(trend.perHour).toBeGreaterThan(0);
  });

  test('shows a leak that a swing is laid over', () => {
    const trend = trendOf(line(240, 30, (at) => 100 + (at / 3_600) * 12 + 3 * Math.sin(at)));
    expect(trend.perHour).toBeCloseTo(12, 0);
    expect((trend.last ?? 0) - (trend.first ?? 0)).toBeGreaterThan(10);
  });

  test('of nothing is unknown', () => {
    expect(trendOf([])).toEqual({ first: undefined, last: undefined, highest: undefined, perHour: undefined });
  });
});
