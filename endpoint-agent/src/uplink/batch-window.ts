import { type Batch, type ConsoleFrame, encodeBatch, LIMITS, SESSION } from '@yagura/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Spool } from '../spool/spool.ts';
import { zstd } from './compression.ts';

type Ack = Extract<ConsoleFrame, { type: 'ack' }>;
type Nack = Extract<ConsoleFrame, { type: 'nack' }>;

export interface BatchLimit {
  readonly items: number;
  /** Of stored items. Their zstd is about a fifth; plain they still fit one frame. */
  readonly bytes: number;
}
const BATCH_LIMIT: BatchLimit = { items: 500, bytes: 900_000 };

/** Bounds of the wait that a console may ask for, and the wait after an answer that helped nothing. */
const RETRY = { least: 250, most: 300_000, fruitless: 1_000 } as const;

export interface UplinkCounts {
  sent: number;
  acknowledged: number;
  setAside: number;
}

export interface BatchWindow {
  /** Sends what the window takes. Returns the milliseconds after which to call again, if it must wait. */
  fill(send: (frame: Uint8Array) => void): number | undefined;
  /** False when the console answers a batch that is not out: the frame is a fault of the session. */
  answer(frame: Ack | Nack): boolean;
  /** The spool was replaced under the session: a new hello is needed (SPEC UP7). */
  epochChanged(): boolean;
}

/**
 * The batches of one session that are out (SPEC UP3, UP7, UP8). Only `acknowledge` and `quarantine` take
 * anything out of the spool: when the session ends, all that is unanswered is simply there again.
 */
export function createBatchWindow(
  spool: Spool,
  /** What `hello` said. */
  epoch: string,
  clock: Clock,
  counts: UplinkCounts,
  limit: BatchLimit = BATCH_LIMIT,
): BatchWindow {
  const batches = new Map<number, readonly number[]>();
  const inFlight = new Set<number>();
  /** How many batches are to hold one item: after a batch was refused for good, until the guilty one is known. */
  let alone = 0;
  let lastBatchId = 0;
  let pausedUntil = 0;

  const pause = (milliseconds: number): void => {
    pausedUntil = Math.max(pausedUntil, clock.monotonic() + milliseconds);
  };
  const setAside = (sequence: number, code: string): void => {
    spool.quarantine(sequence, code);
    counts.setAside += 1;
  };

  const sendBatch = (items: Batch['items'], send: (frame: Uint8Array) => void): void => {
    const batch: Batch = { batchId: lastBatchId + 1, epoch, sentAt: clock.now(), items };
    const frame = encodeBatch(batch, 'json+zstd', zstd);
    if (frame.length > LIMITS.frameBytes) {
      // Items that zstd cannot shrink. Half of them fits, or in the end one is too large by itself.
      const [only] = items;
      if (items.length === 1 && only !== undefined) return setAside(only.sequence, 'frame_too_large');
      const middle = Math.ceil(items.length / 2);
      sendBatch(items.slice(0, middle), send);
      return;
    }
    lastBatchId = batch.batchId;
    const sequences = items.map((item) => item.sequence);
    batches.set(batch.batchId, sequences);
    for (const sequence of sequences) inFlight.add(sequence);
    counts.sent += items.length;
    send(frame);
  };

  const acknowledge = (sequences: readonly number[], { ranges }: Ack): void => {
    const covered = sequences.filter((sequence) => ranges.some(([from, to]) => sequence >= from && sequence <= to));
    spool.acknowledge(toRanges(covered));
    counts.acknowledged += covered.length;
    if (covered.length === 0) pause(RETRY.fruitless);
  };

  const reject = (sequences: readonly number[], { code, retryAfterMs, poisoned }: Nack): void => {
    const own = new Set(sequences);
    const guilty = (poisoned ?? []).filter((sequence) => own.has(sequence));
    for (const sequence of guilty) setAside(sequence, code);
    if (retryAfterMs !== undefined) return pause(Math.min(RETRY.most, Math.max(RETRY.least, retryAfterMs)));
    if (guilty.length > 0) return;
    const [only] = sequences;
    if (sequences.length === 1 && only !== undefined) return setAside(only, code);
    alone = sequences.length;
  };

  return {
    fill: (send) => {
      while (batches.size < SESSION.unacknowledgedBatches) {
        const wait = pausedUntil - clock.monotonic();
        if (wait > 0) return wait;
        const items = spool.next({ ...limit, items: alone > 0 ? 1 : limit.items }, inFlight);
        // A damaged database has been replaced while it was read.
        if (items.length === 0 || spool.status().epoch !== epoch) return undefined;
        alone = Math.max(0, alone - 1);
        sendBatch([...items], send);
      }
      return undefined;
    },
    answer: (frame) => {
      const sequences = batches.get(frame.batchId);
      if (sequences === undefined || (frame.type === 'ack' && frame.epoch !== epoch)) return false;
      batches.delete(frame.batchId);
      for (const sequence of sequences) inFlight.delete(sequence);
      if (frame.type === 'ack') acknowledge(sequences, frame);
      else reject(sequences, frame);
      return true;
    },
    epochChanged: () => spool.status().epoch !== epoch,
  };
}

/** Inclusive ranges of an unsorted list. */
function toRanges(sequences: readonly number[]): (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  for (const sequence of [...sequences].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === sequence) last[1] = sequence;
    else ranges.push([sequence, sequence]);
  }
  return ranges;
}
