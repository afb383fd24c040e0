import { describe, expect, test } from 'vitest';
import { RECORD } from './constants.ts';
import { type AuditEvent, EventAssembler } from './event-assembler.ts';
import { SerialGaps } from './serial-gaps.ts';

const at = (serial: number, body: string) => `audit(1795551447.398:${serial}): ${body}`;

type Line = readonly [type: number, serial: number, body: string];

function recordsOf(serial: number): Line[] {
  return [
    [RECORD.SYSCALL, serial, `arch=c000003e syscall=59 success=yes pid=${serial} exe="/bin/x"`],
    [RECORD.EXECVE, serial, `argc=2 a0="x" a1_len=6 a1[0]="abc"`],
    [RECORD.EXECVE, serial, `a1[1]="def"`],
    [RECORD.CWD, serial, 'cwd="/"'],
    [RECORD.PATH, serial, 'item=0 name="/bin/x" inode=5'],
    [RECORD.EOE, serial, ''],
  ];
}

function assemble(lines: readonly Line[], limits?: ConstructorParameters<typeof EventAssembler>[1]) {
  const events: AuditEvent[] = [];
  const assembler = new EventAssembler((event) => events.push(event), limits);
  lines.forEach(([type, serial, body], now) => assembler.add(type, at(serial, body), now));
  return { events, assembler };
}

describe('records become events', () => {
  test('in the usual order', () => {
    const { events, assembler } = assemble(recordsOf(1));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ serial: 1, time: 1_795_551_447_398, complete: true });
    expect(events[0]?.argv?.values()).toEqual(['x', 'abcdef']);
    expect(events[0]?.syscall?.get('pid')).toBe('1');
    expect(assembler.pending).toBe(0);
  });

  test('interleaved, in every rotation and reversed', () => {
    const three = [recordsOf(1), recordsOf(2), recordsOf(3)];
    const zipped = three[0]?.flatMap((_, index) => three.flatMap((records) => records.slice(index, index + 1))) ?? [];
    for (let shift = 0; shift < zipped.length; shift += 1) {
      for (const lines of [[...zipped.slice(shift), ...zipped.slice(0, shift)], zipped.toReversed()]) {
        const { events, assembler } = assemble(lines);
        expect(events.map(({ serial }) => serial).sort((a, b) => a - b)).toEqual([1, 2, 3]);
        expect(events.every(({ complete, argv }) => complete && argv?.values()[1] === 'abcdef')).toBe(true);
        expect([assembler.pending, assembler.incomplete]).toEqual([0, 0]);
      }
    }
  });

  test.each([0, 1, 2, 5])('without record %i it is handed on after its time, and counted', (lost) => {
    const { events, assembler } = assemble(recordsOf(1).filter((_, index) => index !== lost));
    expect(events).toEqual([]);
    assembler.sweep(1_000);
    expect(events).toEqual([]);
    assembler.sweep(3_000);
    expect(events).toHaveLength(1);
    // Only its end is missing: everything of it is here.
    expect(events[0]?.complete).toBe(lost === 5);
    expect(assembler.incomplete).toBe(lost === 5 ? 0 : 1);
  });

  test('no more wait than the table holds; the oldest goes first', () => {
    const lines = Array.from({ length: 50 }, (_, index): Line => [RECORD.SYSCALL, index + 1, 'pid=1']);
    const { events, assembler } = assemble(lines, { maxPending: 10, maxPendingChars: 1_000_000, maxAgeMs: 1_000 });
    expect(assembler.pending).toBe(10);
    expect(events.map(({ serial }) => serial)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });

  test('no more text waits than allowed', () => {
    const long = `argc=99 ${Array.from({ length: 10 }, (_, index) => `a${index}="${'x'.repeat(100)}"`).join(' ')}`;
    const lines = Array.from({ length: 100 }, (_, index): Line => [RECORD.EXECVE, index + 1, long]);
    const { assembler } = assemble(lines, { maxPending: 1_000, maxPendingChars: 20_000, maxAgeMs: 1_000 });
    expect(assembler.pending).toBeLessThan(20);
    expect(assembler.incomplete).toBe(100 - assembler.pending);
  });

  test('what is no record is counted and costs nothing else', () => {
    const events: AuditEvent[] = [];
    const assembler = new EventAssembler((event) => events.push(event));
    for (const junk of ['', 'hello', 'audit(99999999999999.1:1): x', '\u0000'.repeat(9_000)]) {
      assembler.add(RECORD.SYSCALL, junk, 0);
    }
    recordsOf(5).forEach(([type, serial, body]) => assembler.add(type, at(serial, body), 0));
    expect(assembler.malformed).toBe(4);
    expect(events).toHaveLength(1);
  });

  test('records that we do not use count for the gaps alone', () => {
    const { assembler } = assemble([[1_112, 7, 'msg=login'], ...recordsOf(8)]);
    expect([assembler.pending, assembler.incomplete]).toEqual([0, 0]);
  });
});

describe('gaps in the serials', () => {
  test('overtaking is no loss, silence is', () => {
    const gaps = new SerialGaps();
    for (let serial = 100; serial < 30_000; serial += 2) {
      // Pairs swapped; 1,000 to 1,009 never come.
      for (const next of [serial + 1, serial]) if (next < 1_000 || next > 1_009) gaps.see(next);
    }
    // The first one seen was 101: what came before it was never ours.
    expect(gaps.missing).toBe(10);
  });

  test('a jump beyond the window counts all of it', () => {
    const gaps = new SerialGaps();
    gaps.see(1);
    gaps.see(100_001);
    for (let serial = 100_002; serial < 120_000; serial += 1) gaps.see(serial);
    expect(gaps.missing).toBe(99_999);
  });

  test('a gap is counted two seconds after it was passed, once, and not before', () => {
    const gaps = new SerialGaps();
    for (const serial of [10, 11, 15, 16]) gaps.see(serial);
    gaps.settle(0);
    gaps.settle(1_999);
    expect(gaps.missing).toBe(0);
    gaps.see(13);
    gaps.settle(2_000);
    expect(gaps.missing).toBe(2);
    for (let serial = 17; serial < 20_000; serial += 1) gaps.see(serial);
    gaps.settle(9_000);
    gaps.settle(99_000);
    expect(gaps.missing).toBe(2);
  });

  test('serials from long ago change nothing', () => {
    const gaps = new SerialGaps();
    for (let serial = 50_000; serial < 70_000; serial += 1) gaps.see(serial);
    gaps.see(3);
    expect(gaps.missing).toBe(0);
  });
});
