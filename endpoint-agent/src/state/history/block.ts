import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Event } from '@yagura/protocol';

/**
 * `file`: what happens to files, by far the most; `bulk`: what a user does beyond his budget, which displaces only its
 * like; `main`: everything else.
 */
export const HISTORY_LANES = ['main', 'file', 'bulk'] as const;
export type HistoryLane = (typeof HISTORY_LANES)[number];

/** Events of one block. Compressed together they take a fifth of what they take one by one. */
export const BLOCK_EVENTS = 512;
const MAX_BLOCK_BYTES = 64 * 1_048_576;
const LINE_FEED = 10;

/** Lays events out as lines of JSON, compressed. */
export function packBlock(lines: readonly string[]): Uint8Array {
  return zstdCompressSync(Buffer.from(lines.join('\n')), { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}

/**
 * The events of a block in their order. `needles`: bytes of which each must stand in an event's line before it
 * is parsed, which passes over most. What does not parse is left out: the file may be damaged.
 */
export function* unpackBlock(data: Uint8Array, needles: readonly Buffer[] = []): IterableIterator<Event> {
  let text: Buffer;
  try {
    text = zstdDecompressSync(data, { maxOutputLength: MAX_BLOCK_BYTES });
  } catch {
    return;
  }
  if (needles.some((needle) => !text.includes(needle))) return;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf(LINE_FEED, at);
    const line = text.subarray(at, end < 0 ? text.length : end);
    at = end < 0 ? text.length : end + 1;
    if (needles.some((needle) => !line.includes(needle))) continue;
    const event = parse(line);
    if (event) yield event;
  }
}

function parse(line: Buffer): Event | undefined {
  try {
    return Event.safeParse(JSON.parse(line.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
