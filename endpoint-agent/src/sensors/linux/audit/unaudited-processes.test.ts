import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ProcFacts } from '../../../state/read-proc.ts';
import { UnauditedProcesses, uptimeTicks } from './unaudited-processes.ts';

const OWN = 900;
let folder: string;
let now = 0;
let table: Map<number, ProcFacts>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yagura-unaudited-'));
  now = 0;
  table = new Map();
  run(1, 0, 0, '/usr/lib/systemd/systemd');
  run(2, 0, 0);
  run(40, 2, 5);
  run(300, 1, 800, '/usr/sbin/sshd');
  run(301, 300, 810, '/usr/sbin/sshd');
  run(OWN, 1, 990, '/opt/agent/node');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(pid: number, parentPid: number, startTicks: number, image?: string): void {
  table.set(pid, { pid, parentPid, startTicks, ...(image === undefined ? {} : { image }) });
}

function create(ticks: number, bootId = 'this-boot'): UnauditedProcesses {
  return new UnauditedProcesses({
    file: join(folder, 'first.json'),
    bootId,
    processes: { list: () => [...table.keys()], read: (pid) => table.get(pid) },
    uptimeTicks: () => ticks,
    ownPid: OWN,
    monotonic: () => now,
  });
}

test('names what was born before audit was switched on, kernel threads and the agent left out', () => {
  const older = create(1_000);
  older.noteEnabling();
  run(400, 1, 1_001, '/usr/sbin/nginx');
  expect(older.detail).toContain('switched on: 3 (systemd, sshd).');
  expect(older.detail).not.toContain('nginx');
});

test('says nothing where audit was on when the agent came', () => {
  expect(create(1_000).detail).toBeUndefined();
});

test('a second start in the same boot, with audit off again, still means the first', () => {
  create(1_000).noteEnabling();
  run(400, 1, 1_500, '/usr/sbin/nginx');
  const again = create(2_000);
  again.noteEnabling();
  expect(again.detail).not.toContain('nginx');
});

test('another boot, or a file that somebody spoilt, begins anew', () => {
  create(1_000).noteEnabling();
  expect(create(1_000, 'next-boot').detail).toBeUndefined();
  writeFileSync(join(folder, 'first.json'), '{"bootId":');
  const older = create(700);
  older.noteEnabling();
  expect(older.detail).toContain('switched on: 1 (systemd).');
});

test('forgets those that ended, also when their pid was given away, and goes silent with the last', () => {
  table.delete(1);
  const older = create(1_000);
  older.noteEnabling();
  expect(older.detail).toContain('switched on: 2 (sshd).');
  table.delete(301);
  run(300, 1, 5_000, '/usr/sbin/sshd');
  now = 59_999;
  expect(older.detail).toContain('switched on: 2 (sshd).');
  now = 60_000;
  expect(older.detail).toBeUndefined();
});

test.skipIf(process.platform !== 'linux')('the time since boot is told in the ticks of /proc', () => {
  const before = uptimeTicks();
  expect(before).toBeGreaterThan(0);
  expect(uptimeTicks()).toBeGreaterThanOrEqual(before);
});
