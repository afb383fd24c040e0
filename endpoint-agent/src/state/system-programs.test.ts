import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSystemPrograms } from './system-programs.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yagura-programs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

test('names the original of a copy, not of a file that only has its size', () => {
  const system = join(folder, 'system');
  const programs = createSystemPrograms({ folders: [folder], monotonic: () => 0 });
  writeFileSync(system, 'program');
  symlinkSync(system, join(folder, 'link'));
  copyFileSync(system, join(folder, '..', 'yagura-copy'));
  try {
    expect(programs.copyOf(digest('program'), join(folder, '..', 'yagura-copy'))).toBe(system);
    expect(programs.copyOf(digest('proGram'), join(folder, '..', 'yagura-copy'))).toBeUndefined();
    expect(programs.copyOf(digest('gone'), join(folder, 'gone'))).toBeUndefined();
  } finally {
    rmSync(join(folder, '..', 'yagura-copy'));
  }
});

test('a copy that was gone too soon hides no later one', () => {
  const system = join(folder, 'system');
  const copy = mkdtempSync(join(tmpdir(), 'yagura-programs-'));
  const programs = createSystemPrograms({ folders: [folder], monotonic: () => 0 });
  writeFileSync(system, 'program');
  try {
    expect(programs.copyOf(digest('program'), join(copy, 'x'))).toBeUndefined();
    copyFileSync(system, join(copy, 'x'));
    expect(programs.copyOf(digest('program'), join(copy, 'x'))).toBe(system);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

test('lists again after ten minutes', () => {
  let now = 0;
  const programs = createSystemPrograms({ folders: [folder], monotonic: () => now });
  const outside = mkdtempSync(join(tmpdir(), 'yagura-programs-'));
  try {
    writeFileSync(join(outside, 'copy'), 'new');
    expect(programs.copyOf(digest('new'), join(outside, 'copy'))).toBeUndefined();
    writeFileSync(join(folder, 'original'), 'new');
    now = 600_000;
    expect(programs.copyOf(digest('new'), join(outside, 'copy'))).toBe(join(folder, 'original'));
  } finally {
    rmSync(outside, { recursive: true });
  }
});
