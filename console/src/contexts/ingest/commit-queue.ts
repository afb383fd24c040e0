import type { Log } from '../../platform/log.ts';
import { StoreError } from '../../store/errors.ts';
import type { BatchAnswer, ReceivedBatch } from './api.ts';

/** Batches and items that one transaction takes; more would only make the others wait longer. */
const GROUP = { batches: 256, items: 5_000 } as const;
/** What may wait. The gateway bounds bytes; this bounds what a gateway with many sessions could pile up. */
const MAX_WAITING_ITEMS = 200_000;
/** After a failure of the database endpoints wait this long, each a little differently. */
const RETRY_AFTER_MS = 3_000;

interface Waiting {
  readonly batch: ReceivedBatch;
  readonly settle: (answer: BatchAnswer) => void;
}

/** Group commit: whatever waits is committed together, and everybody is answered after the commit. */
export class CommitQueue {
  readonly #commit: (batches: readonly ReceivedBatch[]) => Promise<void>;
  readonly #answerOf: (batch: ReceivedBatch) => BatchAnswer;
  readonly #log: Log;
  readonly #waiting: Waiting[] = [];
  #waitingItems = 0;
  #refusedBatches = 0;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(
    commit: (batches: readonly ReceivedBatch[]) => Promise<void>,
    answerOf: (batch: ReceivedBatch) => BatchAnswer,
    log: Log,
  ) {
    this.#commit = commit;
    this.#answerOf = answerOf;
    this.#log = log;
  }

  submit(batch: ReceivedBatch): Promise<BatchAnswer> {
    if (this.#closed || this.#waitingItems + batch.items.length > MAX_WAITING_ITEMS) {
      return Promise.resolve(this.#refuse('console_busy', 'the console cannot take more now', RETRY_AFTER_MS));
    }
    return new Promise((settle) => {
      this.#waiting.push({ batch, settle });
      this.#waitingItems += batch.items.length;
      this.#running ??= this.#drain();
    });
  }

  status(): { waitingBatches: number; waitingItems: number; refusedBatches: number } {
    return {
      waitingBatches: this.#waiting.length,
      waitingItems: this.#waitingItems,
      refusedBatches: this.#refusedBatches,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    // Lets everything that arrived in this turn of the event loop into the first group.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) await this.#commitGroup(this.#nextGroup());
    this.#running = undefined;
  }

  #nextGroup(): Waiting[] {
    let items = 0;
    let batches = 0;
    for (const { batch } of this.#waiting) {
      if (batches > 0 && (batches >= GROUP.batches || items + batch.items.length > GROUP.items)) break;
      batches += 1;
      items += batch.items.length;
    }
    this.#waitingItems -= items;
    return this.#waiting.splice(0, batches);
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#commit(group.map((waiting) => waiting.batch));
    } catch (error) {
      if (error instanceof StoreError) {
        this.#log.error(
          { code: error.code, batches: group.length },
          'batches could not be stored; nothing of them was',
        );
        for (const { settle } of group) settle(this.#refuse('store_unavailable', error.code, RETRY_AFTER_MS));
      } else if (group.length > 1) {
        // One of them is at fault; it must not cost the others anything.
        for (const waiting of group) await this.#commitGroup([waiting]);
      } else {
        for (const { batch, settle } of group) {
          this.#log.error({ err: error, origin: batch.origin }, 'a batch could not be processed');
          settle(this.#refuse('batch_failed', 'this batch cannot be processed'));
        }
      }
      return;
    }
    for (const { batch, settle } of group) settle(this.#answerOf(batch));
  }

  #refuse(
    code: 'store_unavailable' | 'console_busy' | 'batch_failed',
    message: string,
    retryAfterMs?: number,
  ): BatchAnswer {
    this.#refusedBatches += 1;
    return { type: 'nack', code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
}
