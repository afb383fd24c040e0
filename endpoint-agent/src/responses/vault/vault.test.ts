import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemRandom } from '../../platform/random.ts';
import { type Result, refuse, succeed } from '../refusal.ts';
import { CHUNK_BYTES, type ContainerMetadata, HEAD_BYTES } from './container.ts';
import { openVault, type Vault } from './vault.ts';

let dir: string;
let vault: Vault;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'yagura-vault-'));
  vault = openVault(join(dir, 'vault'), systemRandom);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function metadataFor(quarantineId: string, content: Buffer): ContainerMetadata {
  return {
    version: 1,
    quarantineId,
    path: '/tmp/\\xff\\x0aname',
    uid: 1_000,
    gid: 1_001,
    mode: 0o4751,
    accessedNs: '1700000000123456789',
    modifiedNs: '-5',
    size: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    attributes: [[Buffer.from('user.note').toString('base64'), Buffer.from([0, 255]).toString('base64')]],
    quarantinedAt: 1_700_000_000_000,
  };
}

async function* inChunks(content: Buffer): AsyncGenerator<Result<Buffer>> {
  for (let from = 0; from < content.length; from += CHUNK_BYTES) {
    yield succeed(content.subarray(from, from + CHUNK_BYTES));
  }
}

async function readBack(quarantineId: string): Promise<{ result: Result<void>; content: Buffer }> {
  const pieces: Buffer[] = [];
  const result = await vault.read(quarantineId, async (piece, position) => {
    expect(position).toBe(pieces.reduce((sum, { length }) => sum + length, 0));
    pieces.push(Buffer.from(piece));
  });
  return { result, content: Buffer.concat(pieces) };
}

const fileOf = (quarantineId: string): string => join(dir, 'vault', `${quarantineId}.sealed`);

describe('a container', () => {
  test.each([
    ['an empty file', Buffer.alloc(0)],
    ['one byte', Buffer.from([7])],
    ['exactly one chunk', randomBytes(CHUNK_BYTES)],
    ['a chunk and a byte', randomBytes(CHUNK_BYTES + 1)],
    ['zeros between data', Buffer.concat([randomBytes(CHUNK_BYTES), Buffer.alloc(3 * CHUNK_BYTES), randomBytes(9)])],
  ])('brings back %s with its metadata', async (_what, content) => {
    const metadata = metadataFor('q-1', content);
    expect(await vault.store(metadata, inChunks(content))).toMatchObject({ ok: true });
    expect(await vault.metadata('q-1')).toEqual({ ok: true, value: metadata });
    const read = await readBack('q-1');
    expect(read.result.ok).toBe(true);
    expect(read.content.equals(content)).toBe(true);
    expect(vault.ids()).toEqual(['q-1']);
  });

  test('shows nothing of name or content, and belongs to its owner alone', async () => {
    const content = Buffer.from('MALWARE '.repeat(1_000));
    await vault.store(metadataFor('q-1', content), inChunks(content));
    const bytes = readFileSync(fileOf('q-1'));
    for (const trace of ['MALWARE', 'name', '/tmp']) expect(bytes.includes(trace)).toBe(false);
    expect(statSync(join(dir, 'vault')).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(join(dir, 'vault'))) {
      expect(statSync(join(dir, 'vault', name)).mode & 0o777, name).toBe(0o600);
    }
  });

  test('two of the same file have nothing in common', async () => {
    const content = randomBytes(1_000);
    for (const id of ['q-1', 'q-2']) await vault.store(metadataFor(id, content), inChunks(content));
    const [first, second] = ['q-1', 'q-2'].map((id) => readFileSync(fileOf(id)).subarray(HEAD_BYTES));
    expect(first?.subarray(0, 64).equals(second?.subarray(0, 64) ?? Buffer.alloc(0))).toBe(false);
  });

  test('a hole of gigabytes takes no room', async () => {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    async function* hole(): AsyncGenerator<Result<Buffer>> {
      for (let at = 0; at < 4_096; at += 1) yield succeed(chunk);
    }
    const metadata = { ...metadataFor('q-1', Buffer.alloc(0)), size: 4_096 * CHUNK_BYTES };
    expect(await vault.store(metadata, hole())).toMatchObject({ ok: true });
    expect(statSync(fileOf('q-1')).size).toBeLessThan(200_000);
  });

  test('a refusal of the source leaves nothing behind', async () => {
    async function* changing(): AsyncGenerator<Result<Buffer>> {
      yield succeed(randomBytes(10));
      yield refuse('path_changed');
    }
    expect(await vault.store(metadataFor('q-1', Buffer.alloc(10)), changing())).toMatchObject({ code: 'path_changed' });
    expect(vault.ids()).toEqual([]);
  });

  test('an id is used once', async () => {
    const content = randomBytes(10);
    await vault.store(metadataFor('q-1', content), inChunks(content));
    expect(await vault.store(metadataFor('q-1', content), inChunks(content))).toMatchObject({ code: 'target_exists' });
    expect((await readBack('q-1')).content.equals(content)).toBe(true);
  });
});

