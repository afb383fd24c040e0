import { resolveLocalTime, type TimeZone, utcOf, type WallClockReading } from './local-time.ts';

export interface Timestamp {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Milliseconds by which the event may be later than `time`, as the log is no finer. */
  readonly resolution: number;
  /** Characters of the text that were read. */
  readonly length: number;
}

export interface TimeContext {
  readonly zone: TimeZone;
  /** A moment at which the line was recent. */
  readonly near: number;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const SECOND_MS = 1_000;

/** RFC 3164: `Nov  4 20:33:01`, in local time and without a year; some daemons add a fraction. */
const CLASSIC = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?= |$)/;
/** RFC 3339 and its relatives in the logs of databases: with or without fraction and zone, `T` or a space. */
const FULL =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?( ?(?:Z|[+-]\d{2}(?::?\d{2})?|UTC|GMT|JST))?(?= |$)/;
/** nginx's error log: `2026/11/24 20:33:01`, in local time. */
const SLASHES = /^(\d{4})\/(\d{2})\/(\d{2}) (\d{2}):(\d{2}):(\d{2})(?= |$)/;
/** Apache's error log: `[Tue Nov 24 20:33:01.123456 2026]`, in local time. */
const APACHE = /^\[[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))? (\d{4})\]/;
/** Web servers' access logs: `[24/Nov/2026:20:33:01 +0900]`. */
const ACCESS = /^\[(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})\]/;

/** `Nov  4 20:33:01` or RFC 3339 at the start of a line; undefined when it starts otherwise. */
export function parseSyslogTime(text: string, context: TimeContext): Timestamp | undefined {
  const match = CLASSIC.exec(text);
  if (!match) return parseFullTime(text, context);
  const [whole, month = '', day, hour, minute, second, fraction] = match;
  return local(whole, { month: monthOf(month), ...clockOf([day, hour, minute, second], fraction) }, fraction, context);
}

export function parseFullTime(text: string, context: TimeContext): Timestamp | undefined {
  const match = FULL.exec(text);
  if (!match) return undefined;
  const [whole, year, month, day, hour, minute, second, fraction, zone] = match;
  const reading = {
    year: Number(year),
    month: Number(month),
    ...clockOf([day, hour, minute, second], fraction),
  };
  const offset = zone === undefined ? undefined : offsetOf(zone.trim());
  if (offset === undefined) return local(whole, reading, fraction, context);
  const utc = utcOf(reading);
  return utc === undefined ? undefined : stamp(whole, utc - offset, fraction);
}

export function parseSlashTime(text: string, context: TimeContext): Timestamp | undefined {
  const match = SLASHES.exec(text);
  if (!match) return undefined;
  const [whole, year, month, day, hour, minute, second] = match;
  const reading = { year: Number(year), month: Number(month), ...clockOf([day, hour, minute, second], undefined) };
  return local(whole, reading, undefined, context);
}

export function parseApacheTime(text: string, context: TimeContext): Timestamp | undefined {
  const match = APACHE.exec(text);
  if (!match) return undefined;
  const [whole, month = '', day, hour, minute, second, fraction, year] = match;
  const reading = {
    year: Number(year),
    month: monthOf(month),
    ...clockOf([day, hour, minute, second], fraction),
  };
  return local(whole, reading, fraction, context);
}

export function parseAccessTime(text: string): Timestamp | undefined {
  const match = ACCESS.exec(text);
  if (!match) return undefined;
  const [whole, day, month = '', year, hour, minute, second, sign, offsetHour, offsetMinute] = match;
  const utc = utcOf({
    year: Number(year),
    month: monthOf(month),
    ...clockOf([day, hour, minute, second], undefined),
  });
  const offset = minutesMs(Number(offsetHour) * 60 + Number(offsetMinute), sign);
  return utc === undefined ? undefined : stamp(whole, utc - offset, undefined);
}

function local(
  whole: string,
  reading: WallClockReading,
  fraction: string | undefined,
  { zone, near }: TimeContext,
): Timestamp | undefined {
  const time = resolveLocalTime(reading, zone, near);
  return time === undefined ? undefined : stamp(whole, time, fraction);
}

function stamp(whole: string, time: number, fraction: string | undefined): Timestamp {
  return { time, resolution: fraction === undefined ? SECOND_MS : 1, length: whole.length };
}

function clockOf(
  numbers: readonly (string | undefined)[],
  fraction: string | undefined,
): Omit<WallClockReading, 'month' | 'year'> {
  const [day = Number.NaN, hour = 0, minute = 0, second = 0] = numbers.map(Number);
  const millisecond = fraction === undefined ? 0 : Math.floor(Number(`0.${fraction}`) * 1_000);
  return { day, hour, minute, second, millisecond };
}

/** 0 for what is no month, which the calendar then refuses. */
function monthOf(name: string): number {
  return MONTHS.indexOf(name) + 1;
}

/** Of the names of zones only those without summer time and without a second meaning. */
function offsetOf(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'UTC' || zone === 'GMT') return 0;
  if (zone === 'JST') return minutesMs(540, '+');
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone);
  return match ? minutesMs(Number(match[2]) * 60 + Number(match[3] ?? 0), match[1]) : undefined;
}

function minutesMs(minutes: number, sign: string | undefined): number {
  return (sign === '-' ? -minutes : minutes) * 60_000;
}
