import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFileHasher } from './file-hasher.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yagura-hasher-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const limits = { maxBytes: 1_000_000, concurrency: 1, queue: 2, cache: 2 };

test('hashes what is in the file, and again after it changed', async () => {
  const path = join(folder, 'a');
  const hasher = createFileHasher(limits);
  for (const content of ['one', 'two, longer', '']) {
    writeFileSync(path, content);
    expect(await hasher.hash(path)).toEqual({
      sha256: createHash('sha256').update(content).digest('hex'),
      size: content.length,
    });
  }
});

test('names what a file is by its content, not by its name', async () => {
  const path = join(folder, 'invoice.pdf');
  writeFileSync(path, '#!/bin/sh\nid\n');
  expect(await createFileHasher(limits).hash(path)).toMatchObject({ size: 13, type: 'script' });
});

test('says nothing of links, FIFOs, folders, missing and too large files', async () => {
  const hasher = createFileHasher(limits);
  writeFileSync(join(folder, 'big'), Buffer.alloc(1_000_001));
  writeFileSync(join(folder, 'target'), 'x');
  symlinkSync(join(folder, 'target'), join(folder, 'link'));
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  for (const name of ['big', 'link', 'fifo', 'missing', '.'])
    expect(await hasher.hash(join(folder, name))).toBeUndefined();
});

test('opens nothing but regular files: a FIFO that took the place of a file lets no writer go on', async () => {
  const fifo = join(folder, 'was-a-file');
  execFileSync('mkfifo', [fifo]);
  const writer = spawn('/bin/sh', ['-c', 'echo x > "$0"; echo went on', fifo], { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  writer.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  try {
    await once(writer, 'spawn');
    await delay(200);
    expect(await createFileHasher(limits).hash(fifo)).toBeUndefined();
    await delay(200);
    expect(said).toBe('');
  } finally {
    writer.kill('SIGKILL');
  }
});

test('drops and counts what does not fit the queue', async () => {
  const hasher = createFileHasher(limits);
  writeFileSync(join(folder, 'a'), 'x');
  const results = await Promise.all(Array.from({ length: 5 }, () => hasher.hash(join(folder, 'a'))));
  expect(results.filter((facts) => facts !== undefined)).toHaveLength(3);
  expect(hasher.dropped).toBe(2);
});
