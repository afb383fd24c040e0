import { Story } from '@yagura/protocol';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { IncidentDetail, IncidentPage, IncidentQuery, IncidentRow, IncidentSort } from '../../api/incidents.ts';
import { contains, type PagePlan, textSort } from '../../store/page.ts';
import type { IncidentsTable, Tables } from '../../store/schema.ts';

const LANE_RANK = sql<number>`CASE incidents.lane WHEN 'severe' THEN 2 WHEN 'attention' THEN 1 ELSE 0 END`;

export const INCIDENT_SORT_EXPRESSIONS: Record<IncidentSort, RawBuilder<string | number>> = {
  receivedAt: sql.ref('incidents.received_at'),
  occurredAt: sql.ref('incidents.occurred_at'),
  updatedAt: sql.ref('incidents.updated_at'),
  lane: LANE_RANK,
  severity: sql.ref('incidents.severity_rank'),
  endpointName: textSort(sql.ref('endpoints.display_name')),
  detectionCount: sql.ref('incidents.detection_count'),
};
export const INCIDENT_ID = sql.ref<string>('incidents.incident_id');

type NamedIncident = IncidentsTable & { readonly endpoint_name: string; readonly hostname: string };

function selectIncidents(db: Kysely<Tables>, tenantId: string) {
  return db
    .selectFrom('incidents')
    .innerJoin('endpoints', (join) =>
      join
        .onRef('endpoints.tenant_id', '=', 'incidents.tenant_id')
        .onRef('endpoints.endpoint_id', '=', 'incidents.endpoint_id'),
    )
    .selectAll('incidents')
    .select(['endpoints.display_name as endpoint_name', 'endpoints.hostname'])
    .where('incidents.tenant_id', '=', tenantId);
}

export async function readIncidents(
  db: Kysely<Tables>,
  tenantId: string,
  query: IncidentQuery,
  plan: PagePlan,
): Promise<(NamedIncident & { sort_value: string | number })[]> {
  let select = selectIncidents(db, tenantId)
    .select(plan.by.as('sort_value'))
    .where(plan.after)
    .orderBy(plan.by, plan.direction)
    .orderBy(plan.id, plan.direction)
    .limit(plan.fetch);
  if (query.status !== undefined) select = select.where('incidents.status', '=', query.status);
  if (query.lane !== undefined) select = select.where('incidents.lane', '=', query.lane);
  if (query.endpointId !== undefined) select = select.where('incidents.endpoint_id', '=', query.endpointId);
  if (query.search !== undefined && query.search.trim() !== '') {
    const text = query.search.trim();
    select = select.where(
      sql<boolean>`(${contains(sql<string>`coalesce(incidents.title_ja, '')`, text)}
        OR ${contains(sql.ref('incidents.title_en'), text)}
        OR ${contains(sql.ref('endpoints.display_name'), text)}
        OR ${contains(sql.ref('endpoints.hostname'), text)}
        OR ${contains(sql.ref('incidents.incident_id'), text)})`,
    );
  }
  return select.execute();
}

export function readIncident(
  db: Kysely<Tables>,
  tenantId: string,
  incidentId: string,
): Promise<NamedIncident | undefined> {
  return selectIncidents(db, tenantId).where('incidents.incident_id', '=', incidentId).executeTakeFirst();
}

export async function readOpenCounts(db: Kysely<Tables>, tenantId: string): Promise<IncidentPage['open']> {
  const rows = await db
    .selectFrom('incidents')
    .select(['lane', sql<number>`count(*)`.as('number')])
    .where('tenant_id', '=', tenantId)
    .where('status', '=', 'open')
    .groupBy('lane')
    .execute();
  const count = (lane: string) => rows.find((row) => row.lane === lane)?.number ?? 0;
  return { severe: count('severe'), attention: count('attention'), information: count('information') };
}

/** Stories were checked before they were stored; one that fits no longer is a bug of a migration. */
export async function readStory(db: Kysely<Tables>, tenantId: string, incidentId: string): Promise<Story> {
  const row = await db
    .selectFrom('incident_stories')
    .select('story_json')
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', incidentId)
    .executeTakeFirstOrThrow();
  return Story.parse(JSON.parse(row.story_json));
}

export function toIncidentRow(row: NamedIncident): IncidentRow {
  return {
    incidentId: row.incident_id,
    endpointId: row.endpoint_id,
    endpointName: row.endpoint_name,
    lane: row.lane,
    severity: row.severity,
    containment: row.containment,
    safeTest: row.safe_test === 1,
    status: row.status,
    ...(row.resolution === null ? {} : { resolution: row.resolution }),
    title: row.title_ja === null ? { en: row.title_en } : { ja: row.title_ja, en: row.title_en },
    detectionCount: row.detection_count,
    occurredAt: row.occurred_at,
    receivedAt: row.received_at,
    updatedAt: row.updated_at,
    ...(row.closed_at === null ? {} : { closedAt: row.closed_at }),
  };
}

export function toIncidentDetail(row: NamedIncident, story: Story, orders: IncidentDetail['orders']): IncidentDetail {
  return {
    ...toIncidentRow(row),
    hostname: row.hostname,
    story,
    orders,
    ...(row.close_note === null ? {} : { closeNote: row.close_note }),
    ...(row.closed_by === null ? {} : { closedBy: row.closed_by }),
    times: {
      endpoint: row.endpoint_time,
      corrected: row.occurred_at,
      received: row.received_at,
      judged: row.judged_at,
    },
  };
}
