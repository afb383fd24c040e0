import { describe, expect, test } from 'vitest';
import { LINE_BYTES } from '../text/clean-text.ts';
import { parseJournalEntry } from './parse-entry.ts';

/** As systemd 252 prints it, with the fields that we ask for. */
const ENTRY = {
  __CURSOR:
    's=d7b2575aafb842689dd64e7123627a54;i=a;b=b2f46aae39aa47e59afc0e79ac2606fe;m=10db64da2;t=6610bd58354af;x=f812f20c56814bd9',
  __REALTIME_TIMESTAMP: '1795553314952367',
  __MONOTONIC_TIMESTAMP: '4525018530',
  _BOOT_ID: 'b2f46aae39aa47e59afc0e79ac2606fe',
  _TRANSPORT: 'syslog',
  SYSLOG_IDENTIFIER: 'sshd',
  SYSLOG_FACILITY: '4',
  _PID: '29599',
  _UID: '0',
  _COMM: 'sshd',
  _EXE: '/usr/sbin/sshd',
  MESSAGE: 'Accepted password for root from 192.0.2.9 port 22 ssh2',
};
const parse = (changes: object) => parseJournalEntry(JSON.stringify({ ...ENTRY, ...changes }));

test('an entry', () => {
  expect(parse({})).toEqual({
    cursor: ENTRY.__CURSOR,
    bootId: ENTRY._BOOT_ID,
    transport: 'syslog',
    record: {
      time: 1_795_553_314_952,
      resolution: 1,
      bootTime: 4_525_018.53,
      program: 'sshd',
      facility: 4,
      message: ENTRY.MESSAGE,
      writer: { pid: 29_599, uid: 0, comm: 'sshd', exe: '/usr/sbin/sshd' },
    },
  });
});

describe("the documented forms of a field's value", () => {
  test('bytes that are no text come as numbers', () => {
    expect(parse({ MESSAGE: [65, 255, 10, 0, 66] })?.record.message).toBe('A\ufffd\\nB');
  });
  test('of a field that was given twice the first counts, also when its values are bytes', () => {
    expect(parse({ MESSAGE: ['one', 'two'] })?.record.message).toBe('one');
    expect(parse({ MESSAGE: [[65, 255], 'two'] })?.record.message).toBe('A\ufffd');
  });
  test('a value that is too large comes as null', () => {
    expect(parse({ MESSAGE: null })?.record.message).toBe('');
  });
});

describe('hostile entries', () => {
  test('a message of several lines stays one', () => {
    expect(parse({ MESSAGE: 'a\nsshd[1]: b\u001b[0m' })?.record.message).toBe('a\\nsshd[1]: b\\x1b[0m');
  });
  test('a gigantic message is shortened', () => {
    expect(parse({ MESSAGE: 'x'.repeat(LINE_BYTES * 3) })?.record.message).toHaveLength(LINE_BYTES);
    expect(parse({ MESSAGE: Array.from({ length: LINE_BYTES * 2 }, () => 65) })?.record.message).toHaveLength(
      LINE_BYTES,
    );
  });
  test('a pid that is no number is unknown', () => {
    for (const pid of ['-1', '1e9', 'x', '', '99999999999999999999', {}, [], true])
      expect(parse({ _PID: pid })?.record.writer).not.toHaveProperty('pid');
  });
  test.each([
    '',
    '{',
    'null',
    '[]',
    '1',
    '"x"',
    '{}',
    '{"__CURSOR":"a"}',
    '{"__CURSOR":"","__REALTIME_TIMESTAMP":"1"}',
  ])('%s is none', (text) => expect(parseJournalEntry(text)).toBeUndefined());
  test('names of prototypes are only names', () => {
    expect(
      parseJournalEntry(`{"__proto__":{"MESSAGE":"x"},"__CURSOR":"a","__REALTIME_TIMESTAMP":"1000"}`)?.record.message,
    ).toBe('');
  });
});
