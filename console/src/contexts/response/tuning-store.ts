import { Health, OrderAction, type RuleTuning, RuleTuning as RuleTuningSchema, SuspendedRule } from '@yagura/protocol';
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { RuleTuningList, RuleTuningRow } from '../../api/rules.ts';
import type { Tables } from '../../store/schema.ts';
import type { Origin } from '../fleet/api.ts';
import { standingAction } from './endpoint-set.ts';
import { readProgress, readStandingOrder } from './standing-store.ts';

/** More endpoints than a person chooses from; a tuning of more is one for the tenant. */
const LISTED_ENDPOINTS = 2_000;
const LISTED_SUSPENDED = 500;
const LISTED_TUNINGS = 5_000;

export interface TuningSet {
  readonly tunings: readonly RuleTuning[];
  /** Above every version that was ever ordered or reported. */
  readonly nextVersion: number;
}

/** The set that an endpoint has for itself or is about to have, as for exclusions. */
export async function readEndpointSet(
  db: Kysely<Tables>,
  { tenantId, endpointId }: Origin,
  now: number,
): Promise<TuningSet> {
  const orders = await db
    .selectFrom('orders')
    .select(['tunings_version', 'action_json', 'state', 'expires_at'])
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .where('kind', '=', 'set-rule-tunings')
    .where('standing_id', 'is', null)
    .orderBy('tunings_version', 'desc')
    .limit(50)
    .execute();
  const accepted = await db
    .selectFrom('rule_tunings')
    .select(['version', 'tuning_json'])
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .execute();
  const endpoint = await db
    .selectFrom('endpoints')
    .select('health_json')
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .executeTakeFirst();
  const known = [
    ...orders.map((row) => row.tunings_version ?? 0),
    ...accepted.map((row) => row.version),
    parseHealth(endpoint?.health_json)?.tunings?.endpointVersion ?? 0,
  ];
  const nextVersion = Math.max(0, ...known) + 1;
  const action = standingAction(orders, now);
  if (action?.kind === 'set-rule-tunings') return { tunings: action.tunings, nextVersion };
  return { tunings: accepted.map((row) => RuleTuningSchema.parse(JSON.parse(row.tuning_json))), nextVersion };
}

/**
 * The set that holds for the whole tenant. Versions are the time in seconds, at least: they rise even after the
 * database was restored from a backup that the signer's state is newer than.
 */
export async function readTenantSet(db: Kysely<Tables>, tenantId: string, now: number): Promise<TuningSet> {
  const standing = await readStandingOrder(db, tenantId, 'rule-tunings');
  const action = standing && OrderAction.parse(JSON.parse(standing.action_json));
  return {
    tunings: action?.kind === 'set-rule-tunings' ? action.tunings : [],
    nextVersion: Math.max((standing?.version ?? 0) + 1, Math.floor(now / 1_000)),
  };
}

/** Every tuning in force or about to be, those that end first in front, and what endpoints suspended by themselves. */
export async function readTunings(db: Kysely<Tables>, tenantId: string, now: number): Promise<RuleTuningList> {
  const endpoints = await db
    .selectFrom('endpoints')
    .select(['endpoint_id', 'display_name', 'platform'])
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .orderBy('display_name')
    .orderBy('endpoint_id')
    .limit(LISTED_ENDPOINTS)
    .execute();
  const { matches, suspended } = await readReports(db, tenantId, now);
  const items = [...(await tenantRows(db, tenantId)), ...(await endpointRows(db, tenantId))]
    .filter(({ expiresAt }) => expiresAt > now)
    .map((row): RuleTuningRow => ({ ...row, matches: matches.get(row.tuningId) ?? 0 }))
    .toSorted((a, b) => a.expiresAt - b.expiresAt || a.tuningId.localeCompare(b.tuningId));
  return {
    items,
    suspended: suspended.toSorted((a, b) => b.since - a.since),
    endpoints: endpoints.map((row) => ({
      endpointId: row.endpoint_id,
      name: row.display_name,
      platform: row.platform,
    })),
  };
}

/** What is read here of a health report, which was checked whole when it came. */
const RuleReport = z.object({
  rules: z.object({ suspended: z.array(SuspendedRule).optional() }),
  tunings: z.object({ matches: z.array(z.object({ tuningId: z.string(), count: z.number() })) }).optional(),
});

/** How often tunings matched, and what is suspended, from the reports that speak of either: most do not. */
async function readReports(db: Kysely<Tables>, tenantId: string, now: number) {
  const matches = new Map<string, number>();
  const suspended: RuleTuningList['suspended'] = [];
  const reports = await db
    .selectFrom('endpoints')
    .select(['endpoint_id', 'display_name', 'health_json'])
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .where(sql<boolean>`(health_json LIKE '%"matches":[{%' OR health_json LIKE '%"suspended":[{%')`)
    .execute();
  for (const { endpoint_id: endpointId, display_name: endpointName, health_json } of reports) {
    const report = RuleReport.safeParse(JSON.parse(health_json ?? 'null'));
    if (!report.success) continue;
    for (const { tuningId, count } of report.data.tunings?.matches ?? []) {
      matches.set(tuningId, (matches.get(tuningId) ?? 0) + count);
    }
    for (const rule of report.data.rules.suspended ?? []) {
      // What was reported before the endpoint fell silent has ended by now.
      if (rule.until > now && suspended.length < LISTED_SUSPENDED)
        suspended.push({ ...rule, endpointId, endpointName });
    }
  }
  return { matches, suspended };
}

type UncountedRow = Omit<RuleTuningRow, 'matches'>;

async function tenantRows(db: Kysely<Tables>, tenantId: string): Promise<UncountedRow[]> {
  const standing = await readStandingOrder(db, tenantId, 'rule-tunings');
  const action = standing && OrderAction.parse(JSON.parse(standing.action_json));
  if (standing === undefined || action?.kind !== 'set-rule-tunings') return [];
  const progress = await readProgress(db, tenantId, standing.standing_id);
  return action.tunings.map((tuning) => ({ ...tuning, progress }));
}

async function endpointRows(db: Kysely<Tables>, tenantId: string): Promise<UncountedRow[]> {
  const rows = await db
    .selectFrom('rule_tunings')
    .innerJoin('endpoints', (join) =>
      join
        .onRef('endpoints.tenant_id', '=', 'rule_tunings.tenant_id')
        .onRef('endpoints.endpoint_id', '=', 'rule_tunings.endpoint_id'),
    )
    .select(['rule_tunings.tuning_json', 'endpoints.endpoint_id', 'endpoints.display_name'])
    .where('rule_tunings.tenant_id', '=', tenantId)
    .where('endpoints.revoked_at', 'is', null)
    .orderBy('rule_tunings.expires_at')
    .limit(LISTED_TUNINGS)
    .execute();
  return rows.map((row) => ({
    ...RuleTuningSchema.parse(JSON.parse(row.tuning_json)),
    endpoint: { endpointId: row.endpoint_id, name: row.display_name },
  }));
}

function parseHealth(json: string | null | undefined): Health | undefined {
  const parsed = Health.safeParse(json ? JSON.parse(json) : undefined);
  return parsed.success ? parsed.data : undefined;
}
