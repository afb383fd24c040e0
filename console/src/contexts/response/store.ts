import { Exclusion, Health, OrderAction, QuarantineItem } from '@yagura/protocol';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { z } from 'zod';
import type {
  ExclusionRow,
  OrderRow,
  OrderSort,
  QuarantineQuery,
  QuarantineRow,
  QuarantineSort,
} from '../../api/incidents.ts';
import { contains, type PagePlan, textSort } from '../../store/page.ts';
import type { OrdersTable, Tables } from '../../store/schema.ts';
import type { Origin } from '../fleet/api.ts';
import type { ExclusionSet } from './domain/exclusion-set.ts';
import { shownState } from './domain/order-state.ts';
import { standingAction } from './endpoint-set.ts';

export const ORDER_SORT_EXPRESSIONS: Record<OrderSort, RawBuilder<string | number>> = {
  orderedAt: sql.ref('orders.ordered_at'),
  endpointName: textSort(sql.ref('endpoints.display_name')),
  kind: sql.ref('orders.kind'),
};
export const ORDER_ID = sql.ref<string>('orders.order_id');

export const QUARANTINE_SORT_EXPRESSIONS: Record<QuarantineSort, RawBuilder<string | number>> = {
  quarantinedAt: sql.ref('quarantine_items.quarantined_at'),
  path: textSort(sql.ref('quarantine_items.path')),
  endpointName: textSort(sql.ref('endpoints.display_name')),
  state: sql.ref('quarantine_items.state'),
};
/** More than people can look through; those that end first are shown. */
const LISTED_EXCLUSIONS = 5_000;
/** Ids of the vault are unique on their endpoint only. */
export const QUARANTINE_ID = sql<string>`(quarantine_items.endpoint_id || '/' || quarantine_items.quarantine_id)`;

type NamedOrder = OrdersTable & { readonly endpoint_name: string };

export function selectOrders(db: Kysely<Tables>, tenantId: string) {
  return db
    .selectFrom('orders')
    .innerJoin('endpoints', (join) =>
      join
        .onRef('endpoints.tenant_id', '=', 'orders.tenant_id')
        .onRef('endpoints.endpoint_id', '=', 'orders.endpoint_id'),
    )
    .selectAll('orders')
    .select('endpoints.display_name as endpoint_name')
    .where('orders.tenant_id', '=', tenantId);
}

export function toOrderRow(row: NamedOrder, now: number): OrderRow {
  return {
    orderId: row.order_id,
    endpointId: row.endpoint_id,
    endpointName: row.endpoint_name,
    action: OrderAction.parse(JSON.parse(row.action_json)),
    state: shownState({ state: row.state, expiresAt: row.expires_at }, now),
    ...(row.code === null ? {} : { code: row.code }),
    orderedBy: row.ordered_by,
    orderedAt: row.ordered_at,
    expiresAt: row.expires_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  };
}

export async function readQuarantine(
  db: Kysely<Tables>,
  tenantId: string,
  query: z.infer<typeof QuarantineQuery>,
  plan: PagePlan,
): Promise<{ row: QuarantineRow; key: readonly [string | number, string] }[]> {
  let select = db
    .selectFrom('quarantine_items')
    .innerJoin('endpoints', (join) =>
      join
        .onRef('endpoints.tenant_id', '=', 'quarantine_items.tenant_id')
        .onRef('endpoints.endpoint_id', '=', 'quarantine_items.endpoint_id'),
    )
    .leftJoin('incidents', (join) =>
      join
        .onRef('incidents.tenant_id', '=', 'quarantine_items.tenant_id')
        .onRef('incidents.endpoint_id', '=', 'quarantine_items.endpoint_id')
        .onRef('incidents.story_id', '=', 'quarantine_items.story_id'),
    )
    .select([
      'quarantine_items.endpoint_id',
      'quarantine_items.state',
      'quarantine_items.item_json',
      'endpoints.display_name as endpoint_name',
      'incidents.incident_id',
      plan.by.as('sort_value'),
      plan.id.as('page_id'),
    ])
    .where('quarantine_items.tenant_id', '=', tenantId)
    .where(plan.after)
    .orderBy(plan.by, plan.direction)
    .orderBy(plan.id, plan.direction)
    .limit(plan.fetch);
  if (query.state !== undefined) select = select.where('quarantine_items.state', '=', query.state);
  if (query.endpointId !== undefined) select = select.where('quarantine_items.endpoint_id', '=', query.endpointId);
  if (query.search !== undefined && query.search.trim() !== '') {
    const text = query.search.trim();
    select = select.where(
      sql<boolean>`(${contains(sql.ref('quarantine_items.path'), text)}
        OR ${contains(sql.ref('quarantine_items.sha256'), text)}
        OR ${contains(sql.ref('endpoints.display_name'), text)})`,
    );
  }
  const rows = await select.execute();
  return rows.map((row) => ({
    row: {
      ...QuarantineItem.parse(JSON.parse(row.item_json)),
      state: row.state,
      endpointId: row.endpoint_id,
      endpointName: row.endpoint_name,
      ...(row.incident_id === null ? {} : { incidentId: row.incident_id }),
    },
    key: [row.sort_value, row.page_id],
  }));
}

