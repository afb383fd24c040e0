const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A point in time as people write it: `30m`, `2h`, `3d` before `now`, or a date and time of ISO 8601 (in the
 * machine's zone unless it names one). Milliseconds since the epoch; NaN for anything else.
 */
export function parsePointInTime(text: string, now: number): number {
  const ago = /^(\d{1,6})\s*([smhd])$/.exec(text.trim());
  if (ago) return now - Number(ago[1]) * (UNIT_MS[ago[2] ?? ''] ?? Number.NaN);
  return /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text.length === 10 ? `${text}T00:00` : text) : Number.NaN;
}