describe('tampering', () => {
  const content = Buffer.concat([randomBytes(CHUNK_BYTES + 50), Buffer.alloc(CHUNK_BYTES * 2)]);

  beforeEach(async () => {
    await vault.store(metadataFor('q-1', content), inChunks(content));
  });

  /** Every byte of head, metadata, record heads and tags matters; of the content a sample does. */
  test('any flipped bit is found, and the container stays', async () => {
    const original = readFileSync(fileOf('q-1'));
    const metadataEnd = HEAD_BYTES + original.readUInt32BE(HEAD_BYTES - 4) + 16;
    const positions = new Set<number>();
    for (let at = 0; at < metadataEnd + 30; at += 1) positions.add(at);
    for (let at = metadataEnd; at < original.length; at += 9_973) positions.add(at);
    for (let at = original.length - 120; at < original.length; at += 1) positions.add(at);
    for (const at of positions) {
      const changed = Buffer.from(original);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(fileOf('q-1'), changed);
      expect((await readBack('q-1')).result, `byte ${at}`).toMatchObject({ ok: false, code: 'io_error' });
    }
    expect(readFileSync(fileOf('q-1')).length).toBe(original.length);
    writeFileSync(fileOf('q-1'), original);
    expect((await readBack('q-1')).result.ok).toBe(true);
  });

  test('so is a cut, at every length near a border, and anything that follows the end', async () => {
    const original = readFileSync(fileOf('q-1'));
    const lengths = [0, 1, 8, 71, 72, 73, 300, original.length - 21, original.length - 20, original.length - 1];
    for (const length of lengths) {
      writeFileSync(fileOf('q-1'), original.subarray(0, length));
      expect((await readBack('q-1')).result, `cut to ${length}`).toMatchObject({ ok: false, code: 'io_error' });
    }
    writeFileSync(fileOf('q-1'), Buffer.concat([original, Buffer.from([0])]));
    expect((await readBack('q-1')).result).toMatchObject({ ok: false, code: 'io_error' });
  });

  test('records that were swapped or left out are found', async () => {
    const original = readFileSync(fileOf('q-1'));
    const first = HEAD_BYTES + original.readUInt32BE(HEAD_BYTES - 4) + 16;
    // The last three records: two of zeros (one short), the end; 21 bytes each.
    const tail = original.length - 21;
    const zeros = original.subarray(tail - 21, tail);
    const without = Buffer.concat([original.subarray(0, tail - 21), original.subarray(tail)]);
    const doubled = Buffer.concat([original.subarray(0, tail), zeros, original.subarray(tail)]);
    const onlyEnd = Buffer.concat([original.subarray(0, first), original.subarray(tail)]);
    for (const changed of [without, doubled, onlyEnd]) {
      writeFileSync(fileOf('q-1'), changed);
      expect((await readBack('q-1')).result).toMatchObject({ ok: false, code: 'io_error' });
    }
  });

  test('a container under the name of another does not open', async () => {
    renameSync(fileOf('q-1'), fileOf('q-2'));
    expect(await vault.metadata('q-2')).toMatchObject({ ok: false, code: 'io_error' });
    expect(await vault.metadata('q-1')).toMatchObject({ ok: false, code: 'not_found' });
  });

  test('a key that was cut short is never replaced', async () => {
    writeFileSync(join(dir, 'vault', 'key'), 'short');
    expect(await vault.store(metadataFor('q-2', content), inChunks(content))).toMatchObject({ ok: false });
    expect(readFileSync(join(dir, 'vault', 'key'), 'utf8')).toBe('short');
    expect(await vault.metadata('q-1')).toMatchObject({ ok: false, code: 'io_error' });
  });
});
