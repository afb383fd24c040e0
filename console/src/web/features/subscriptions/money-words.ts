import type { Language } from '../../i18n/language.ts';

/** `2,000円`, `¥2,000`. */
export function sayYen(yen: number, language: Language): string {
  const number = yen.toLocaleString('en-US');
  return language === 'ja' ? `${number}円` : `¥${number}`;
}

/** 「2026年11月」, "November 2026", from `2026-11`. */
export function sayMonth(month: string, language: Language): string {
  const [year = '', number = ''] = month.split('-');
  if (language === 'ja') return `${year}年${Number(number)}月`;
  const first = Date.UTC(Number(year), Number(number) - 1, 1);
  return new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(first);
}

/** `count` months backwards from and with `newest`. */
export function lastMonths(newest: string, count: number): readonly string[] {
  const [year = 0, month = 1] = newest.split('-').map(Number);
  return Array.from({ length: count }, (_, back) =>
    new Date(Date.UTC(year, month - 1 - back, 1)).toISOString().slice(0, 7),
  );
}
