import type { InventoryChange } from '@yagura/protocol';
import type { Bus } from '../../platform/bus.ts';
import { fail, succeed } from '../../platform/http-errors.ts';
import { planPage } from '../../store/page.ts';
import type { Store, Tx } from '../../store/store.ts';
import type { Origin } from '../fleet/api.ts';
import type { ChangeSource, Inventories } from './api.ts';
import { type Difference, differencesOf, type KnownThing } from './domain/differences.ts';
import {
  deleteThings,
  ITEM_ID,
  ITEM_SORTS,
  insertChanges,
  markNamed,
  notNamedBy,
  readChanges,
  readCounts,
  readItems,
  readKnown,
  toInventoryRow,
  trimChanges,
  upsertThings,
} from './store.ts';

export interface InventoriesOptions {
  readonly store: Store;
  readonly bus: Bus;
}

/** Changes that are shown beside the things. */
const SHOWN_CHANGES = 50;

export function createInventories({ store, bus }: InventoriesOptions): Inventories {
  /** Whether what this part names is news, and whether the snapshot is whole with it. */
  async function countPart(
    tx: Tx,
    { tenantId, endpointId }: Origin,
    { id, parts }: NonNullable<InventoryChange['snapshot']>,
    receivedAt: number,
  ): Promise<{ readonly isFirst: boolean; readonly isWhole: boolean }> {
    const before = await tx.db
      .selectFrom('inventory_snapshots')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('endpoint_id', '=', endpointId)
      .executeTakeFirst();
    const isSame = before?.snapshot_id === id;
    const isFirst = isSame ? before.is_first === 1 : before?.completed_at === undefined || before.completed_at === null;
    const received = isSame ? before.parts_received + 1 : 1;
    const isWhole = received >= parts;
    const row = {
      snapshot_id: id,
      parts_received: received,
      is_first: isFirst ? 1 : 0,
      completed_at: isWhole ? receivedAt : (before?.completed_at ?? null),
    };
    await tx.db
      .insertInto('inventory_snapshots')
      .values({ tenant_id: tenantId, endpoint_id: endpointId, ...row })
      .onConflict((conflict) => conflict.columns(['tenant_id', 'endpoint_id']).doUpdateSet(row))
      .execute();
    return { isFirst, isWhole };
  }

  async function enter(
    tx: Tx,
    origin: Origin,
    difference: Difference,
    known: ReadonlyMap<string, KnownThing>,
    told: { readonly source: ChangeSource; readonly time: number; readonly isNews: boolean },
  ): Promise<void> {
    const { source, time, isNews } = told;
    await upsertThings(tx, origin, difference.put, known, source.receivedAt);
    await deleteThings(tx, origin, difference.removed);
    if (!isNews || difference.changes.length === 0) return;
    await insertChanges(tx, origin, difference.changes, source, time);
    await trimChanges(tx, origin);
  }

  return {
    async apply(tx, origin, change, source) {
      const { snapshot, time } = change;
      const known = await readKnown(tx, origin, snapshot ? undefined : [...change.present, ...change.gone]);
      const difference = differencesOf(change, known);
      const part = snapshot && (await countPart(tx, origin, snapshot, source.receivedAt));
      await enter(tx, origin, difference, known, { source, time, isNews: part?.isFirst !== true });
      if (snapshot && part) {
        await markNamed(tx, origin, change.present, snapshot.id);
        if (part.isWhole) {
          // Not among any part, and every part came: it is gone. Counted on from the changes of this part.
          const gone = await notNamedBy(tx, origin, snapshot.id);
          const rest = differencesOf({ present: [], gone }, await readKnown(tx, origin), difference.changes.length);
          await enter(tx, origin, rest, known, { source, time, isNews: !part.isFirst });
        }
      }
      const { tenantId, endpointId } = origin;
      tx.afterCommit(() => bus.publish({ type: 'changed', tenantId, topic: 'endpoints', id: endpointId }));
    },

    async page(tenantId, endpointId, query) {
      const plan = planPage({ ...query, sort: 'key' }, ITEM_SORTS, 'key', ITEM_ID);
      if (!plan) return fail('bad_request');
      const exists = await store.read
        .selectFrom('endpoints')
        .select('endpoint_id')
        .where('tenant_id', '=', tenantId)
        .where('endpoint_id', '=', endpointId)
        .executeTakeFirst();
      if (!exists) return fail('not_found');
      const found = await readItems(store.read, { tenantId, endpointId }, query, plan);
      const { rows, next } = plan.cut(found, (row) => [row.category, row.key]);
      const isFirstPage = query.cursor === undefined;
      return succeed({
        counts: await readCounts(store.read, { tenantId, endpointId }),
        items: rows.flatMap((row) => toInventoryRow(row) ?? []),
        changes: isFirstPage
          ? await readChanges(store.read, { tenantId, endpointId }, query.category, SHOWN_CHANGES)
          : [],
        ...(next === undefined ? {} : { next }),
      });
    },
  };
}
