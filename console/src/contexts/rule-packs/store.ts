import { Health, RulePackHeader } from '@yagura/protocol';
import { type Kysely, sql } from 'kysely';
import type { EndpointRules, RulePackRow } from '../../api/rule-packs.ts';
import { contains } from '../../store/page.ts';
import type { RulePacksTable, Tables } from '../../store/schema.ts';

/** More endpoints than a person looks through; the list says what it says of those that come first by name. */
const LISTED_ENDPOINTS = 2_000;

export function toRulePackRow(row: RulePacksTable): RulePackRow {
  return {
    sha256: row.sha256,
    size: row.size,
    name: row.name,
    version: row.version,
    header: RulePackHeader.parse(JSON.parse(row.header_json)),
    uploadedAt: row.uploaded_at,
    uploadedBy: row.uploaded_by,
  };
}

export async function readPacks(db: Kysely<Tables>, tenantId: string): Promise<RulePacksTable[]> {
  return db
    .selectFrom('rule_packs')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('uploaded_at', 'desc')
    .orderBy('sha256')
    .execute();
}

export async function readPack(
  db: Kysely<Tables>,
  tenantId: string,
  sha256: string,
): Promise<RulePacksTable | undefined> {
  return db
    .selectFrom('rule_packs')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('sha256', '=', sha256)
    .executeTakeFirst();
}

/** What endpoints last reported of their rules; revoked ones are left out. */
export async function readEndpointRules(db: Kysely<Tables>, tenantId: string): Promise<EndpointRules[]> {
  const rows = await db
    .selectFrom('endpoints')
    .select(['endpoint_id', 'display_name', 'platform', 'health_json'])
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .orderBy('display_name')
    .orderBy('endpoint_id')
    .limit(LISTED_ENDPOINTS)
    .execute();
  return rows.map((row) => {
    const health = Health.safeParse(row.health_json === null ? undefined : JSON.parse(row.health_json));
    return {
      endpointId: row.endpoint_id,
      endpointName: row.display_name,
      platform: row.platform,
      ...(health.success ? { rules: health.data.rules.loaded } : {}),
      ...(health.success && health.data.rulePack !== undefined ? { rulePack: health.data.rulePack } : {}),
    };
  });
}

/** Whether an endpoint reports the pack, it holds for the tenant, or an order that brings it may still be carried out. */
export async function isInUse(db: Kysely<Tables>, tenantId: string, sha256: string, now: number): Promise<boolean> {
  const endpoint = await db
    .selectFrom('endpoints')
    .select('endpoint_id')
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .where(contains(sql.ref('health_json'), sha256))
    .executeTakeFirst();
  if (endpoint) return true;
  const standing = await db
    .selectFrom('standing_orders')
    .select('standing_id')
    .where('tenant_id', '=', tenantId)
    .where('subject', '=', 'rule-pack')
    .where('replaced_at', 'is', null)
    .where('expires_at', '>', now)
    .where(contains(sql.ref('action_json'), sha256))
    .executeTakeFirst();
  if (standing) return true;
  const order = await db
    .selectFrom('orders')
    .select('order_id')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', 'set-rule-pack')
    .where((eb) =>
      eb.or([
        eb('state', '=', 'received'),
        eb.and([eb('state', 'in', ['waiting', 'sent']), eb('expires_at', '>', now)]),
      ]),
    )
    .where(contains(sql.ref('action_json'), sha256))
    .executeTakeFirst();
  return order !== undefined;
}
