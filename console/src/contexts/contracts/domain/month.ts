/** Months are counted in Japan's time zone, which has had no summer time since 1952: UTC+9, always. */
const JAPAN_OFFSET_MS = 9 * 3_600_000;

export interface MonthRange {
  /** First millisecond of the month. */
  readonly from: number;
  /** First millisecond of the next month. */
  readonly to: number;
}

/** The month in Japan that contains a time, as `2026-11`. */
export function monthOf(time: number): string {
  return new Date(time + JAPAN_OFFSET_MS).toISOString().slice(0, 7);
}

/** Bounds of a month such as `2026-11`, in milliseconds since the Unix epoch. */
export function monthRange(month: string): MonthRange {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return {
    from: Date.UTC(year, number - 1, 1) - JAPAN_OFFSET_MS,
    to: Date.UTC(year, number, 1) - JAPAN_OFFSET_MS,
  };
}
