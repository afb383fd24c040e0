import type { TimePart } from './rule-ast.ts';
import type { Scalar } from './scalar.ts';

const TIMESTAMP = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::\d{2}(?:\.\d{1,9})?)?)?/;
const LONGEST_TIMESTAMP = 64;
/** Numbers from here on are milliseconds since the epoch, below they are seconds (the year 5138). */
const FIRST_MILLISECONDS = 1e11;
const DAY = 86_400_000;

/**
 * A part of a date: ISO 8601 text is taken as it is written, without conversion of its time zone; a number is
 * seconds or milliseconds since the epoch in UTC. Weeks are those of ISO 8601. Undefined when it is no date.
 */
export function timePart(value: Scalar, part: TimePart): number | undefined {
  const date = typeof value === 'string' ? fromText(value) : typeof value === 'number' ? fromEpoch(value) : undefined;
  if (date === undefined) return undefined;
  switch (part) {
    case 'minute':
      return date.getUTCMinutes();
    case 'hour':
      return date.getUTCHours();
    case 'day':
      return date.getUTCDate();
    case 'week':
      return isoWeek(date);
    case 'month':
      return date.getUTCMonth() + 1;
    case 'year':
      return date.getUTCFullYear();
  }
}

function fromText(text: string): Date | undefined {
  if (text.length > LONGEST_TIMESTAMP) return undefined;
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute] = match.slice(1).map((digits) => Number(digits ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date : undefined;
}

function fromEpoch(value: number): Date | undefined {
  const date = new Date(Math.abs(value) >= FIRST_MILLISECONDS ? value : value * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function isoWeek(date: Date): number {
  const midnight = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
  const weekday = (new Date(midnight).getUTCDay() + 6) % 7;
  const thursday = new Date(midnight + (3 - weekday) * DAY);
  const firstThursdayYear = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return Math.floor((thursday.getTime() - firstThursdayYear) / DAY / 7) + 1;
}
