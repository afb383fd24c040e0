import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../../test/fakes/sigma-generator.ts';
import { readRuleArchive } from './rule-archive.ts';

const LONG = `rules/windows/${'deep/'.repeat(30)}rule.yml`;
const FILES: Readonly<Record<string, string>> = {
  'sigma-master/rules/linux/a.yml': 'title: 検知',
  [`sigma-master/${LONG}`]: 'title: long',
  'sigma-master/README.md': 'no rule',
};
const EXPECTED = {
  ok: true,
  sources: [
    { file: 'sigma-master/rules/linux/a.yml', text: 'title: 検知' },
    { file: `sigma-master/${LONG}`, text: 'title: long' },
  ],
};

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'yagura-archive-'));
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), text);
  }
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

/** A ZIP archive with one deflated and further stored entries, as APPNOTE.TXT lays it out. */
function zip(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [i, [name, text]] of Object.entries(files).entries()) {
    const content = Buffer.from(text);
    const packed = i === 0 ? deflateRawSync(content) : content;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(i === 0 ? 8 : 0, 4);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const at = Buffer.alloc(14);
    at.writeUInt32LE(offset, 10);
    parts.push(Buffer.from([0x50, 0x4b, 3, 4]), fields, Buffer.from(name), packed);
    directory.push(Buffer.from([0x50, 0x4b, 1, 2, 20, 0]), fields, at, Buffer.from(name));
    offset += 30 + Buffer.byteLength(name) + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

describe('archives', () => {
  test.each(['gnu', 'pax', 'ustar'])('%s tar', async (format) => {
    execFileSync('tar', ['-czf', 'out.tgz', `--format=${format}`, 'sigma-master'], { cwd: folder });
    expect(readRuleArchive(await readFile(join(folder, 'out.tgz')))).toEqual(EXPECTED);
  });
  test('zip', () => {
    expect(readRuleArchive(zip(FILES))).toEqual(EXPECTED);
  });
});

describe('what is no archive', () => {
  test.each([
    ['text', Buffer.from('title: x'), 'archive_unknown'],
    ['nothing', Buffer.alloc(0), 'archive_unknown'],
    ['a gzip of noise', gzipSync(Buffer.alloc(2_000, 7)), 'archive_damaged'],
    ['a cut gzip', gzipSync(Buffer.alloc(2_000, 7)).subarray(0, 20), 'archive_damaged'],
    ['a cut zip', zip(FILES).subarray(0, 60), 'archive_damaged'],
    ['a bomb', gzipSync(Buffer.alloc(600_000_000)), 'archive_too_large'],
  ])('%s', (_name, bytes, code) => {
    expect(readRuleArchive(bytes)).toEqual({ ok: false, code });
  });
  test('with bytes changed it is read or said to be damaged', () => {
    const random = seededRandom(5);
    const good = zip(FILES);
    for (let i = 0; i < 2_000; i += 1) {
      const bytes = Buffer.from(good);
      for (let k = 0; k < 5; k += 1) bytes[random.below(bytes.length)] = random.below(256);
      expect(typeof readRuleArchive(bytes).ok).toBe('boolean');
    }
  });
});
