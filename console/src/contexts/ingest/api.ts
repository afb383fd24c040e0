import type { Item } from '@yagura/protocol';
import type { Origin } from '../fleet/api.ts';

/** A batch whose frame the gateway has read; every item in it is valid. */
export interface ReceivedBatch {
  readonly origin: Origin;
  readonly epoch: string;
  /** Without the poisoned ones; may be empty. */
  readonly items: readonly Item[];
  /** Sequences of items that could not be read: they are named in the answer and cost nothing else. */
  readonly poisoned: readonly number[];
  /** Console time at which the frame was complete. */
  readonly receivedAt: number;
  /** Console's clock minus endpoint's clock, in milliseconds; positive when the endpoint is behind. */
  readonly clockOffsetMs: number;
}

export type SequenceRange = readonly [from: number, to: number];

/** What the gateway tells the endpoint. An `ack` names only what is on the disk (SPEC UP3). */
export type BatchAnswer =
  | { readonly type: 'ack'; readonly ranges: readonly SequenceRange[] }
  | {
      readonly type: 'nack';
      readonly code: 'store_unavailable' | 'console_busy' | 'batch_failed' | 'item_malformed';
      readonly message: string;
      readonly retryAfterMs?: number;
      readonly poisoned?: readonly number[];
    };

export interface IngestStatus {
  readonly waitingBatches: number;
  readonly waitingItems: number;
  readonly committedItems: number;
  /** Items that had been committed before and came again. */
  readonly duplicates: number;
  readonly refusedBatches: number;
}

/** Takes in what endpoints report: each item has its effect once, and is acknowledged after its commit. */
export interface Ingest {
  /** Never rejects. */
  submit(batch: ReceivedBatch): Promise<BatchAnswer>;
  /** Highest sequence ever committed in this epoch of this endpoint; 0 if none. */
  highestSequence(origin: Origin, epoch: string): Promise<number>;
  status(): IngestStatus;
  /** Resolves once everything that was submitted is answered. Later batches are refused. */
  close(): Promise<void>;
}
