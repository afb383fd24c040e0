import { percentile } from '../machine.ts';

/** One measured value and when it was taken. */
export interface Point {
  /** Seconds since the beginning. */
  readonly at: number;
  readonly value: number;
}

export interface Trend {
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly highest: number | undefined;
  /** Of the straight line of least squares through all points after the warm-up; undefined for fewer than two. */
  readonly perHour: number | undefined;
}

const SECONDS_PER_HOUR = 3_600;
/** Share of the time that counts as warm-up: caches fill and code is compiled. */
const WARM_UP = 0.1;

/** How a value developed: medians of the first and the last quarter, and its slope, all after the warm-up. */
export function trendOf(points: readonly Point[]): Trend {
  const begin = points[0]?.at ?? 0;
  const end = points.at(-1)?.at ?? 0;
  const warm = points.filter(({ at }) => at >= begin + (end - begin) * WARM_UP);
  const start = warm[0]?.at ?? 0;
  const quarter = (end - start) / 4;
  const median = (part: readonly Point[]): number | undefined =>
    percentile(
      part.map(({ value }) => value),
      0.5,
    );
  return {
    first: median(warm.filter(({ at }) => at <= start + quarter)),
    last: median(warm.filter(({ at }) => at >= end - quarter)),
    highest: percentile(
      warm.map(({ value }) => value),
      1,
    ),
    perHour: slopePerHour(warm),
  };
}

/** Slope of the line of least squares, per hour. Undefined when the points have fewer than two times. */
export function slopePerHour(points: readonly Point[]): number | undefined {
  const count = points.length;
  const meanAt = points.reduce((sum, { at }) => sum + at, 0) / count;
  const meanValue = points.reduce((sum, { value }) => sum + value, 0) / count;
  let covariance = 0;
  let variance = 0;
  for (const { at, value } of points) {
    covariance += (at - meanAt) * (value - meanValue);
    variance += (at - meanAt) ** 2;
  }
  return variance > 0 ? (covariance / variance) * SECONDS_PER_HOUR : undefined;
}
