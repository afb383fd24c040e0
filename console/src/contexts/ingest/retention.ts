import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Store } from '../../store/store.ts';

export interface RetentionOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Events and gaps older than this, by the time of their arrival, are deleted. */
  readonly days: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Rows of one transaction: ingest waits no longer than their deletion takes. */
const CHUNK = 1_000;
/** An epoch of which nothing came for so long is forgotten; its spool is long gone. */
const EPOCH_DAYS = 400;

interface Epoch {
  readonly tenant_id: string;
  readonly endpoint_id: string;
  readonly epoch: string;
}

/** Deletes what is too old, at once and then hourly, in small transactions. Dispose to stop. */
export function startRetention(options: RetentionOptions): AsyncDisposable {
  const stop = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const run = (): void => {
    running = running
      .then(() => deleteExpired(options, stop.signal))
      .then((rows) => {
        if (rows > 0) options.log.info({ rows, days: options.days }, 'old telemetry deleted');
        return undefined;
      })
      .catch((error: unknown) => options.log.warn({ err: error }, 'old telemetry could not be deleted'));
  };
  const timer = setInterval(run, HOUR_MS).unref();
  run();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stop.abort();
      await running;
    },
  };
}

/**
 * One round; resolves to the number of deleted rows. Walks the epochs one by one: events of an epoch arrive
 * in the order of their sequences, so that the old ones are found at its beginning by the primary key, and
 * the table needs no further index, which every insert would have to pay.
 */
export async function deleteExpired({ store, clock, days }: RetentionOptions, signal: AbortSignal): Promise<number> {
  const cutoff = clock.now() - days * DAY_MS;
  const epochs = await store.read
    .selectFrom('received_ranges')
    .select(['tenant_id', 'endpoint_id', 'epoch'])
    .orderBy('tenant_id')
    .orderBy('endpoint_id')
    .orderBy('epoch')
    .execute();
  let rows = 0;
  for (const epoch of epochs) {
    for (const table of ['events', 'gaps'] as const) {
      let deleted = CHUNK;
      while (deleted === CHUNK && !signal.aborted) {
        deleted = await deleteChunk(store, table, epoch, cutoff);
        rows += deleted;
      }
    }
    if (signal.aborted) return rows;
  }
  const forgotten = clock.now() - Math.max(days, EPOCH_DAYS) * DAY_MS;
  await store.write(({ db }) => db.deleteFrom('received_ranges').where('updated_at', '<', forgotten).execute());
  return rows;
}

async function deleteChunk(store: Store, table: 'events' | 'gaps', epoch: Epoch, cutoff: number): Promise<number> {
  const oldest = await store.read
    .selectFrom(table)
    .select(['sequence', 'received_at'])
    .where('tenant_id', '=', epoch.tenant_id)
    .where('endpoint_id', '=', epoch.endpoint_id)
    .where('epoch', '=', epoch.epoch)
    .orderBy('sequence')
    .limit(CHUNK)
    .execute();
  const last = oldest.findLast((row) => row.received_at < cutoff);
  if (last === undefined) return 0;
  const result = await store.write(({ db }) =>
    db
      .deleteFrom(table)
      .where('tenant_id', '=', epoch.tenant_id)
      .where('endpoint_id', '=', epoch.endpoint_id)
      .where('epoch', '=', epoch.epoch)
      .where('sequence', '<=', last.sequence)
      .where('received_at', '<', cutoff)
      .executeTakeFirst(),
  );
  return Number(result.numDeletedRows);
}
