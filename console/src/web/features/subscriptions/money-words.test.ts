import { expect, test } from 'vitest';
import { lastMonths, sayMonth, sayYen } from './money-words.ts';

test('yen', () => {
  expect(sayYen(24_000, 'ja')).toBe('24,000円');
  expect(sayYen(0, 'en')).toBe('¥0');
});

test('months, across the turn of the year', () => {
  expect(lastMonths('2026-02', 4)).toEqual(['2026-02', '2026-01', '2025-12', '2025-11']);
  expect(sayMonth('2026-11', 'ja')).toBe('2026年11月');
  expect(sayMonth('2026-11', 'en')).toBe('November 2026');
});
