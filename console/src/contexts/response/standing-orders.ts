import { Order, type OrderRefusal, type SignedApproval, TenantApproval } from '@yagura/protocol';
import type { StandingOrderRow } from '../../api/rules.ts';
import { type Failure, fail, type Result, signerFailure, succeed } from '../../platform/http-errors.ts';
import type { OrdersTable, StandingOrdersTable } from '../../store/schema.ts';
import type { Origin } from '../fleet/api.ts';
import type { Actor } from '../identity/api.ts';
import { shownState } from './domain/order-state.ts';
import { insertOrder, parsePayload } from './place-orders.ts';
import type { ResponseOptions } from './response.ts';
import { readStandingOrder, SUBJECT_OF, toStandingRow } from './standing-store.ts';
import { readTenantSet } from './tuning-store.ts';

/** After the signer failed; endpoints are asked again then. */
const RETRY_MS = 10_000;
/** Refusals that say nothing about the order: another one came first, or it came too late. */
const WORTH_ANOTHER: ReadonlySet<string> = new Set(['order_replayed', 'order_expired'] satisfies OrderRefusal[]);

/** Hands what a person approved for the whole tenant to the signer, and tells every endpoint that is connected. */
export async function placeStandingOrder(
  options: ResponseOptions,
  actor: Actor,
  signed: SignedApproval,
): Promise<Result<StandingOrderRow>> {
  const { store, clock, signer, bus, audit } = options;
  const { tenantId, name } = actor;
  const approval = parsePayload(TenantApproval, signed.payload);
  if (!approval) return fail('approval_malformed');
  const objection = await checkStanding(options, tenantId, approval);
  if (objection) return objection;
  const answer = await signer.call('approve-standing-order', { approval: signed });
  if (!answer.ok) return signerFailure(answer);
  const { action } = approval;
  const row: StandingOrdersTable = {
    tenant_id: tenantId,
    standing_id: answer.value.standingId,
    subject: SUBJECT_OF[action.kind],
    action_json: JSON.stringify(action),
    version: action.kind === 'set-rule-tunings' ? action.version : 0,
    approver_key_id: approval.approverKeyId,
    ordered_by: name,
    ordered_at: answer.value.issuedAt,
    expires_at: answer.value.expiresAt,
    replaced_at: null,
  };
  await store.write(async (tx) => {
    await tx.db
      .updateTable('standing_orders')
      .set({ replaced_at: clock.now() })
      .where('tenant_id', '=', tenantId)
      .where('subject', '=', row.subject)
      .where('replaced_at', 'is', null)
      .execute();
    // What endpoints have not taken yet is of no use any more: the newer one brings everything.
    await tx.db
      .updateTable('orders')
      .set({ state: 'expired', code: 'standing_replaced', ended_at: clock.now() })
      .where('tenant_id', '=', tenantId)
      .where('state', '=', 'waiting')
      .where('standing_id', 'in', (eb) =>
        eb
          .selectFrom('standing_orders')
          .select('standing_id')
          .where('tenant_id', '=', tenantId)
          .where('subject', '=', row.subject),
      )
      .execute();
    await tx.db.insertInto('standing_orders').values(row).execute();
    await audit.record(tx, {
      tenantId,
      actor: name,
      action: `tenant-order.${action.kind}`,
      target: row.standing_id,
      detail: JSON.stringify(summaryOf(action)),
    });
    // Also those that are about to connect: a session may be open before its presence is written.
    const endpoints = await tx.db
      .selectFrom('endpoints')
      .select('endpoint_id')
      .where('tenant_id', '=', tenantId)
      .where('revoked_at', 'is', null)
      .execute();
    tx.afterCommit(() => {
      for (const { endpoint_id: endpointId } of endpoints)
        bus.publish({ type: 'orders-waiting', tenantId, endpointId });
      for (const topic of ['orders', 'rule-tunings', 'rule-packs'] as const) {
        bus.publish({ type: 'changed', tenantId, topic });
      }
    });
  });
  return succeed(await toStandingRow(store.read, row));
}