/** Exclusions that endpoints have accepted and that have not run out, those that end first in front. */
export async function readExclusions(db: Kysely<Tables>, tenantId: string, now: number): Promise<ExclusionRow[]> {
  const rows = await db
    .selectFrom('exclusions')
    .innerJoin('endpoints', (join) =>
      join
        .onRef('endpoints.tenant_id', '=', 'exclusions.tenant_id')
        .onRef('endpoints.endpoint_id', '=', 'exclusions.endpoint_id'),
    )
    .select(['exclusions.endpoint_id', 'exclusions.exclusion_json', 'endpoints.display_name as endpoint_name'])
    .where('exclusions.tenant_id', '=', tenantId)
    .where('exclusions.expires_at', '>', now)
    .where('endpoints.revoked_at', 'is', null)
    .orderBy('exclusions.expires_at')
    .orderBy('exclusions.exclusion_id')
    .limit(LISTED_EXCLUSIONS)
    .execute();
  return rows.map((row) => toExclusionRow(row));
}

function toExclusionRow(row: { exclusion_json: string; endpoint_id: string; endpoint_name: string }): ExclusionRow {
  return {
    ...Exclusion.parse(JSON.parse(row.exclusion_json)),
    endpointId: row.endpoint_id,
    endpointName: row.endpoint_name,
  };
}

/**
 * The set that an endpoint has or is about to have: that of the newest order which has not failed, else what
 * it accepted. `nextVersion` lies above every version that was ever ordered or reported, so that versions
 * rise even after the database was restored from a backup.
 */
export async function readExclusionSet(
  db: Kysely<Tables>,
  { tenantId, endpointId }: Origin,
  now: number,
): Promise<ExclusionSet & { readonly nextVersion: number }> {
  const orders = await db
    .selectFrom('orders')
    .select(['exclusions_version', 'action_json', 'state', 'expires_at'])
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .where('kind', '=', 'set-exclusions')
    .orderBy('exclusions_version', 'desc')
    .limit(50)
    .execute();
  const accepted = await db
    .selectFrom('exclusions')
    .select(['version', 'exclusion_json'])
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .execute();
  const endpoint = await db
    .selectFrom('endpoints')
    .select('health_json')
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .executeTakeFirst();
  const reported = Health.safeParse(endpoint?.health_json ? JSON.parse(endpoint.health_json) : undefined);
  const known = [
    ...orders.map((row) => row.exclusions_version ?? 0),
    ...accepted.map((row) => row.version),
    reported.success ? reported.data.exclusionsVersion : 0,
  ];
  const nextVersion = Math.max(0, ...known) + 1;
  const action = standingAction(orders, now);
  if (action?.kind === 'set-exclusions') {
    return { version: action.version, exclusions: action.exclusions, nextVersion };
  }
  return {
    version: accepted[0]?.version ?? 0,
    exclusions: accepted.map((row) => Exclusion.parse(JSON.parse(row.exclusion_json))),
    nextVersion,
  };
}
