import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Store, Tx } from '../../store/store.ts';
import type { BatchAnswer, Ingest, ReceivedBatch } from './api.ts';
import { CommitQueue } from './commit-queue.ts';
import { applyItem, createItemHandlers, type IngestTargets } from './handlers.ts';
import { rangesOf } from './range-set.ts';
import { ReceivedSequences } from './received.ts';
import { SignsOfLife } from './signs-of-life.ts';
import { insertTelemetry, type TelemetryRow } from './telemetry-rows.ts';

export interface IngestOptions extends IngestTargets {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The way of a batch through the console:
 * deduplicate by (endpoint, epoch, sequence) -> each kind of item to its context -> commit -> acknowledge.
 * Batches that wait while a commit runs share the next one; that is where the throughput comes from.
 */
export function createIngest(options: IngestOptions): Ingest {
  const { store, clock } = options;
  const handlers = createItemHandlers(options);
  const received = new ReceivedSequences();
  const signsOfLife = new SignsOfLife(options.fleet);
  const counts = { committedItems: 0, duplicates: 0 };

  async function apply(tx: Tx, batches: readonly ReceivedBatch[]): Promise<void> {
    const sequences = received.within(tx);
    const telemetry: TelemetryRow[] = [];
    let duplicates = 0;
    let fresh = 0;
    for (const batch of batches) {
      const seen = await sequences.of(batch.origin, batch.epoch);
      for (const item of batch.items) {
        if (!seen.add(item.sequence)) {
          duplicates += 1;
          continue;
        }
        fresh += 1;
        await applyItem(handlers, { tx, batch, sequence: item.sequence, telemetry }, item);
      }
    }
    await insertTelemetry(tx, telemetry);
    await sequences.save(clock.now());
    await signsOfLife.tell(tx, batches);
    tx.afterCommit(() => {
      counts.committedItems += fresh;
      counts.duplicates += duplicates;
    });
  }

  const queue = new CommitQueue((batches) => store.write((tx) => apply(tx, batches)), answerOf, options.log);
  return {
    submit: (batch) => queue.submit(batch),
    highestSequence: (origin, epoch) => received.highest(store, origin, epoch),
    status: () => ({ ...queue.status(), ...counts }),
    close: () => queue.close(),
  };
}

/** Said only after the commit; a batch with poisoned items has been taken as far as it could be. */
function answerOf({ items, poisoned }: ReceivedBatch): BatchAnswer {
  return poisoned.length === 0
    ? { type: 'ack', ranges: rangesOf(items.map((item) => item.sequence)) }
    : { type: 'nack', code: 'item_malformed', message: 'items that no console can read', poisoned };
}
