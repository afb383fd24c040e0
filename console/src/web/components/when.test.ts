import { describe, expect, test } from 'vitest';
import { exactClock, exactTime, monthOf, sayWhen } from './when.ts';

/** 2026-11-24 10:00 in Japan. */
const NOW = Date.UTC(2026, 10, 24, 1, 0, 0);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('times as people say them', () => {
  test.each([
    ['a moment ago', NOW - 20_000, 'たった今', 'just now'],
    ['earlier today', NOW - 56 * MINUTE, '今日 9:04', 'today 9:04'],
    ['midnight in Japan is today', NOW - 10 * HOUR, '今日 0:00', 'today 0:00'],
    ['a minute before midnight is yesterday', NOW - 10 * HOUR - MINUTE, '昨日 23:59', 'yesterday 23:59'],
    ['some days ago', NOW - 3 * DAY, '3日前', '3 days ago'],
    ['a week ago', NOW - 7 * DAY, '11月17日', '17 Nov'],
    ['another year', Date.UTC(2025, 5, 3, 3), '2025年6月3日', '3 Jun 2025'],
    ['later today', NOW + HOUR, '今日 11:00', 'today 11:00'],
    ['tomorrow', NOW + DAY, '明日 10:00', 'tomorrow 10:00'],
    ['in some days', NOW + 4 * DAY, '4日後', 'in 4 days'],
  ])('%s', (_, time, ja, en) => {
    expect(sayWhen(time, NOW, 'ja')).toBe(ja);
    expect(sayWhen(time, NOW, 'en')).toBe(en);
  });

  test('the exact time names its zone, wherever the reader sits', () => {
    expect(exactTime(NOW + 123, 'ja')).toBe('2026年11月24日 10:00:00.123（日本時間）');
    expect(exactTime(NOW + 7, 'en')).toBe('24 November 2026 at 10:00:00.007 (Japan time)');
    expect(exactClock(NOW + 31_000)).toBe('10:00:31');
  });

  test('a month begins in Japan, not in Greenwich', () => {
    expect(monthOf(Date.UTC(2026, 10, 30, 14, 59))).toBe('2026-11');
    expect(monthOf(Date.UTC(2026, 10, 30, 15, 0))).toBe('2026-12');
  });
});
