/** A clock on a wall: what a log says that has no zone, and maybe no year. */
export interface WallClockReading {
  readonly year?: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
}

/** The rules of a time zone. */
export interface TimeZone {
  /** Milliseconds that local time is ahead of UTC at a moment. */
  offsetAt(time: number): number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Zones change at full quarters of an hour of UTC. */
const SLOT_MS = 15 * MINUTE_MS;
const MAX_SLOTS = 512;

/** `name` is an IANA name; by default the machine's zone. */
export function createTimeZone(name?: string): TimeZone {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  const offsets = new Map<number, number>();
  return {
    offsetAt(time) {
      const slot = Math.floor(time / SLOT_MS);
      const known = offsets.get(slot);
      if (known !== undefined) return known;
      if (offsets.size >= MAX_SLOTS) offsets.clear();
      const text = format.formatToParts(slot * SLOT_MS).find(({ type }) => type === 'timeZoneName')?.value ?? '';
      const offset = offsetOf(text);
      offsets.set(slot, offset);
      return offset;
    },
  };
}

/** `GMT`, `GMT+09:00`, `GMT-00:01:15`. */
function offsetOf(text: string): number {
  const match = /^GMT([+-])(\d{2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (!match) return 0;
  const [, sign, hours, minutes, seconds = '0'] = match;
  const size = Number(hours) * 60 * MINUTE_MS + Number(minutes) * MINUTE_MS + Number(seconds) * 1_000;
  return sign === '-' ? -size : size;
}

/**
 * The moment that a wall clock of this zone meant, in milliseconds since the epoch; undefined when there is no
 * such date. `near` is a moment at which the reading was recent, and tells apart what the reading leaves open:
 * without a year it is the last such date before a day after `near`; in the hour that comes twice in autumn it
 * is the time closer to `near`. A time that spring leaves out is read as before the change.
 */
export function resolveLocalTime(reading: WallClockReading, zone: TimeZone, near: number): number | undefined {
  const { year } = reading;
  if (year !== undefined) return closest(reading, year, zone, near);
  const thisYear = new Date(near).getUTCFullYear();
  // Back to the last leap year, of which there is one in any nine.
  for (let candidate = thisYear + 1; candidate > thisYear - 9; candidate -= 1) {
    const time = closest(reading, candidate, zone, near);
    if (time !== undefined && time <= near + DAY_MS) return time;
  }
  return undefined;
}

function closest(reading: WallClockReading, year: number, zone: TimeZone, near: number): number | undefined {
  const asUtc = utcOf({ ...reading, year });
  if (asUtc === undefined) return undefined;
  const before = asUtc - zone.offsetAt(asUtc - DAY_MS);
  const after = asUtc - zone.offsetAt(asUtc + DAY_MS);
  const fitting = [before, after].filter((time) => time + zone.offsetAt(time) === asUtc);
  const [first = before, second = first] = fitting;
  return Math.abs(second - near) < Math.abs(first - near) ? second : first;
}

/** The reading as if it were UTC; undefined when the calendar has no such date. */
export function utcOf(reading: WallClockReading & { readonly year: number }): number | undefined {
  const { year, month, day, hour, minute, second, millisecond } = reading;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const time = Date.UTC(year, month - 1, day, hour, minute, Math.min(second, 59), millisecond);
  const date = new Date(time);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? time : undefined;
}
