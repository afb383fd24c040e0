import { Approval, Order, type OrderAction, type SignedApproval, type SignedOrder } from '@yagura/protocol';
import type { PlacedOrders } from '../../api/incidents.ts';
import { type Failure, fail, type Result, signerFailure, succeed } from '../../platform/http-errors.ts';
import type { OrdersTable } from '../../store/schema.ts';
import type { Tx } from '../../store/store.ts';
import type { Actor } from '../identity/api.ts';
import type { ResponseOptions } from './response.ts';
import { readExclusionSet, selectOrders, toOrderRow } from './store.ts';
import { readEndpointSet } from './tuning-store.ts';

/**
 * Hands approvals to the signer and stores the orders that it makes of them. All approvals are checked
 * before the first is signed; what was signed before a refusal stays placed, since it cannot be unsaid. The
 * checks here keep people from mistakes; what keeps endpoints safe is the signer's own policy.
 */
export async function placeOrders(
  options: ResponseOptions,
  actor: Actor,
  approvals: readonly SignedApproval[],
): Promise<Result<PlacedOrders>> {
  const { store, clock, signer } = options;
  const read: { signed: SignedApproval; approval: Approval }[] = [];
  for (const signed of approvals) {
    const approval = parsePayload(Approval, signed.payload);
    if (!approval) return fail('approval_malformed');
    const objection = await checkApproval(options, actor, approval);
    if (objection) return objection;
    read.push({ signed, approval });
  }
  const placed: string[] = [];
  for (const { signed, approval } of read) {
    const answer = await signer.call('sign-order', { approval: signed });
    if (!answer.ok) return signerFailure(answer);
    const order = parsePayload(Order, answer.value.order.payload);
    if (order?.tenantId !== actor.tenantId || order.endpointId !== approval.endpointId) {
      throw new Error('the signer made an order that is not the one that was approved');
    }
    await storeOrder(options, actor, approval, order, answer.value.order);
    placed.push(order.orderId);
  }
  const rows = await selectOrders(store.read, actor.tenantId).where('orders.order_id', 'in', placed).execute();
  const now = clock.now();
  return succeed({
    orders: placed.flatMap((id) => rows.filter((row) => row.order_id === id).map((row) => toOrderRow(row, now))),
  });
}

async function checkApproval(
  { store, clock, rulePackExists }: ResponseOptions,
  { tenantId }: Actor,
  approval: Approval,
): Promise<Failure | undefined> {
  // An approval for another tenant's endpoint gets the answer of one that does not exist.
  if (approval.tenantId !== tenantId) return fail('not_found');
  const endpoint = await store.read
    .selectFrom('endpoints')
    .select('revoked_at')
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', approval.endpointId)
    .executeTakeFirst();
  if (!endpoint) return fail('not_found');
  if (endpoint.revoked_at !== null) return fail('endpoint_revoked');
  const used = await store.read
    .selectFrom('orders')
    .select('order_id')
    .where('tenant_id', '=', tenantId)
    .where('approval_id', '=', approval.approvalId)
    .executeTakeFirst();
  if (used) return fail('approval_duplicate');
  if (approval.action.kind === 'set-exclusions') {
    const set = await readExclusionSet(store.read, { tenantId, endpointId: approval.endpointId }, clock.now());
    if (approval.action.version !== set.nextVersion) return fail('exclusions_version');
  }
  if (approval.action.kind === 'set-rule-tunings') {
    const set = await readEndpointSet(store.read, { tenantId, endpointId: approval.endpointId }, clock.now());
    if (approval.action.version !== set.nextVersion) return fail('tunings_version');
  }
  if (approval.action.kind === 'set-rule-pack' && !(await rulePackExists(tenantId, approval.action))) {
    return fail('rule_pack_unknown');
  }
  return undefined;
}

async function storeOrder(
  options: ResponseOptions,
  actor: Actor,
  approval: Approval,
  order: Order,
  signed: SignedOrder,
): Promise<void> {
  const { tenantId } = actor;
  const { action, endpointId, orderId } = order;
  await options.store.write(async (tx) => {
    const row = await insertOrder(options, tx, order, signed, {
      approval_id: approval.approvalId,
      approver_key_id: approval.approverKeyId,
      ordered_by: actor.name,
      standing_id: null,
    });
    await options.audit.record(tx, {
      tenantId,
      actor: actor.name,
      action: `order.${action.kind}`,
      target: endpointId,
      detail: JSON.stringify({ orderId, approver: order.approver, counter: order.counter, ...summary(row, action) }),
    });
  });
}

type Ordering = Pick<OrdersTable, 'approval_id' | 'approver_key_id' | 'ordered_by' | 'standing_id'>;

/** Stores a signed order; its endpoint is told after the commit. */
export async function insertOrder(
  { bus }: ResponseOptions,
  tx: Tx,
  { tenantId, orderId, endpointId, action, counter, issuedAt, expiresAt }: Order,
  signed: SignedOrder,
  ordering: Ordering,
): Promise<OrdersTable> {
  const row: OrdersTable = {
    tenant_id: tenantId,
    order_id: orderId,
    endpoint_id: endpointId,
    kind: action.kind,
    action_json: JSON.stringify(action),
    state: 'waiting',
    code: null,
    counter,
    ordered_at: issuedAt,
    expires_at: expiresAt,
    ended_at: null,
    story_id: 'storyId' in action ? action.storyId : null,
    quarantine_id: 'quarantineId' in action ? action.quarantineId : null,
    exclusions_version: action.kind === 'set-exclusions' ? action.version : null,
    tunings_version: action.kind === 'set-rule-tunings' ? action.version : null,
    signed_payload: signed.payload,
    signature: signed.signature,
    ...ordering,
  };
  await tx.db.insertInto('orders').values(row).execute();
  tx.afterCommit(() => {
    bus.publish({ type: 'orders-waiting', tenantId, endpointId });
    bus.publish({ type: 'changed', tenantId, topic: 'orders', id: orderId });
  });
  return row;
}

function summary(row: OrdersTable, action: OrderAction): object {
  return {
    ...(action.kind === 'set-rule-tunings'
      ? {
          version: action.version,
          rules: action.tunings.map(({ ruleId, change, owner, expiresAt }) => ({ ruleId, change, owner, expiresAt })),
        }
      : {}),
    ...(action.kind === 'set-rule-pack'
      ? { sha256: action.sha256, name: action.name, packVersion: action.version }
      : {}),
    ...(row.story_id === null ? {} : { storyId: row.story_id }),
    ...(row.quarantine_id === null ? {} : { quarantineId: row.quarantine_id }),
    ...(row.exclusions_version === null ? {} : { version: row.exclusions_version }),
  };
}

/** Reads the JSON of a signed payload; nothing when it is not what the schema says. */
export function parsePayload<T>(
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
  payload: string,
): T | undefined {
  try {
    const result = schema.safeParse(JSON.parse(Buffer.from(payload, 'base64').toString('utf8')));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
