import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RotatingLog } from './rotating-log.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yagura-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const line = (number: number) => Buffer.from(`${String(number).padStart(99, '0')}\n`);
const numbers = (file: string) => readFileSync(join(folder, file), 'utf8').trim().split('\n').map(Number);

test('is two files at most, also while it is written, and the newest lines are there in their order', async () => {
  const log = new RotatingLog(join(folder, 'agent.log'), { bytes: 1_000, waitingBytes: 1_000_000 });
  for (let number = 1; number <= 105; number += 1) {
    log.write(line(number));
    if (number % 7 === 0) await pause(1);
  }
  await log.end();
  expect(readdirSync(folder).sort()).toEqual(['agent.log', 'agent.log.1']);
  for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).size).toBeLessThanOrEqual(1_000);
  const kept = [...numbers('agent.log.1'), ...numbers('agent.log')];
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 105 - kept.length + 1 + index));
});

test('goes on with the file of a former run, or sets it aside when it is too large', async () => {
  writeFileSync(join(folder, 'a.log'), line(1));
  const goesOn = new RotatingLog(join(folder, 'a.log'), { bytes: 1_000, waitingBytes: 1_000 });
  goesOn.write(line(2));
  await goesOn.end();
  expect(numbers('a.log')).toEqual([1, 2]);
  writeFileSync(join(folder, 'b.log'), Buffer.alloc(2_000, 'x'));
  const begins = new RotatingLog(join(folder, 'b.log'), { bytes: 1_000, waitingBytes: 1_000 });
  begins.write(line(3));
  await begins.end();
  expect(numbers('b.log')).toEqual([3]);
  expect(statSync(join(folder, 'b.log.1')).size).toBe(2_000);
});

test('what a slow disk does not take is left out and said', async () => {
  const log = new RotatingLog(join(folder, 'c.log'), { bytes: 1_000_000, waitingBytes: 500 });
  for (let number = 1; number <= 50; number += 1) log.write(line(number));
  await pause(50);
  log.write(line(99));
  await log.end();
  const text = readFileSync(join(folder, 'c.log'), 'utf8');
  expect(text).toContain('"code":"log_left_out","bytes":4400');
  expect(text.endsWith(String(line(99)))).toBe(true);
});

test('a folder that is not there ends nobody', async () => {
  const log = new RotatingLog(join(folder, 'nowhere', 'd.log'), { bytes: 150, waitingBytes: 1_000 });
  for (let number = 1; number <= 20; number += 1) log.write(line(number));
  await log.end();
  expect(readdirSync(folder)).toEqual([]);
});
