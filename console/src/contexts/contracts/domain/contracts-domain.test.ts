import { describe, expect, test } from 'vitest';
import { chargeMonth, PRICE_PER_SEAT_YEN, type Seat } from './charge-month.ts';
import { findReplaced, findSuccessor, type NamedSeat } from './find-replaced.ts';
import { monthOf, monthRange } from './month.ts';

/** Times as people in Japan write them. */
const jst = (text: string) => Date.parse(`${text}+09:00`);

describe('months in Japan', () => {
  test.each([
    ['2026-11-01T00:00:00.000', '2026-11'],
    ['2026-10-31T23:59:59.999', '2026-10'],
    ['2026-12-31T23:59:59.999', '2026-12'],
    ['2027-01-01T00:00:00.000', '2027-01'],
    ['2028-02-29T12:00:00.000', '2028-02'],
  ])('%s is in %s', (time, month) => {
    expect(monthOf(jst(time))).toBe(month);
    const { from, to } = monthRange(month);
    expect(from <= jst(time) && jst(time) < to).toBe(true);
  });

  test('the last hours of a month in UTC are in the next one in Japan', () => {
    expect(monthOf(Date.parse('2026-10-31T15:00:00Z'))).toBe('2026-11');
    expect(monthOf(Date.parse('2026-10-31T14:59:59Z'))).toBe('2026-10');
  });

  test('months follow each other without a gap, over years', () => {
    for (let index = 0; index < 60; index += 1) {
      const month = monthOf(Date.UTC(2026, index, 15));
      expect(monthOf(monthRange(month).from)).toBe(month);
      expect(monthOf(monthRange(month).from - 1)).not.toBe(month);
      expect(monthRange(month).to).toBe(monthRange(monthOf(monthRange(month).to)).from);
    }
  });

  test('the zone agrees with the one that the runtime knows as Asia/Tokyo', () => {
    const tokyo = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Tokyo', year: 'numeric', month: '2-digit' });
    for (let day = 0; day < 800; day += 1) {
      const time = Date.UTC(2026, 0, 1, 14, 59) + day * 86_400_000;
      expect(monthOf(time)).toBe(tokyo.format(time));
      expect(monthOf(time + 3_600_000)).toBe(tokyo.format(time + 3_600_000));
    }
  });
});

describe('the charge of a month', () => {
  const seat = (seatId: string, from: string, to?: string, replacesSeatId?: string): Seat => ({
    seatId,
    startedAt: jst(from),
    ...(to === undefined ? {} : { endedAt: jst(to) }),
    ...(replacesSeatId === undefined ? {} : { replacesSeatId }),
  });
  const total = (seats: Seat[], month = '2026-11') => chargeMonth(seats, month).totalYen / PRICE_PER_SEAT_YEN;

  test('one seat costs ¥2,000 whole, whenever in the month it began', () => {
    expect(chargeMonth([seat('a', '2026-11-30T23:59:59.999')], '2026-11').totalYen).toBe(2_000);
  });

  test.each([
    ['begins in the first millisecond', seat('a', '2026-11-01T00:00:00.000'), 1],
    ['begins in the last', seat('a', '2026-11-30T23:59:59.999'), 1],
    ['begins as the next month does', seat('a', '2026-12-01T00:00:00.000'), 0],
    ['ended as the month began', seat('a', '2026-10-05T00:00:00', '2026-11-01T00:00:00.000'), 0],
    ['ended a millisecond later', seat('a', '2026-10-05T00:00:00', '2026-11-01T00:00:00.001'), 1],
    ['spans the month', seat('a', '2026-01-01T00:00:00', '2027-01-01T00:00:00'), 1],
    ['began and ended within', seat('a', '2026-11-10T09:00:00', '2026-11-10T09:00:01'), 1],
    ['ended before', seat('a', '2026-08-01T00:00:00', '2026-09-30T00:00:00'), 0],
  ] as const)('a seat that %s is charged %#', (_name, one, times) => {
    expect(total([one])).toBe(times);
  });

  test('a replaced PC is charged once, at the new one', () => {
    const seats = [
      seat('old', '2026-01-01T00:00:00', '2026-11-15T10:00:00'),
      seat('new', '2026-11-15T11:00:00', undefined, 'old'),
    ];
    const charge = chargeMonth(seats, '2026-11');
    expect(charge.seats.map((entry) => [entry.seat.seatId, entry.amountYen])).toEqual([
      ['old', 0],
      ['new', 2_000],
    ]);
    expect(charge.totalYen).toBe(2_000);
    expect(total(seats, '2026-10')).toBe(1);
    expect(total(seats, '2026-12')).toBe(1);
  });

  test('a PC replaced three times in a month is charged once', () => {
    const seats = [
      seat('a', '2026-11-01T00:00:00', '2026-11-02T00:00:00'),
      seat('b', '2026-11-02T00:00:00', '2026-11-03T00:00:00', 'a'),
      seat('c', '2026-11-03T00:00:00', '2026-11-04T00:00:00', 'b'),
      seat('d', '2026-11-04T00:00:00', undefined, 'c'),
    ];
    expect(total(seats)).toBe(1);
  });

  test('a pause between the two is not charged', () => {
    const seats = [
      seat('old', '2026-01-01T00:00:00', '2026-08-15T00:00:00'),
      seat('new', '2026-11-15T00:00:00', undefined, 'old'),
    ];
    expect(['2026-08', '2026-09', '2026-10', '2026-11'].map((month) => total(seats, month))).toEqual([1, 0, 0, 1]);
  });

  test('seats that have nothing to do with each other add up', () => {
    expect(total(Array.from({ length: 12 }, (_, index) => seat(`s${index}`, '2026-11-03T00:00:00')))).toBe(12);
  });

  test('a circle of seats, which nothing should make, ends and is charged once', () => {
    const seats = [seat('a', '2026-11-01T00:00:00', undefined, 'b'), seat('b', '2026-11-02T00:00:00', undefined, 'a')];
    expect(total(seats)).toBe(1);
  });
});

