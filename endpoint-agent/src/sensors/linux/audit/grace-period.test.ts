import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { withoutGracePeriods } from './grace-period.ts';

function fileWith(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'yagura-grace-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'rcu_expedited');
  writeFileSync(file, content);
  return file;
}

test('hurries while the work is done, and puts the setting back, also when the work throws', () => {
  const file = fileWith('0\n');
  expect(withoutGracePeriods(() => readFileSync(file, 'latin1'), file)).toBe('1');
  expect(readFileSync(file, 'latin1')).toBe('0');
  const fail = () => {
    throw new Error('refused');
  };
  expect(() => withoutGracePeriods(fail, file)).toThrow('refused');
  expect(readFileSync(file, 'latin1')).toBe('0');
});

test('leaves alone what somebody else has set, and does the work where there is no such setting', () => {
  const file = fileWith('1\n');
  expect(withoutGracePeriods(() => 7, file)).toBe(7);
  expect(readFileSync(file, 'latin1')).toBe('1\n');
  expect(withoutGracePeriods(() => 7, join(file, 'missing'))).toBe(7);
});
