import { LIMITS } from '../limits.ts';
import type { Batch } from './batch.ts';
import { decodeUtf8, encodeUtf8 } from './text-encoding.ts';

/**
 * A batch in a binary frame: one byte for the encoding, then the body. JSON because its parser is native
 * and its validator is shared. zstd because it won the recorded benchmark (`npm run bench -- encoding`): at
 * level 1, 500 events of 552 bytes each travel in 100, against 105 by gzip 6 and 102 by brotli 4, at a half
 * to a third of their CPU to encode; level 3 is larger on such batches, not smaller.
 */
export const BATCH_ENCODINGS = { json: 0, 'json+zstd': 1 } as const;
export type BatchEncoding = keyof typeof BATCH_ENCODINGS;

/** The compression that the runtime brings; this package imports none. */
export interface Compression {
  compress(bytes: Uint8Array): Uint8Array;
  /** Must throw when the result would exceed `limit` bytes, before allocating it. */
  decompress(bytes: Uint8Array, limit: number): Uint8Array;
}

export type DecodeFailure = 'frame_too_large' | 'frame_malformed';

/** Encodes a batch that is already valid. */
export function encodeBatch(batch: Batch, encoding: BatchEncoding, zstd: Compression): Uint8Array {
  const json = encodeUtf8(JSON.stringify(batch));
  const body = encoding === 'json' ? json : zstd.compress(json);
  const frame = new Uint8Array(body.length + 1);
  frame[0] = BATCH_ENCODINGS[encoding];
  frame.set(body, 1);
  return frame;
}

export type RawBatch = { ok: true; value: unknown } | { ok: false; code: DecodeFailure; message: string };

/** Undoes the frame's layout and JSON, without judging the content (`Batch` does). */
export function decodeBatchFrame(frame: Uint8Array, zstd: Compression): RawBatch {
  if (frame.length > LIMITS.frameBytes) {
    return { ok: false, code: 'frame_too_large', message: `frame of ${frame.length} bytes` };
  }
  const encoding = frame[0];
  let body = frame.subarray(1);
  if (encoding !== BATCH_ENCODINGS.json && encoding !== BATCH_ENCODINGS['json+zstd']) {
    return { ok: false, code: 'frame_malformed', message: 'unknown encoding of batch' };
  }
  if (encoding === BATCH_ENCODINGS['json+zstd']) {
    try {
      body = new Uint8Array(zstd.decompress(body, LIMITS.batchBytes));
    } catch {
      return { ok: false, code: 'frame_malformed', message: 'batch does not decompress within its limit' };
    }
  }
  try {
    return { ok: true, value: JSON.parse(decodeUtf8(body)) };
  } catch {
    return { ok: false, code: 'frame_malformed', message: 'batch is not JSON' };
  }
}
