import { Batch, decodeBatchFrame, Item, isTelemetryItem, LIMITS } from '@yagura/protocol';
import { z } from 'zod';
import { zstd } from './zstd.ts';

export type BatchReading =
  | {
      readonly type: 'batch';
      readonly batchId: number;
      readonly epoch: string;
      readonly sentAt: number;
      readonly items: readonly Item[];
      /** Sequences of items that do not fit the schema. */
      readonly poisoned: readonly number[];
      /** Size of the content, decompressed. */
      readonly bytes: number;
    }
  /** The batch can be named but not used. */
  | { readonly type: 'malformed'; readonly batchId: number; readonly message: string }
  /** Not even that: nothing that this peer sends can be trusted to be a frame. */
  | { readonly type: 'unreadable'; readonly code: 'frame_too_large' | 'frame_malformed'; readonly message: string };

const Envelope = z.strictObject({ ...Batch.shape, items: z.array(z.unknown()).min(1).max(LIMITS.batchItems) });
const Named = z.object({ batchId: Batch.shape.batchId });
const Sequenced = z.object({ sequence: Item.shape.sequence });

/** Reads a binary frame. A poisoned item is set apart and costs no other item anything. */
export function readBatch(frame: Uint8Array): BatchReading {
  let bytes = frame.length;
  const raw = decodeBatchFrame(frame, {
    compress: (body) => zstd.compress(body),
    decompress(body, limit) {
      const content = zstd.decompress(body, limit);
      bytes = content.length;
      return content;
    },
  });
  if (!raw.ok) return { type: 'unreadable', code: raw.code, message: raw.message };
  const envelope = Envelope.safeParse(raw.value);
  if (!envelope.success) {
    const named = Named.safeParse(raw.value);
    const message = 'the batch does not fit the schema';
    return named.success
      ? { type: 'malformed', batchId: named.data.batchId, message }
      : { type: 'unreadable', code: 'frame_malformed', message };
  }
  const { batchId, epoch, sentAt } = envelope.data;
  const items: Item[] = [];
  const poisoned: number[] = [];
  for (const candidate of envelope.data.items) {
    // Nearly all items are ordinary telemetry, for which this is the same verdict at a tenth of the price.
    if (isTelemetryItem(candidate)) {
      items.push(candidate);
      continue;
    }
    const item = Item.safeParse(candidate);
    if (item.success) {
      items.push(item.data);
      continue;
    }
    const sequenced = Sequenced.safeParse(candidate);
    if (!sequenced.success) return { type: 'malformed', batchId, message: 'an item has no sequence' };
    poisoned.push(sequenced.data.sequence);
  }
  return { type: 'batch', batchId, epoch, sentAt, items, poisoned, bytes };
}
