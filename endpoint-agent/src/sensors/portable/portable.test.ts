import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock.ts';
import { createProcessTable } from '../../state/create-process-table.ts';
import { type ProcFacts, procReader } from '../../state/read-proc.ts';
import type { Observation } from '../sensor.ts';
import { createPortableSensors } from './index.ts';
import { ProcessPoller } from './process-poller.ts';

const NO_PROC = process.platform === 'linux' ? undefined : 'needs /proc';

describe.skipIf(NO_PROC)(`without root${NO_PROC ? ` (${NO_PROC})` : ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'yagura-portable-'));
  const stop = new AbortController();
  afterEach(() => {
    stop.abort();
    rmSync(folder, { recursive: true, force: true });
  });

  test('long-lived processes and persistence files are seen, and the rest is admitted', async () => {
    const place = join(folder, 'cron.d');
    mkdirSync(place);
    const processTable = createProcessTable({ clock: systemClock, bootId: 'b', readProc: procReader });
    const sensors = createPortableSensors({ clock: systemClock, processTable, log: () => {}, paths: [place] });
    const seen: Observation[] = [];
    await Promise.all(sensors.map((sensor) => sensor.start((batch) => void seen.push(...batch), stop.signal)));
    for (const sensor of sensors) {
      expect(sensor.health()).toMatchObject({ state: 'degraded', code: 'needs_root' });
    }
    const child = spawn('/bin/sleep', ['4.25']);
    writeFileSync(join(place, 'job'), '* * * * * root true\n');
    const find = (fits: (observation: Observation) => boolean) =>
      expect.poll(() => seen.some(fits), { timeout: 8_000 }).toBe(true);
    await find(({ fields }) => fields['TargetFilename'] === join(place, 'job') && fields['Operation'] === 'create');
    await find(({ pid, fields }) => pid === child.pid && fields['CommandLine'] === '/bin/sleep 4.25');
    child.kill();
    await find(({ pid, logsource }) => pid === child.pid && logsource.category === 'process_termination');
    stop.abort();
    await Promise.all(sensors.map((sensor) => sensor.stopped));
    expect(sensors.map((sensor) => sensor.health().state)).toEqual(['stopped', 'stopped']);
  });
});

test('an exec under the same pid is a start of its own, a pid used again is an end and a start', async () => {
  const facts = (startTicks: number, image: string): ProcFacts => ({ pid: 7, parentPid: 1, startTicks, image });
  let now: ProcFacts[] = [facts(100, '/bin/sh')];
  const readProc = { list: () => now.map(({ pid }) => pid), read: (pid: number) => now.find((one) => one.pid === pid) };
  const turns: (() => void)[] = [];
  const clock = {
    now: () => 5_000,
    monotonic: () => 0,
    after: (_: number, task: () => void) => {
      turns.push(task);
      return () => {};
    },
  };
  const table = createProcessTable({ clock, bootId: 'b', readProc, bootTime: () => 5_000 });
  const poller = new ProcessPoller({ clock, readProc, table, userName: String });
  const seen: Observation[] = [];
  await poller.start((batch) => void seen.push(...batch), new AbortController().signal);
  const look = () => {
    seen.length = 0;
    turns.shift()?.();
    return seen.map(({ logsource, fields }) => [logsource.category, fields['Image']]);
  };
  expect(look()).toEqual([]);
  now = [facts(100, '/bin/ls')];
  expect(look()).toEqual([['process_creation', '/bin/ls']]);
  now = [facts(200, '/bin/ls')];
  expect(look()).toEqual([
    ['process_termination', '/bin/ls'],
    ['process_creation', '/bin/ls'],
  ]);
  now = [];
  expect(look()).toEqual([['process_termination', '/bin/ls']]);
});
