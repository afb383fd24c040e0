import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { measureRsigma } from './sigma-peer.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'yagura-peer-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const INPUT = { rules: ['title: a', 'title: b'], events: [{ CommandLine: 'a\nb' }, { n: 2 }, { n: 3 }] };

/** Speaks as the real one is documented to; takes longer for more lines and writes down what it was given. */
function program(body: string): string {
  const path = join(folder, 'peer');
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && { echo 'rsigma 0.18.0'; exit 0; }\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('gives it each rule as a file and each event as a line', () => {
  const peer = program(`[ "$1 $2 $3" = 'engine eval -r' ] || exit 2
cat > "${folder}/events"; lines=$(wc -l < "${folder}/events"); ls "$4" > "${folder}/rules"
[ "$lines" -gt 1 ] && sleep 0.2; exit 0`);
  expect(measureRsigma(INPUT, peer)).toMatchObject({ version: 'rsigma 0.18.0', events: 3 });
  const events = readFileSync(join(folder, 'events'), 'utf8').trimEnd().split('\n');
  expect(events.map((line) => JSON.parse(line) as unknown)).toEqual(INPUT.events);
  expect(readFileSync(join(folder, 'rules'), 'utf8')).toBe('0.yml\n1.yml\n');
});

test('an older one has the command without its group', () => {
  const peer = program(`[ "$1" = eval ] || exit 2; lines=$(wc -l); [ "$lines" -gt 1 ] && sleep 0.2; exit 0`);
  expect(measureRsigma(INPUT, peer)).toMatchObject({ events: 3 });
});

test('says what it could not do', () => {
  expect(measureRsigma(INPUT, join(folder, 'nothing'))).toBe('not on the PATH');
  expect(measureRsigma(INPUT, program('exit 2'))).toMatchObject({ failed: 'neither of the known commands worked' });
});
