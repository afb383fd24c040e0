import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { ExecutedImage } from '../audit/observations.ts';
import { IMAGE_HASHER_LIMITS, ImageHasher } from './image-hasher.ts';
import { createUserNames, parsePasswd } from './user-names.ts';

const folder = mkdtempSync(join(tmpdir(), 'yagura-hasher-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

/** As if the file had been executed well after it was written, by a process that is gone. */
function executed(path: string, more: Partial<ExecutedImage> = {}): ExecutedImage {
  const { ino, ctimeMs } = statSync(path);
  return { pid: 2 ** 30, path, inodes: [ino], executedAt: Math.ceil(ctimeMs) + 50, ...more };
}

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe.skipIf(process.platform === 'win32')('hashing what was executed', () => {
  test('in pieces, and from memory the second time', () => {
    const content = Buffer.alloc(3_000_000, 'x');
    const path = file('large', content);
    const hasher = new ImageHasher({ ...IMAGE_HASHER_LIMITS, bytesPerTurn: 1_000_000 });
    const ticket = hasher.request(executed(path));
    hasher.step();
    expect([ticket.settled, hasher.busy]).toEqual([false, true]);
    for (let turn = 0; turn < 5; turn += 1) hasher.step();
    expect(ticket).toEqual({ settled: true, sha256: sha256(content) });
    expect(hasher.request(executed(path))).toEqual({ settled: true, sha256: sha256(content) });
    expect(hasher.busy).toBe(false);
  });

  test('another file under the name, or a change since, has no hash', () => {
    const path = file('changed', 'before');
    const hasher = new ImageHasher();
    const image = executed(path);
    expect(hasher.request({ ...image, inodes: [1] })).toEqual({ settled: true });
    expect(hasher.request({ ...image, executedAt: statSync(path).ctimeMs - 5 })).toEqual({ settled: true });
    renameSync(file('other', 'after'), path);
    expect(hasher.request(image)).toEqual({ settled: true });
  });

  test('a file that is written while it is read has no hash', () => {
    const path = file('busy', Buffer.alloc(2_000_000));
    const hasher = new ImageHasher({ ...IMAGE_HASHER_LIMITS, bytesPerTurn: 300_000 });
    const ticket = hasher.request(executed(path));
    hasher.step();
    writeFileSync(path, Buffer.alloc(2_000_000, 'y'));
    for (let turn = 0; turn < 20; turn += 1) hasher.step();
    expect(ticket).toEqual({ settled: true });
  });

  test('too large, too many, no file, gone: each without a hash, and counted where it was our choice', () => {
    const hasher = new ImageHasher({ ...IMAGE_HASHER_LIMITS, maxBytes: 100, queue: 1 });
    expect(hasher.request(executed(file('big', 'x'.repeat(101))))).toEqual({ settled: true });
    expect(hasher.request(executed(file('one', '1'))).settled).toBe(false);
    expect(hasher.request(executed(file('two', '2')))).toEqual({ settled: true });
    expect(hasher.skipped).toBe(2);
    expect(hasher.request(executed(folder, { inodes: [] }))).toEqual({ settled: true });
    expect(hasher.request({ pid: 2 ** 30, path: '/nowhere/x', inodes: [], executedAt: Date.now() })).toEqual({
      settled: true,
    });
    hasher.close();
  });

  test('users take turns, and who has most of what waits does without', () => {
    const hasher = new ImageHasher({ ...IMAGE_HASHER_LIMITS, queue: 4, bytesPerTurn: 1_000_000 });
    const large = Array.from({ length: 4 }, (_, index) =>
      hasher.request(executed(file(`large-${index}`, Buffer.alloc(3_000_000, index + 1))), 'flood'),
    );
    expect(hasher.request(executed(file('large-4', Buffer.alloc(3_000_000, 9))), 'flood')).toEqual({ settled: true });
    const small = hasher.request(executed(file('small', 'alice')), 'alice');
    expect([large.map(({ settled }) => settled), hasher.skipped]).toEqual([[false, false, false, true], 2]);
    hasher.step();
    expect([small, large[0]?.settled]).toEqual([{ settled: true, sha256: sha256('alice') }, false]);
    for (let turn = 0; turn < 12; turn += 1) hasher.step();
    expect(large[2]).toEqual({ settled: true, sha256: sha256(Buffer.alloc(3_000_000, 3)) });
    expect(hasher.busy).toBe(false);
  });

  test.skipIf(process.platform !== 'linux')('no descriptor is left behind', () => {
    const before = readdirSync('/proc/self/fd').length;
    const hasher = new ImageHasher({ ...IMAGE_HASHER_LIMITS, cache: 3 });
    for (let index = 0; index < 30; index += 1) {
      hasher.request(executed(file(`many-${index}`, String(index))));
      if (index % 3 === 0) hasher.step();
    }
    hasher.close();
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});

describe('names of users', () => {
  test('from passwd, odd lines included', () => {
    const names = parsePasswd(
      'root:x:0:0::/root:/bin/sh\ntoor:x:0:0:::\n\n# no\n:x:5:5\nodd:x:abc:1\n日本:x:1000:1000:::\n',
    );
    expect([...names]).toEqual([
      [0, 'root'],
      [1_000, '日本'],
    ]);
  });

  test('a change of the file is noticed, an id without a name stays a number', () => {
    let now = 0;
    const path = file('passwd', 'a:x:1:1:::\n');
    const nameOf = createUserNames(() => now, path);
    expect([nameOf(1), nameOf(2)]).toEqual(['a', '2']);
    writeFileSync(path, 'a:x:1:1:::\nbee:x:2:2:::\n');
    expect(nameOf(2)).toBe('2');
    now += 6_000;
    expect(nameOf(2)).toBe('bee');
    rmSync(path);
    now += 6_000;
    expect(nameOf(1)).toBe('1');
  });
});
