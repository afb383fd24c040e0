import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../../platform/clock.ts';
import { type LogPositions, openLogPositions } from '../../../../state/log-positions.ts';
import type { LogRecord } from '../record.ts';
import { type FollowedJournal, followJournal, type JournalState } from './follow-journal.ts';
import { journalctlArguments } from './journalctl.ts';

const WAIT = { timeout: 5_000, interval: 20 };
const BOOT = 'b2f46aae39aa47e59afc0e79ac2606fe';

let folder: string;
let positions: LogPositions;
let records: LogRecord[];
let states: JournalState[];
let journal: FollowedJournal | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yagura-journal-'));
  mkdirSync(join(folder, 'journal/machine'), { recursive: true });
  writeFileSync(join(folder, 'journal/machine/system.journal'), '');
  writeFileSync(join(folder, 'socket'), '');
  positions = openLogPositions(join(folder, 'positions.sqlite'), () => undefined).positions;
  records = [];
  states = [];
});
afterEach(async () => {
  await journal?.[Symbol.asyncDispose]();
  journal = undefined;
  positions[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

const entry = (cursor: string, fields: object): string =>
  JSON.stringify({
    __CURSOR: cursor,
    __REALTIME_TIMESTAMP: '1795553314952367',
    __MONOTONIC_TIMESTAMP: '4525018530',
    _BOOT_ID: BOOT,
    _TRANSPORT: 'syslog',
    _UID: '0',
    MESSAGE: 'hello',
    ...fields,
  });

/** A program in the place of journalctl that writes down its arguments, prints this and then waits. */
function follow(output: string): void {
  const program = join(folder, 'journalctl');
  writeFileSync(join(folder, 'output'), output);
  writeFileSync(
    program,
    `#!/bin/sh\nprintf '%s\\n' "$@" >> ${folder}/arguments\ncat ${folder}/output\nexec sleep 60\n`,
    {
      mode: 0o700,
    },
  );
  journal = followJournal({
    settings: {
      journalctl: program,
      extraArguments: [],
      socket: join(folder, 'socket'),
      folders: [join(folder, 'journal')],
    },
    clock: systemClock,
    bootId: BOOT,
    positions,
    selfPid: process.pid,
    take: (batch) => void records.push(...batch),
    onState: (state) => void states.push(state),
    log: () => undefined,
  });
  journal.start();
}

test('what journald and the kernel dropped is counted, from journald itself only', async () => {
  follow(
    [
      entry('c1', { _TRANSPORT: 'driver', MESSAGE: 'Suppressed 1234 messages from user.slice' }),
      entry('c2', { _TRANSPORT: 'driver', MESSAGE: 'Missed 7 kernel messages' }),
      entry('c3', { _TRANSPORT: 'syslog', MESSAGE: 'Suppressed 9999 messages from user.slice' }),
      '',
    ].join('\n'),
  );
  await expect.poll(() => records.length, WAIT).toBe(3);
  expect(journal?.lost).toBe(1_241);
});

test('garbage and entries beyond any bound are counted and hide nothing', async () => {
  follow(
    [
      entry('c1', { MESSAGE: 'before' }),
      'no json',
      entry('c2', { MESSAGE: Array.from({ length: 600_000 }, () => 255) }),
      entry('c3', { MESSAGE: 'after' }),
      '',
    ].join('\n'),
  );
  await expect.poll(() => records.map(({ message }) => message), WAIT).toEqual(['before', 'after']);
  expect(journal?.lost).toBe(2);
  expect(positions.journal()).toEqual({ cursor: 'c3' });
});

test("the agent's own lines are passed over; a process of an earlier boot with its pid is another", async () => {
  follow(
    [
      entry('c1', { _PID: String(process.pid), MESSAGE: 'own' }),
      entry('c2', { _PID: String(process.pid), _BOOT_ID: '0'.repeat(32), MESSAGE: 'earlier' }),
      '',
    ].join('\n'),
  );
  await expect.poll(() => records.length, WAIT).toBe(1);
  expect(records[0]).toMatchObject({ message: 'earlier' });
  expect(records[0]?.writer).not.toHaveProperty('pid');
  expect(records[0]).not.toHaveProperty('bootTime');
});

test('begins where it ended', async () => {
  follow(`${entry('s=1;i=2', {})}\n`);
  await expect.poll(() => positions.journal(), WAIT).toEqual({ cursor: 's=1;i=2' });
  await journal?.[Symbol.asyncDispose]();
  follow('');
  await expect
    .poll(() => readFileSync(join(folder, 'arguments'), 'utf8').split('\n'), WAIT)
    .toContain('--after-cursor=s=1;i=2');
  expect(states).toEqual(['active', 'active']);
});

test('asks for whole messages and not for copies of audit records', () => {
  const list = journalctlArguments({ since: 12.3456 }, ['--namespace=x']);
  expect(list[0]).toBe('--namespace=x');
  expect(list).toContain('--all');
  expect(list).toContain('--since=@12.346');
  expect(list.filter((argument) => argument.startsWith('_TRANSPORT='))).not.toContain('_TRANSPORT=audit');
});
