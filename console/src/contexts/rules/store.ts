import { RuleSummary } from '@yagura/protocol';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { RuleIncident, RuleQuery, RuleRow, RuleSort } from '../../api/rules.ts';
import { type CursorKey, contains, type PagePlan, textSort } from '../../store/page.ts';
import type { Tables } from '../../store/schema.ts';

const COUNTED_MS = 30 * 24 * 3_600_000;
const LISTED_INCIDENTS = 10;

const DETECTIONS = sql<number>`coalesce(seen.detections, 0)`;
export const RULE_SORT_EXPRESSIONS: Record<RuleSort, RawBuilder<string | number>> = {
  title: textSort(sql.ref('rules.title')),
  level: sql.ref('rules.level_rank'),
  system: sql.ref('rules.system'),
  detections: DETECTIONS,
};
export const RULE_ID = sql.ref<string>('rules.rule_id');

function selectRules(db: Kysely<Tables>, tenantId: string, now: number) {
  return db
    .selectFrom('rules')
    .innerJoin('rule_sources', (join) =>
      join
        .onRef('rule_sources.tenant_id', '=', 'rules.tenant_id')
        .onRef('rule_sources.source_id', '=', 'rules.source_id'),
    )
    .leftJoin(
      db
        .selectFrom('rule_detections')
        .select(['rule_id', sql<number>`sum(detections)`.as('detections')])
        .where('tenant_id', '=', tenantId)
        .where('received_at', '>', now - COUNTED_MS)
        .groupBy('rule_id')
        .as('seen'),
      (join) => join.onRef('seen.rule_id', '=', 'rules.rule_id'),
    )
    .select([
      'rules.rule_id',
      'rules.summary_json',
      'rule_sources.kind',
      'rule_sources.sha256',
      'rule_sources.name',
      'rule_sources.version',
      DETECTIONS.as('detections'),
    ])
    .where('rules.tenant_id', '=', tenantId);
}

/** A rule that several sources have is listed once: the agents' own before a pack's. */
function firstOf(sources: readonly string[]): RawBuilder<boolean> {
  return sql<boolean>`NOT EXISTS (SELECT 1 FROM rules AS other WHERE other.tenant_id = rules.tenant_id
    AND other.rule_id = rules.rule_id AND other.source_id < rules.source_id
    AND other.source_id IN (${sql.join(sources)}))`;
}

export interface RuleListing {
  readonly tenantId: string;
  readonly sources: readonly string[];
  readonly query: RuleQuery;
  readonly plan: PagePlan;
  readonly now: number;
}

export async function readRules(
  db: Kysely<Tables>,
  { tenantId, sources, query, plan, now }: RuleListing,
): Promise<{ row: RuleRow; key: CursorKey }[]> {
  if (sources.length === 0) return [];
  let select = selectRules(db, tenantId, now)
    .select(plan.by.as('sort_value'))
    .where('rules.source_id', 'in', sources)
    .where(firstOf(sources))
    .where(plan.after)
    .orderBy(plan.by, plan.direction)
    .orderBy(plan.id, plan.direction)
    .limit(plan.fetch);
  if (query.system !== undefined) select = select.where('rules.system', '=', query.system);
  if (query.level !== undefined) select = select.where('rules.level', '=', query.level);
  for (const word of words(query.search)) select = select.where(contains(sql.ref('rules.search_text'), word));
  const rows = await select.execute();
  return rows.map((row) => ({ row: toRuleRow(row), key: [row.sort_value, row.rule_id] }));
}

/** All have to occur: "curl T1105". */
function words(search: string | undefined): string[] {
  return search === undefined
    ? []
    : search
        .split(/\s+/u)
        .filter((word) => word !== '')
        .slice(0, 8);
}

