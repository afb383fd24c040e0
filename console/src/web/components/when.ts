import type { Language } from '../i18n/language.ts';

/** Everything is shown in Japan's zone, wherever the reader sits. */
const ZONE = 'Asia/Tokyo';
const DAY_MS = 86_400_000;
/** Japan has no daylight saving time: its civil day is a fixed offset from UTC. */
const ZONE_OFFSET_MS = 9 * 3_600_000;

const LOCALE: Record<Language, string> = { ja: 'ja-JP', en: 'en-GB' };

const dayNumber = (time: number) => Math.floor((time + ZONE_OFFSET_MS) / DAY_MS);
const yearOf = (time: number) => new Date(time + ZONE_OFFSET_MS).getUTCFullYear();

function clockOf(time: number): string {
  const local = new Date(time + ZONE_OFFSET_MS);
  return `${local.getUTCHours()}:${String(local.getUTCMinutes()).padStart(2, '0')}`;
}

function dateOf(time: number, now: number, language: Language): string {
  const options: Intl.DateTimeFormatOptions = {
    timeZone: ZONE,
    month: language === 'ja' ? 'long' : 'short',
    day: 'numeric',
  };
  if (yearOf(time) !== yearOf(now)) options.year = 'numeric';
  return new Intl.DateTimeFormat(LOCALE[language], options).format(time);
}

interface WhenWords {
  readonly justNow: string;
  readonly today: (clock: string) => string;
  readonly yesterday: (clock: string) => string;
  readonly tomorrow: (clock: string) => string;
  readonly daysAgo: (days: number) => string;
  readonly daysAhead: (days: number) => string;
  readonly zone: string;
}

const WORDS: Record<Language, WhenWords> = {
  ja: {
    justNow: 'たった今',
    today: (clock) => `今日 ${clock}`,
    yesterday: (clock) => `昨日 ${clock}`,
    tomorrow: (clock) => `明日 ${clock}`,
    daysAgo: (days) => `${days}日前`,
    daysAhead: (days) => `${days}日後`,
    zone: '日本時間',
  },
  en: {
    justNow: 'just now',
    today: (clock) => `today ${clock}`,
    yesterday: (clock) => `yesterday ${clock}`,
    tomorrow: (clock) => `tomorrow ${clock}`,
    daysAgo: (days) => `${days} days ago`,
    daysAhead: (days) => `in ${days} days`,
    zone: 'Japan time',
  },
};

/** A time as people say it: 「今日 9:04」, 「3日前」, 「6月3日」. Both in milliseconds since the epoch. */
export function sayWhen(time: number, now: number, language: Language): string {
  const words = WORDS[language];
  if (time <= now && now - time < 60_000) return words.justNow;
  const days = dayNumber(time) - dayNumber(now);
  if (days === 0) return words.today(clockOf(time));
  if (days === -1) return words.yesterday(clockOf(time));
  if (days === 1) return words.tomorrow(clockOf(time));
  if (days < 0 && days > -7) return words.daysAgo(-days);
  if (days > 0 && days < 7) return words.daysAhead(days);
  return dateOf(time, now, language);
}

/** The same to the second (`9:04:31`), for a timeline of one day. */
export function exactClock(time: number): string {
  const seconds = new Date(time + ZONE_OFFSET_MS).getUTCSeconds();
  return `${clockOf(time)}:${String(seconds).padStart(2, '0')}`;
}

/** The exact time, to the millisecond, with its zone named. */
export function exactTime(time: number, language: Language): string {
  const text = new Intl.DateTimeFormat(LOCALE[language], {
    timeZone: ZONE,
    dateStyle: 'long',
    timeStyle: 'medium',
  }).format(time);
  const ms = String(time % 1_000).padStart(3, '0');
  return language === 'ja' ? `${text}.${ms}（${WORDS.ja.zone}）` : `${text}.${ms} (${WORDS.en.zone})`;
}

/** `2026-11` in Japan's zone. */
export function monthOf(time: number): string {
  return new Date(time + ZONE_OFFSET_MS).toISOString().slice(0, 7);
}