describe('replacing a PC', () => {
  const named = (seatId: string, hostname: string, displayName: string, rest: Partial<NamedSeat> = {}): NamedSeat => ({
    seatId,
    hostname,
    displayName,
    startedAt: jst('2026-11-01T00:00:00'),
    ...rest,
  });
  const ended = { endedAt: jst('2026-11-10T00:00:00') };

  test('the ended seat with the same host name is continued', () => {
    const seats = [named('a', 'PC-01', '営業01', ended), named('b', 'PC-02', '営業02', ended)];
    expect(findReplaced(seats, { hostname: 'pc-02', displayName: 'pc-02' })?.seatId).toBe('b');
  });

  test('or with the same display name, full width or not', () => {
    expect(
      findReplaced([named('a', 'old-host', 'ＰＣ－0１', ended)], { hostname: 'PC-01', displayName: 'PC-01' }),
    ).toBeDefined();
  });

  test('a seat that has not ended is a PC of its own', () => {
    expect(findReplaced([named('a', 'PC-01', 'PC-01')], { hostname: 'PC-01', displayName: 'PC-01' })).toBeUndefined();
  });

  test('a seat is continued once only', () => {
    const seats = [named('a', 'PC-01', 'PC-01', ended), named('b', 'PC-01', 'PC-01', { replacesSeatId: 'a' })];
    expect(findReplaced(seats, { hostname: 'PC-01', displayName: 'PC-01' })).toBeUndefined();
  });

  test('enrolled before the old one was revoked: the new seat continues it afterwards', () => {
    const old = named('a', 'PC-01', 'PC-01', { startedAt: jst('2026-03-01T00:00:00') });
    const seats = [old, named('b', 'PC-01', 'PC-01', { startedAt: jst('2026-11-09T00:00:00') })];
    expect(findSuccessor(seats, old, jst('2026-11-10T00:00:00'))?.seatId).toBe('b');
  });

  test('a second PC with the same name from an earlier month was no replacement', () => {
    const old = named('a', 'PC-01', 'PC-01', { startedAt: jst('2026-03-01T00:00:00') });
    const seats = [old, named('b', 'PC-01', 'PC-01', { startedAt: jst('2026-10-31T00:00:00') })];
    expect(findSuccessor(seats, old, jst('2026-11-10T00:00:00'))).toBeUndefined();
  });
});
