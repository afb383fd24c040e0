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

const limits = { maxBytes: 1_000_000, concurrency: 1, queue: 2, cache: 2, maxMs: 60_000 };

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

test('a user with many files delays his own, not those of another', async () => {
  const hasher = createFileHasher({ ...limits, queue: 100 });
  const order: string[] = [];
  const hash = async (owner: string, name: string) => {
    writeFileSync(join(folder, name), name);
    const facts = await hasher.hash(join(folder, name), owner);
    if (facts) order.push(owner);
  };
  const flood = Array.from({ length: 50 }, (_, index) => hash('flood', `f-${index}`));
  await Promise.all([hash('alice', 'a-1'), hash('alice', 'a-2')]);
  expect(order.length).toBeLessThan(15);
  await Promise.all(flood);
  expect([order.length, hasher.dropped]).toEqual([52, 0]);
});

test('who fills the queue loses his own requests, not those of another', async () => {
  const hasher = createFileHasher({ ...limits, queue: 10 });
  writeFileSync(join(folder, 'x'), 'x');
  const all = [
    ...Array.from({ length: 30 }, () => hasher.hash(join(folder, 'x'), 'flood')),
    ...Array.from({ length: 4 }, () => hasher.hash(join(folder, 'x'), 'alice')),
  ];
  const known = (await Promise.all(all)).map((facts) => facts !== undefined);
  expect(known.slice(30)).toEqual([true, true, true, true]);
  expect(hasher.dropped).toBe(known.filter((each) => !each).length);
  expect(hasher.dropped).toBe(23);
});

test('no owner has all of the readers: slow files of one keep nobody else from being hashed', async () => {
  let now = 0;
  const slow = createFileHasher({ ...limits, concurrency: 2, queue: 100, maxMs: 1_000 }, () => (now += 400));
  writeFileSync(join(folder, 'slow'), Buffer.alloc(900_000));
  writeFileSync(join(folder, 'small'), 'x');
  const given = Array.from({ length: 20 }, () => slow.hash(join(folder, 'slow'), 'flood'));
  expect((await slow.hash(join(folder, 'small'), 'alice'))?.size).toBe(1);
  expect(slow.dropped).toBeLessThan(20);
  expect((await Promise.all(given)).filter((facts) => facts !== undefined)).toEqual([]);
  expect(slow.dropped).toBe(20);
});
