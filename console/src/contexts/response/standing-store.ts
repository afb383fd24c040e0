import { TenantOrderAction, type TenantOrderKind } from '@yagura/protocol';
import { type Kysely, sql } from 'kysely';
import type { StandingOrderRow, TenantProgress } from '../../api/rules.ts';
import type { StandingOrdersTable, Tables } from '../../store/schema.ts';

export type StandingSubject = StandingOrdersTable['subject'];

/** What a standing order is about: a newer one about the same replaces it. */
export const SUBJECT_OF: Record<TenantOrderKind, StandingSubject> = {
  'set-rule-tunings': 'rule-tunings',
  'set-rule-pack': 'rule-pack',
  'clear-rule-pack': 'rule-pack',
};

/** The one that holds, expired or not. */
export async function readStandingOrder(
  db: Kysely<Tables>,
  tenantId: string,
  subject: StandingSubject,
): Promise<StandingOrdersTable | undefined> {
  return db
    .selectFrom('standing_orders')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('subject', '=', subject)
    .where('replaced_at', 'is', null)
    .executeTakeFirst();
}

export async function toStandingRow(db: Kysely<Tables>, row: StandingOrdersTable): Promise<StandingOrderRow> {
  return {
    standingId: row.standing_id,
    action: TenantOrderAction.parse(JSON.parse(row.action_json)),
    orderedBy: row.ordered_by,
    orderedAt: row.ordered_at,
    expiresAt: row.expires_at,
    progress: await readProgress(db, row.tenant_id, row.standing_id),
  };
}

/** How many endpoints carried it out, and how many could not. An endpoint that did is done whatever came later. */
export async function readProgress(db: Kysely<Tables>, tenantId: string, standingId: string): Promise<TenantProgress> {
  const rows = await db
    .selectFrom('endpoints')
    .leftJoin('orders', (join) =>
      join
        .onRef('orders.tenant_id', '=', 'endpoints.tenant_id')
        .onRef('orders.endpoint_id', '=', 'endpoints.endpoint_id')
        .on('orders.standing_id', '=', standingId),
    )
    .select([
      'endpoints.endpoint_id',
      sql<number>`max(CASE WHEN orders.state = 'done' THEN 1 ELSE 0 END)`.as('done'),
      sql<number>`max(CASE WHEN orders.state IN ('failed', 'refused') THEN 1 ELSE 0 END)`.as('failed'),
      sql<number>`max(CASE WHEN orders.state IN ('waiting', 'sent', 'received') THEN 1 ELSE 0 END)`.as('pending'),
    ])
    .where('endpoints.tenant_id', '=', tenantId)
    .where('endpoints.revoked_at', 'is', null)
    .groupBy('endpoints.endpoint_id')
    .execute();
  return {
    endpoints: rows.length,
    done: rows.filter(({ done }) => done === 1).length,
    failed: rows.filter(({ done, failed, pending }) => done === 0 && failed === 1 && pending === 0).length,
  };
}
