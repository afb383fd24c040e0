import { describe, expect, test } from 'vitest';
import { createTimeZone } from './local-time.ts';
import {
  parseAccessTime,
  parseApacheTime,
  parseFullTime,
  parseSlashTime,
  parseSyslogTime,
  type Timestamp,
} from './parse-timestamp.ts';

const TOKYO = createTimeZone('Asia/Tokyo');
const BERLIN = createTimeZone('Europe/Berlin');
const at = (iso: string): number => Date.parse(iso);
const iso = (stamp: Timestamp | undefined): string | undefined => stamp && new Date(stamp.time).toISOString();

describe('the classic form has no year', () => {
  test.each([
    ['in the same year', 'Nov 24 20:33:01 host x', '2026-11-24T12:00:00Z', '2026-11-24T11:33:01.000Z'],
    ['December, read in January', 'Dec 31 23:59:59 host x', '2027-01-01T00:10:00Z', '2026-12-31T14:59:59.000Z'],
    [
      'new year in Tokyo, while it is December in UTC',
      'Jan  1 00:00:01 h x',
      '2026-12-31T15:00:02Z',
      '2026-12-31T15:00:01.000Z',
    ],
    [
      'a clock that runs ahead by minutes over the year end',
      'Jan  1 00:03:00 h x',
      '2026-12-31T14:59:00Z',
      '2026-12-31T15:03:00.000Z',
    ],
    ['eleven months old', 'Dec 20 00:00:00 h x', '2026-11-24T12:00:00Z', '2025-12-19T15:00:00.000Z'],
    ['a leap day, years later', 'Feb 29 12:00:00 h x', '2027-03-01T00:00:00Z', '2024-02-29T03:00:00.000Z'],
  ])('%s', (_name, text, near, expected) => {
    expect(iso(parseSyslogTime(text, { zone: TOKYO, near: at(near) }))).toBe(expected);
  });

  test('is good to the second', () => {
    expect(parseSyslogTime('Nov  4 20:33:01 host', { zone: TOKYO, near: at('2026-11-24T12:00:00Z') })).toMatchObject({
      resolution: 1_000,
      length: 15,
    });
  });
});

describe('summer time', () => {
  test.each([
    [
      'the hour that comes twice, read when it came first',
      'Oct 25 02:30:00 h',
      '2026-10-25T00:30:10Z',
      '2026-10-25T00:30:00.000Z',
    ],
    [
      'the hour that comes twice, read when it came again',
      'Oct 25 02:30:00 h',
      '2026-10-25T01:30:10Z',
      '2026-10-25T01:30:00.000Z',
    ],
    ['before the change in spring', 'Mar 29 01:59:59 h', '2026-03-29T01:00:05Z', '2026-03-29T00:59:59.000Z'],
    ['after the change in spring', 'Mar 29 03:00:01 h', '2026-03-29T01:00:05Z', '2026-03-29T01:00:01.000Z'],
    ['an hour that spring leaves out', 'Mar 29 02:30:00 h', '2026-03-29T01:31:00Z', '2026-03-29T01:30:00.000Z'],
    ['a summer line read in winter', 'Jul  1 12:00:00 h', '2026-12-01T12:00:00Z', '2026-07-01T10:00:00.000Z'],
  ])('%s', (_name, text, near, expected) => {
    expect(iso(parseSyslogTime(text, { zone: BERLIN, near: at(near) }))).toBe(expected);
  });
});

describe('other forms', () => {
  const context = { zone: TOKYO, near: at('2026-11-24T12:00:00Z') };
  test.each([
    ['2026-11-24T20:33:01.123456+09:00 host', '2026-11-24T11:33:01.123Z'],
    ['2026-11-24T11:33:01Z host', '2026-11-24T11:33:01.000Z'],
    ['2026-11-24T06:33:01-05:00 host', '2026-11-24T11:33:01.000Z'],
    ['2026-11-24 20:33:01.123 JST [1]', '2026-11-24T11:33:01.123Z'],
    ['2026-11-24 11:33:01.123 UTC [1]', '2026-11-24T11:33:01.123Z'],
    ['2026-11-24 20:33:01 10 [Warning]', '2026-11-24T11:33:01.000Z'],
    ['2026-11-24  9:33:01', undefined],
    ['2026-11-24 9:33:01 0 [Note]', '2026-11-24T00:33:01.000Z'],
  ])('%s', (text, expected) => expect(iso(parseFullTime(text, context))).toBe(expected));

  test('nginx, Apache and access logs', () => {
    expect(iso(parseSlashTime('2026/11/24 20:33:01 [error] 1#1: x', context))).toBe('2026-11-24T11:33:01.000Z');
    expect(iso(parseApacheTime('[Tue Nov 24 20:33:01.5 2026] [core]', context))).toBe('2026-11-24T11:33:01.500Z');
    expect(iso(parseAccessTime('[24/Nov/2026:20:33:01 +0900] "GET'))).toBe('2026-11-24T11:33:01.000Z');
    expect(iso(parseAccessTime('[24/Nov/2026:02:03:01 -0930] "GET'))).toBe('2026-11-24T11:33:01.000Z');
  });

  test.each([
    'Nov 31 20:33:01 host',
    'Foo 24 20:33:01 host',
    'Nov 24 25:33:01 host',
    'Nov 24 20:33:0112 host',
    '2026-13-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-11-24T20:61:01Z',
    '',
    '\u0000',
  ])('%j is no time', (text) => expect(parseSyslogTime(text, context)).toBeUndefined());
});
