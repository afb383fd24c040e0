import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runSafeTest, type SafeTest } from './safe-test.ts';

const LONG_AGO = new Date('2020-01-01T00:00:00Z');
const former = process.env['TMPDIR'];
let folder: string;
let running: SafeTest | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yagura-safe-'));
  process.env['TMPDIR'] = folder;
});
afterEach(async () => {
  if (running) {
    process.kill(-running.pid, 'SIGKILL');
    await running.ended;
  }
  running = undefined;
  if (former === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = former;
  rmSync(folder, { recursive: true, force: true });
});

function makeOld(name: string, files: readonly string[]): string {
  const path = join(folder, name);
  mkdirSync(path, { mode: 0o700 });
  for (const file of files) writeFileSync(join(path, file), 'x');
  utimesSync(path, LONG_AGO, LONG_AGO);
  return path;
}

async function start(): Promise<SafeTest> {
  const result = await runSafeTest(Date.now(), () => undefined);
  if (!result.ok) throw new Error(result.detail);
  running = result.test;
  return result.test;
}

test('writes the test file into a folder that only we can enter', async () => {
  const { file } = await start();
  for (let waited = 0; waited < 5_000 && !existsSync(file); waited += 20) await delay(20);
  await delay(100);
  expect(readFileSync(file, 'utf8')).toHaveLength(68);
  expect(lstatSync(join(file, '..')).mode & 0o777).toBe(0o700);
});

test('removes what tests left behind, a week later', async () => {
  const old = makeOld('yagura-test-old', ['eicar.com', 'test-detection.sh']);
  const recent = join(folder, 'yagura-test-new');
  mkdirSync(recent, { mode: 0o700 });
  await start();
  expect(existsSync(old)).toBe(false);
  expect(existsSync(recent)).toBe(true);
});

test('touches nothing that another put beside it: links, foreign content, folders open to others', async () => {
  const elsewhere = makeOld('elsewhere', ['eicar.com']);
  symlinkSync(elsewhere, join(folder, 'yagura-test-link'));
  const strange = makeOld('yagura-test-strange', ['theirs']);
  const open = makeOld('yagura-test-open', ['eicar.com']);
  chmodSync(open, 0o777);
  utimesSync(open, LONG_AGO, LONG_AGO);
  await start();
  expect(lstatSync(join(folder, 'yagura-test-link')).isSymbolicLink()).toBe(true);
  for (const path of [join(elsewhere, 'eicar.com'), join(strange, 'theirs'), join(open, 'eicar.com')]) {
    expect(existsSync(path), path).toBe(true);
  }
});
