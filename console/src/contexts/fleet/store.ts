import { Health, Inventory } from '@yagura/protocol';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { EndpointDetail, EndpointQuery, EndpointRow, EndpointSort, FleetSummary } from '../../api/fleet.ts';
import { contains, type PagePlan, textSort } from '../../store/page.ts';
import type { EndpointsTable, Tables } from '../../store/schema.ts';
import { endpointState } from './domain/endpoint-state.ts';

/** `endpointState` of the domain, where the database has to filter and sort by it. */
export const STATE = sql<string>`CASE WHEN endpoints.revoked_at IS NOT NULL THEN 'revoked'
  WHEN endpoints.connected_since IS NULL THEN 'offline'
  WHEN endpoints.degraded = 1 THEN 'degraded' ELSE 'watching' END`;

const openIncidents = (extra: RawBuilder<unknown>) => sql<number>`(SELECT count(*) FROM incidents
  WHERE incidents.tenant_id = endpoints.tenant_id AND incidents.endpoint_id = endpoints.endpoint_id
  AND incidents.status = 'open' ${extra})`;
const OPEN = openIncidents(sql``);
const SEVERE = openIncidents(sql`AND incidents.lane = 'severe'`);

export const ENDPOINT_SORT_EXPRESSIONS: Record<EndpointSort, RawBuilder<string | number>> = {
  displayName: textSort(sql.ref('endpoints.display_name')),
  state: STATE,
  platform: sql.ref('endpoints.platform'),
  policy: sql.ref('endpoints.policy'),
  agentVersion: textSort(sql.ref('endpoints.agent_version')),
  enrolledAt: sql.ref('endpoints.enrolled_at'),
  lastSeenAt: sql<number>`coalesce(endpoints.last_seen_at, 0)`,
  openIncidents: OPEN,
};
export const ENDPOINT_ID = sql.ref<string>('endpoints.endpoint_id');

type CountedEndpoint = EndpointsTable & { readonly open_incidents: number; readonly severe_incidents: number };

export async function readEndpoints(
  db: Kysely<Tables>,
  tenantId: string,
  query: EndpointQuery,
  plan: PagePlan,
): Promise<(CountedEndpoint & { sort_value: string | number })[]> {
  let select = db
    .selectFrom('endpoints')
    .selectAll('endpoints')
    .select([OPEN.as('open_incidents'), SEVERE.as('severe_incidents'), plan.by.as('sort_value')])
    .where('endpoints.tenant_id', '=', tenantId)
    .where(plan.after)
    .orderBy(plan.by, plan.direction)
    .orderBy(plan.id, plan.direction)
    .limit(plan.fetch);
  if (query.state !== undefined) select = select.where(STATE, '=', query.state);
  if (query.search !== undefined && query.search.trim() !== '') {
    const text = query.search.trim();
    select = select.where(
      sql<boolean>`(${contains(sql.ref('endpoints.display_name'), text)} OR ${contains(sql.ref('endpoints.hostname'), text)}
        OR ${contains(sql.ref('endpoints.endpoint_id'), text)})`,
    );
  }
  return select.execute();
}

export async function readEndpoint(
  db: Kysely<Tables>,
  tenantId: string,
  endpointId: string,
): Promise<CountedEndpoint | undefined> {
  return db
    .selectFrom('endpoints')
    .selectAll('endpoints')
    .select([OPEN.as('open_incidents'), SEVERE.as('severe_incidents')])
    .where('endpoints.tenant_id', '=', tenantId)
    .where('endpoints.endpoint_id', '=', endpointId)
    .executeTakeFirst();
}

export async function readSummary(db: Kysely<Tables>, tenantId: string): Promise<FleetSummary> {
  const rows = await db
    .selectFrom('endpoints')
    .select([STATE.as('state'), sql<number>`count(*)`.as('number'), sql<number | null>`max(last_seen_at)`.as('seen')])
    .where('tenant_id', '=', tenantId)
    .groupBy(STATE)
    .execute();
  const count = (state: string) => rows.find((row) => row.state === state)?.number ?? 0;
  const seen = Math.max(-1, ...rows.map((row) => row.seen ?? -1));
  return {
    total: rows.reduce((sum, row) => sum + row.number, 0),
    watching: count('watching'),
    degraded: count('degraded'),
    offline: count('offline'),
    revoked: count('revoked'),
    ...(seen < 0 ? {} : { lastSeenAt: seen }),
  };
}

/** When the newest certificate that still counts runs out. */
export async function readCertificateEnd(
  db: Kysely<Tables>,
  tenantId: string,
  endpointId: string,
): Promise<number | undefined> {
  const row = await db
    .selectFrom('certificates')
    .select((eb) => eb.fn.max('expires_at').as('expires_at'))
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return row?.expires_at ?? undefined;
}

export function toEndpointRow(row: CountedEndpoint): EndpointRow {
  return {
    endpointId: row.endpoint_id,
    displayName: row.display_name,
    hostname: row.hostname,
    platform: row.platform,
    state: endpointState({
      revoked: row.revoked_at !== null,
      connected: row.connected_since !== null,
      degraded: row.degraded === 1,
    }),
    policy: row.policy,
    agentVersion: row.agent_version,
    enrolledAt: row.enrolled_at,
    ...(row.last_seen_at === null ? {} : { lastSeenAt: row.last_seen_at }),
    openIncidents: row.open_incidents,
    severeIncidents: row.severe_incidents,
  };
}

/** Reports were checked before they were stored; one of an older version that no longer fits is left out. */
export function toReports(row: EndpointsTable): Pick<EndpointDetail, 'health' | 'inventory'> {
  const health = Health.safeParse(row.health_json === null ? undefined : JSON.parse(row.health_json));
  const inventory = Inventory.safeParse(row.inventory_json === null ? undefined : JSON.parse(row.inventory_json));
  return {
    ...(health.success ? { health: health.data } : {}),
    ...(inventory.success ? { inventory: inventory.data } : {}),
  };
}
