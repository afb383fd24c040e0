import { z } from 'zod';
import { createMultiRowInsert } from '../../store/multi-row-insert.ts';
import type { Store, Tx } from '../../store/store.ts';
import type { Origin } from '../fleet/api.ts';
import { RangeSet } from './range-set.ts';

/** Ranges kept for one (endpoint, epoch); see RangeSet for what happens beyond. */
const MAX_RANGES = 512;
/** Range sets kept in memory between batches; the least recently used goes first. */
const MAX_CACHED = 20_000;

const upsert = createMultiRowInsert({
  table: 'received_ranges',
  columns: ['tenant_id', 'endpoint_id', 'epoch', 'ranges_json', 'updated_at'],
  onConflict: `ON CONFLICT (tenant_id, endpoint_id, epoch)
    DO UPDATE SET ranges_json = excluded.ranges_json, updated_at = excluded.updated_at`,
});

const Ranges = z.array(z.tuple([z.number().int().min(1), z.number().int().min(1)]));

/** Which sequences of each (endpoint, epoch) have been committed: `received_ranges`, with a cache in front. */
export class ReceivedSequences {
  readonly #cache = new Map<string, RangeSet>();

  /** A view for one transaction: what it changes is seen by later ones only if `save` was committed. */
  within(tx: Tx): ReceivedInTransaction {
    return new ReceivedInTransaction(tx, this.#cache);
  }

  async highest(store: Store, origin: Origin, epoch: string): Promise<number> {
    const cached = this.#cache.get(keyOf(origin, epoch));
    return (cached ?? (await load(store.read, origin, epoch))).highest;
  }
}

export class ReceivedInTransaction {
  readonly #tx: Tx;
  readonly #cache: Map<string, RangeSet>;
  readonly #changed = new Map<string, { origin: Origin; epoch: string; set: RangeSet }>();

  constructor(tx: Tx, cache: Map<string, RangeSet>) {
    this.#tx = tx;
    this.#cache = cache;
  }

  async of(origin: Origin, epoch: string): Promise<RangeSet> {
    const key = keyOf(origin, epoch);
    const changed = this.#changed.get(key);
    if (changed !== undefined) return changed.set;
    const set = this.#cache.get(key)?.copy() ?? (await load(this.#tx.db, origin, epoch));
    this.#changed.set(key, { origin, epoch, set });
    return set;
  }

  /** Writes every set that was asked for. */
  async save(now: number): Promise<void> {
    const rows = Array.from(this.#changed.values(), ({ origin, epoch, set }) => [
      origin.tenantId,
      origin.endpointId,
      epoch,
      JSON.stringify(set.ranges),
      now,
    ]);
    await upsert(this.#tx, rows);
    this.#tx.afterCommit(() => {
      for (const [key, { set }] of this.#changed) {
        this.#cache.delete(key);
        this.#cache.set(key, set);
      }
      for (const key of this.#cache.keys()) {
        if (this.#cache.size <= MAX_CACHED) break;
        this.#cache.delete(key);
      }
    });
  }
}

async function load(db: Store['read'], origin: Origin, epoch: string): Promise<RangeSet> {
  const row = await db
    .selectFrom('received_ranges')
    .select('ranges_json')
    .where('tenant_id', '=', origin.tenantId)
    .where('endpoint_id', '=', origin.endpointId)
    .where('epoch', '=', epoch)
    .executeTakeFirst();
  return new RangeSet(row === undefined ? [] : Ranges.parse(JSON.parse(row.ranges_json)), MAX_RANGES);
}

function keyOf(origin: Origin, epoch: string): string {
  return `${origin.tenantId}/${origin.endpointId}/${epoch}`;
}
