import { InventoryCategory, InventoryFacts, type InventoryItem } from '@yagura/protocol';
import { type Kysely, sql } from 'kysely';
import { InventoryChangeRow as ChangeRow, type InventoryChangeRow, type InventoryRow } from '../../api/inventory.ts';
import { createMultiRowInsert } from '../../store/multi-row-insert.ts';
import { contains, type PagePlan, type Sorts } from '../../store/page.ts';
import type { InventoryItemsTable, Tables } from '../../store/schema.ts';
import type { Tx } from '../../store/store.ts';
import type { Origin } from '../fleet/api.ts';
import type { ChangeSource } from './api.ts';
import { type KnownThing, type RecordedChange, thingId } from './domain/differences.ts';

/** Changes kept of each endpoint. */
const KEPT_CHANGES = 1_000;
/** Names in one `IN (...)`. */
const KEYS_AT_ONCE = 400;

type Thing = Pick<InventoryItem, 'category' | 'key'>;

export const ITEM_SORTS: Sorts = { key: sql.ref('inventory_items.category') };
export const ITEM_ID = sql.ref<string>('inventory_items.key');

const upsert = createMultiRowInsert({
  table: 'inventory_items',
  columns: ['tenant_id', 'endpoint_id', 'category', 'key', 'facts_json', 'first_seen_at', 'changed_at', 'snapshot_id'],
  onConflict: `ON CONFLICT (tenant_id, endpoint_id, category, key)
    DO UPDATE SET facts_json = excluded.facts_json, changed_at = excluded.changed_at, snapshot_id = excluded.snapshot_id`,
});

const insert = createMultiRowInsert({
  table: 'inventory_changes',
  columns: [
    'tenant_id',
    'endpoint_id',
    'epoch',
    'sequence',
    'position',
    'received_at',
    'time',
    'category',
    'key',
    'kind',
    'before_json',
    'after_json',
  ],
  onConflict: 'ON CONFLICT DO NOTHING',
});

/** What is known of these things, or of all. */
export async function readKnown(
  tx: Tx,
  { tenantId, endpointId }: Origin,
  things?: readonly Thing[],
): Promise<Map<string, KnownThing>> {
  const known = new Map<string, KnownThing>();
  const all = tx.db
    .selectFrom('inventory_items')
    .select(['category', 'key', 'facts_json', 'first_seen_at'])
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId);
  const read = async (select: typeof all) => {
    for (const row of await select.execute()) {
      known.set(thingId(row), { factsJson: row.facts_json, firstSeenAt: row.first_seen_at });
    }
  };
  if (things === undefined) await read(all);
  else
    await byCategory(things, (category, keys) => read(all.where('category', '=', category).where('key', 'in', keys)));
  return known;
}

export function upsertThings(
  tx: Tx,
  { tenantId, endpointId }: Origin,
  items: readonly InventoryItem[],
  known: ReadonlyMap<string, KnownThing>,
  at: number,
): Promise<void> {
  return upsert(
    tx,
    items.map((item) => [
      tenantId,
      endpointId,
      item.category,
      item.key,
      JSON.stringify(item.facts),
      known.get(thingId(item))?.firstSeenAt ?? at,
      at,
      null,
    ]),
  );
}

export async function deleteThings(tx: Tx, { tenantId, endpointId }: Origin, things: readonly Thing[]): Promise<void> {
  await byCategory(things, async (category, keys) => {
    await tx.db
      .deleteFrom('inventory_items')
      .where('tenant_id', '=', tenantId)
      .where('endpoint_id', '=', endpointId)
      .where('category', '=', category)
      .where('key', 'in', keys)
      .execute();
  });
}

/** Notes that a snapshot names these. */
export async function markNamed(
  tx: Tx,
  { tenantId, endpointId }: Origin,
  things: readonly Thing[],
  snapshotId: string,
): Promise<void> {
  await byCategory(things, async (category, keys) => {
    await tx.db
      .updateTable('inventory_items')
      .set({ snapshot_id: snapshotId })
      .where('tenant_id', '=', tenantId)
      .where('endpoint_id', '=', endpointId)
      .where('category', '=', category)
      .where('key', 'in', keys)
      .execute();
  });
}

/** Stored categories are ours: whoever wrote them had them from the schema. */
export async function notNamedBy(tx: Tx, { tenantId, endpointId }: Origin, snapshotId: string): Promise<Thing[]> {
  const rows = await tx.db
    .selectFrom('inventory_items')
    .select(['category', 'key'])
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .where((eb) => eb.or([eb('snapshot_id', 'is', null), eb('snapshot_id', '!=', snapshotId)]))
    .execute();
  return rows.map(({ category, key }) => ({ category: InventoryCategory.parse(category), key }));
}