export async function countRules(db: Kysely<Tables>, tenantId: string, sources: readonly string[]): Promise<number> {
  if (sources.length === 0) return 0;
  const row = await db
    .selectFrom('rules')
    .select(sql<number>`count(DISTINCT rule_id)`.as('number'))
    .where('tenant_id', '=', tenantId)
    .where('source_id', 'in', sources)
    .executeTakeFirst();
  return row?.number ?? 0;
}

/** A rule that any source has, in use or not: what was detected once can be looked up. */
export async function readRule(
  db: Kysely<Tables>,
  { tenantId, ruleId, now }: { readonly tenantId: string; readonly ruleId: string; readonly now: number },
): Promise<RuleRow | undefined> {
  const row = await selectRules(db, tenantId, now)
    .where('rules.rule_id', '=', ruleId)
    .orderBy('rules.source_id')
    .limit(1)
    .executeTakeFirst();
  return row && toRuleRow(row);
}

interface StoredRule {
  readonly summary_json: string;
  readonly kind: 'built-in' | 'pack';
  readonly sha256: string;
  readonly name: string;
  readonly version: string;
  readonly detections: number;
}

function toRuleRow({ summary_json, kind, sha256, name, version, detections }: StoredRule): RuleRow {
  return {
    ...RuleSummary.parse(JSON.parse(summary_json)),
    origin: kind === 'pack' ? { kind, sha256, name, version } : { kind },
    detections,
  };
}

export async function readRuleIncidents(db: Kysely<Tables>, tenantId: string, ruleId: string): Promise<RuleIncident[]> {
  const rows = await db
    .selectFrom('rule_detections')
    .innerJoin('incidents', (join) =>
      join
        .onRef('incidents.tenant_id', '=', 'rule_detections.tenant_id')
        .onRef('incidents.incident_id', '=', 'rule_detections.incident_id'),
    )
    .innerJoin('endpoints', (join) =>
      join
        .onRef('endpoints.tenant_id', '=', 'incidents.tenant_id')
        .onRef('endpoints.endpoint_id', '=', 'incidents.endpoint_id'),
    )
    .select([
      'incidents.incident_id',
      'incidents.title_ja',
      'incidents.title_en',
      'endpoints.display_name',
      'rule_detections.received_at',
    ])
    .where('rule_detections.tenant_id', '=', tenantId)
    .where('rule_detections.rule_id', '=', ruleId)
    .orderBy('rule_detections.received_at', 'desc')
    .orderBy('incidents.incident_id')
    .limit(LISTED_INCIDENTS)
    .execute();
  return rows.map((row) => ({
    incidentId: row.incident_id,
    title: row.title_ja === null ? { en: row.title_en } : { ja: row.title_ja, en: row.title_en },
    endpointName: row.display_name,
    receivedAt: row.received_at,
  }));
}

/** What some endpoint that is not revoked reported: its agent's own rules, or a pack that is in force. */
export async function readSourcesInUse(db: Kysely<Tables>, tenantId: string): Promise<string[]> {
  const endpoints = db
    .selectFrom('endpoints')
    .select('endpoints.endpoint_id')
    .where('endpoints.tenant_id', '=', tenantId)
    .where('endpoints.revoked_at', 'is', null);
  const sources = await db
    .selectFrom('rule_sources')
    .select(['source_id', 'kind', 'sha256'])
    .where('tenant_id', '=', tenantId)
    .execute();
  const used: string[] = [];
  for (const { source_id, kind, sha256 } of sources) {
    const user =
      kind === 'built-in'
        ? endpoints
            .innerJoin('endpoint_rule_sources', (join) =>
              join
                .onRef('endpoint_rule_sources.tenant_id', '=', 'endpoints.tenant_id')
                .onRef('endpoint_rule_sources.endpoint_id', '=', 'endpoints.endpoint_id'),
            )
            .where('endpoint_rule_sources.source_id', '=', source_id)
        : endpoints.where(contains(sql.ref('endpoints.health_json'), `"active":{"sha256":"${sha256}"`));
    if (await user.executeTakeFirst()) used.push(source_id);
  }
  return used;
}