async function checkStanding(
  { store, clock, rulePackExists }: ResponseOptions,
  tenantId: string,
  { tenantId: approved, action }: TenantApproval,
): Promise<Failure | undefined> {
  if (approved !== tenantId) return fail('not_found');
  if (action.kind === 'set-rule-tunings') {
    const { nextVersion } = await readTenantSet(store.read, tenantId, clock.now());
    const current = (await readStandingOrder(store.read, tenantId, 'rule-tunings'))?.version ?? 0;
    if (action.version <= current || action.version > nextVersion) return fail('tunings_version');
  }
  if (action.kind === 'set-rule-pack' && !(await rulePackExists(tenantId, action))) return fail('rule_pack_unknown');
  return undefined;
}

/** What the audit log keeps: which rules, not their reasons. */
function summaryOf(action: TenantApproval['action']): object {
  switch (action.kind) {
    case 'set-rule-tunings':
      return {
        version: action.version,
        rules: action.tunings.map(({ ruleId, change, owner, expiresAt }) => ({ ruleId, change, owner, expiresAt })),
      };
    case 'set-rule-pack':
      return { sha256: action.sha256, name: action.name, packVersion: action.version };
    case 'clear-rule-pack':
      return {};
  }
}

/** Gives endpoints what was approved for their tenant before or after they were enrolled (SPEC CM14). */
export interface StandingDelivery {
  /**
   * Has an order made where the endpoint has none yet; the bus says `orders-waiting` when there is one. Returns at
   * once: nobody's other orders wait for it.
   */
  ensure(origin: Origin): void;
}

export function createStandingDelivery(options: ResponseOptions): StandingDelivery {
  const { store, clock, signer, bus, log } = options;
  /** One at a time: a fleet that is told at once must not take the signer from people. */
  let queue: Promise<void> = Promise.resolve();
  const waiting = new Set<string>();
  let pausedUntil = 0;

  const retrying = new Set<string>();
  const keyOf = ({ tenantId, endpointId }: Origin): string => `${tenantId}/${endpointId}`;
  const later = (origin: Origin): void => {
    const key = keyOf(origin);
    if (retrying.has(key)) return;
    retrying.add(key);
    setTimeout(() => {
      retrying.delete(key);
      bus.publish({ type: 'orders-waiting', ...origin });
    }, RETRY_MS).unref();
  };

  async function give(origin: Origin): Promise<void> {
    const { tenantId, endpointId } = origin;
    const now = clock.now();
    const standings = await store.read
      .selectFrom('standing_orders')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('replaced_at', 'is', null)
      .where('expires_at', '>', now)
      .orderBy('ordered_at')
      .execute();
    for (const standing of standings) {
      const given = await store.read
        .selectFrom('orders')
        .select(['state', 'code', 'expires_at'])
        .where('tenant_id', '=', tenantId)
        .where('endpoint_id', '=', endpointId)
        .where('standing_id', '=', standing.standing_id)
        .execute();
      if (!given.every((order) => isLost(order, now))) continue;
      const answer = await signer.call('sign-standing-order', { standingId: standing.standing_id, endpointId });
      if (!answer.ok) {
        log.warn({ ...origin, code: answer.code }, 'an endpoint could not be given what holds for its tenant');
        if (answer.code !== 'signer_unavailable') continue;
        pausedUntil = clock.now() + RETRY_MS;
        return later(origin);
      }
      const order = parsePayload(Order, answer.value.order.payload);
      if (order?.tenantId !== tenantId || order.endpointId !== endpointId) {
        throw new Error('the signer made an order for somebody else');
      }
      await store.write((tx) =>
        insertOrder(options, tx, order, answer.value.order, {
          approval_id: `${standing.standing_id}/${order.orderId}`,
          approver_key_id: standing.approver_key_id,
          ordered_by: standing.ordered_by,
          standing_id: standing.standing_id,
        }),
      );
    }
  }

  return {
    ensure(origin) {
      const key = keyOf(origin);
      if (waiting.has(key)) return;
      if (clock.now() < pausedUntil) return later(origin);
      waiting.add(key);
      queue = queue
        .then(() => {
          waiting.delete(key);
          return give(origin);
        })
        .catch((error: unknown) => {
          log.warn({ err: error, ...origin }, 'an endpoint could not be given what holds for its tenant');
          later(origin);
        });
    },
  };
}

/** An order that will have no effect any more, through no fault of what it asks for. */
function isLost({ state, code, expires_at }: Pick<OrdersTable, 'state' | 'code' | 'expires_at'>, now: number): boolean {
  const shown = shownState({ state, expiresAt: expires_at }, now);
  return shown === 'expired' || (shown === 'refused' && code !== null && WORTH_ANOTHER.has(code));
}