export function insertChanges(
  tx: Tx,
  { tenantId, endpointId }: Origin,
  changes: readonly RecordedChange[],
  { epoch, sequence, receivedAt }: ChangeSource,
  time: number,
): Promise<void> {
  return insert(
    tx,
    changes.map(({ position, category, key, kind, beforeJson, afterJson }) => [
      tenantId,
      endpointId,
      epoch,
      sequence,
      position,
      receivedAt,
      time,
      category,
      key,
      kind,
      beforeJson ?? null,
      afterJson ?? null,
    ]),
  );
}

/** Keeps the newest changes of an endpoint; those that came together go together. */
export async function trimChanges(tx: Tx, { tenantId, endpointId }: Origin): Promise<void> {
  const oldest = await tx.db
    .selectFrom('inventory_changes')
    .select('received_at')
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .orderBy('received_at', 'desc')
    .offset(KEPT_CHANGES)
    .limit(1)
    .executeTakeFirst();
  if (!oldest) return;
  await tx.db
    .deleteFrom('inventory_changes')
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .where('received_at', '<', oldest.received_at)
    .execute();
}

export async function readCounts(
  db: Kysely<Tables>,
  { tenantId, endpointId }: Origin,
): Promise<Partial<Record<InventoryCategory, number>>> {
  const rows = await db
    .selectFrom('inventory_items')
    .select(['category', sql<number>`count(*)`.as('number')])
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .groupBy('category')
    .execute();
  return Object.fromEntries(rows.map(({ category, number }) => [category, number]));
}

export function readItems(
  db: Kysely<Tables>,
  { tenantId, endpointId }: Origin,
  query: { readonly category?: string | undefined; readonly search?: string | undefined },
  plan: PagePlan,
): Promise<InventoryItemsTable[]> {
  let select = db
    .selectFrom('inventory_items')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .where(plan.after)
    .orderBy(plan.by, plan.direction)
    .orderBy(plan.id, plan.direction)
    .limit(plan.fetch);
  if (query.category !== undefined) select = select.where('category', '=', query.category);
  const text = query.search?.trim();
  if (text) {
    const [inKey, inFacts] = [contains(sql.ref('key'), text), contains(sql.ref('facts_json'), text)];
    select = select.where(sql<boolean>`(${inKey} OR ${inFacts})`);
  }
  return select.execute();
}

export async function readChanges(
  db: Kysely<Tables>,
  { tenantId, endpointId }: Origin,
  category: string | undefined,
  limit: number,
): Promise<InventoryChangeRow[]> {
  let select = db
    .selectFrom('inventory_changes')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .orderBy('received_at', 'desc')
    .orderBy('sequence', 'desc')
    .orderBy('position')
    .limit(limit);
  if (category !== undefined) select = select.where('category', '=', category);
  const rows = await select.execute();
  return rows.flatMap((row) => {
    const parsed = ChangeRow.safeParse({
      category: row.category,
      key: row.key,
      kind: row.kind,
      time: row.time,
      receivedAt: row.received_at,
      ...(row.before_json === null ? {} : { before: JSON.parse(row.before_json) }),
      ...(row.after_json === null ? {} : { after: JSON.parse(row.after_json) }),
    });
    return parsed.success ? [parsed.data] : [];
  });
}

/** Facts were checked before they were stored; those of an older version that no longer fit are left out. */
export function toInventoryRow(row: InventoryItemsTable): InventoryRow | undefined {
  const category = InventoryCategory.safeParse(row.category);
  const facts = InventoryFacts.safeParse(JSON.parse(row.facts_json));
  if (!category.success || !facts.success) return undefined;
  return {
    category: category.data,
    key: row.key,
    facts: facts.data,
    firstSeenAt: row.first_seen_at,
    changedAt: row.changed_at,
  };
}

async function byCategory(
  things: readonly Thing[],
  act: (category: InventoryCategory, keys: readonly string[]) => Promise<void>,
): Promise<void> {
  for (const [category, group] of Map.groupBy(things, (thing) => thing.category)) {
    for (let at = 0; at < group.length; at += KEYS_AT_ONCE) {
      await act(
        category,
        group.slice(at, at + KEYS_AT_ONCE).map(({ key }) => key),
      );
    }
  }
}
