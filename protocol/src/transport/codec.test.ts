import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { anEvent } from '../../../test/fakes/items.ts';
import { LIMITS } from '../limits.ts';
import { Batch } from './batch.ts';
import { BATCH_ENCODINGS, type Compression, decodeBatchFrame, encodeBatch } from './codec.ts';

const zstd: Compression = {
  compress: (bytes) => zstdCompressSync(bytes),
  decompress: (bytes, limit) => zstdDecompressSync(bytes, { maxOutputLength: limit }),
};
const batch: Batch = {
  batchId: 1,
  epoch: 'e-1',
  sentAt: 1,
  items: [{ sequence: 1, spooledAt: 1, body: { type: 'event', event: anEvent(1) } }],
};
const framed = (encoding: number, body: Uint8Array): Uint8Array => Uint8Array.from([encoding, ...body]);
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('batches in frames', () => {
  test.each(['json', 'json+zstd'] as const)('%s gives back what went in', (encoding) => {
    const decoded = decodeBatchFrame(encodeBatch(batch, encoding, zstd), zstd);
    expect(decoded).toEqual({ ok: true, value: batch });
    expect(Batch.parse(decoded.ok ? decoded.value : undefined)).toEqual(batch);
  });

  test('names in Japanese, lone surrogates and control characters survive', () => {
    const fields = { Image: '/tmp/請求書\u202e.exe', CommandLine: 'a\n\u0000\ud800' };
    const strange: Batch = {
      ...batch,
      items: [{ sequence: 1, spooledAt: 1, body: { type: 'event', event: anEvent(1, { fields }) } }],
    };
    expect(decodeBatchFrame(encodeBatch(strange, 'json+zstd', zstd), zstd)).toEqual({ ok: true, value: strange });
  });

  test('[LI2] a frame beyond the wire limit is refused unread', () => {
    expect(decodeBatchFrame(new Uint8Array(LIMITS.frameBytes + 1), zstd)).toMatchObject({
      ok: false,
      code: 'frame_too_large',
    });
  });

  test('[LI2] a small frame that would become huge is refused before it is allocated', () => {
    const bomb = framed(BATCH_ENCODINGS['json+zstd'], zstdCompressSync(new Uint8Array(LIMITS.batchBytes * 30)));
    expect(bomb.length).toBeLessThan(100_000);
    const before = process.memoryUsage().arrayBuffers;
    expect(decodeBatchFrame(bomb, zstd)).toMatchObject({ ok: false, code: 'frame_malformed' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(LIMITS.batchBytes * 4);
  });

  test.each([
    ['an empty frame', new Uint8Array()],
    ['[LI3] an unknown encoding', framed(7, utf8('{}'))],
    ['a body that is not zstd', framed(BATCH_ENCODINGS['json+zstd'], utf8('{}'))],
    ['a cut body', encodeBatch(batch, 'json+zstd', zstd).slice(0, 40)],
    ['no JSON', framed(BATCH_ENCODINGS.json, utf8('{'))],
    ['invalid UTF-8', framed(BATCH_ENCODINGS.json, Uint8Array.from([0x22, 0xff, 0x22]))],
  ])('%s is malformed, not an exception', (_name, frame) => {
    expect(decodeBatchFrame(frame, zstd)).toMatchObject({ ok: false, code: 'frame_malformed' });
  });
});
