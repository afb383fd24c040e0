import { type ActionOutcome, ORDER_REFUSALS, OrderAction, type QuarantineItem } from '@yagura/protocol';
import type { OrdersTable } from '../../store/schema.ts';
import type { Tx } from '../../store/store.ts';
import type { Origin } from '../fleet/api.ts';
import { afterOutcome } from './domain/order-state.ts';
import { clearOlderSet } from './endpoint-set.ts';
import type { ResponseOptions } from './response.ts';

/**
 * Enters what became of an action. An order's state follows the outcome whose action is the order itself (SPEC
 * CM8); the steps that it took on the way (a contained story freezes, kills and quarantines) are stored and
 * shown, no more.
 */
export async function applyOutcome(
  options: ResponseOptions,
  tx: Tx,
  origin: Origin,
  outcome: ActionOutcome,
  receivedAt: number,
): Promise<void> {
  const { tenantId, endpointId } = origin;
  await tx.db
    .insertInto('outcomes')
    .values({
      tenant_id: tenantId,
      endpoint_id: endpointId,
      action_id: outcome.actionId,
      order_id: outcome.orderId ?? null,
      story_id: outcome.storyId ?? null,
      received_at: receivedAt,
      outcome_json: JSON.stringify(outcome),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  if (outcome.origin !== 'order') return;
  const order = await findOrder(tx, origin, outcome.actionId);
  if (!order) return;
  const state = afterOutcome(order.state, outcome);
  if (state === order.state) return;
  await setOrderState(options, tx, order, { state, code: codeOf(outcome), ended_at: receivedAt });
  if (state === 'done') await applyEffect(options, tx, origin, OrderAction.parse(JSON.parse(order.action_json)));
}

/** A refusal's own code travels as the outcome's detail (SPEC CM7); only known codes are taken from there. */
function codeOf({ code, detail }: ActionOutcome): string {
  return code === 'refused' ? (ORDER_REFUSALS.find((refusal) => refusal === detail) ?? code) : code;
}

/** The order, if it was placed for exactly this endpoint: what others report about it counts for nothing. */
export async function findOrder(
  tx: Tx,
  { tenantId, endpointId }: Origin,
  orderId: string,
): Promise<OrdersTable | undefined> {
  return tx.db
    .selectFrom('orders')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .where('order_id', '=', orderId)
    .executeTakeFirst();
}

export async function setOrderState(
  { bus }: ResponseOptions,
  tx: Tx,
  order: OrdersTable,
  change: Partial<Pick<OrdersTable, 'state' | 'code' | 'ended_at'>>,
): Promise<void> {
  const { tenant_id: tenantId, order_id: orderId } = order;
  await tx.db
    .updateTable('orders')
    .set(change)
    .where('tenant_id', '=', tenantId)
    .where('order_id', '=', orderId)
    .execute();
  tx.afterCommit(() => bus.publish({ type: 'changed', tenantId, topic: 'orders', id: orderId }));
}

/** What a carried-out order means for what the console shows. */
async function applyEffect(options: ResponseOptions, tx: Tx, origin: Origin, action: OrderAction): Promise<void> {
  switch (action.kind) {
    case 'set-exclusions':
      return replaceExclusions(options, tx, origin, action);
    case 'set-rule-tunings':
      return replaceTunings(options, tx, origin, action);
    case 'set-policy':
      return options.fleet.applyPolicy(tx, origin, action.mode);
    case 'restore-file':
      return endQuarantine(options, tx, origin, action.quarantineId, 'restored');
    case 'delete-quarantined':
      return endQuarantine(options, tx, origin, action.quarantineId, 'deleted');
    case 'contain-story':
    case 'test-detection':
    // Which pack is in force is for the endpoint's health to say.
    case 'set-rule-pack':
    case 'clear-rule-pack':
      return undefined;
  }
}

async function replaceExclusions(
  { bus }: ResponseOptions,
  tx: Tx,
  { tenantId, endpointId }: Origin,
  { version, exclusions }: Extract<OrderAction, { kind: 'set-exclusions' }>,
): Promise<void> {
  if (!(await clearOlderSet(tx, 'exclusions', { tenantId, endpointId }, version))) return;
  const rows = new Map(
    exclusions.map((exclusion) => [
      exclusion.exclusionId,
      {
        tenant_id: tenantId,
        endpoint_id: endpointId,
        exclusion_id: exclusion.exclusionId,
        version,
        expires_at: exclusion.expiresAt,
        exclusion_json: JSON.stringify(exclusion),
      },
    ]),
  );
  for (const row of rows.values()) await tx.db.insertInto('exclusions').values(row).execute();
  tx.afterCommit(() => bus.publish({ type: 'changed', tenantId, topic: 'exclusions', id: endpointId }));
}

/** The endpoint's own set; what holds for the tenant stands with the standing order. */
async function replaceTunings(
  { bus }: ResponseOptions,
  tx: Tx,
  { tenantId, endpointId }: Origin,
  { scope, version, tunings }: Extract<OrderAction, { kind: 'set-rule-tunings' }>,
): Promise<void> {
  tx.afterCommit(() => bus.publish({ type: 'changed', tenantId, topic: 'rule-tunings', id: endpointId }));
  if (scope === 'tenant') return;
  if (!(await clearOlderSet(tx, 'rule_tunings', { tenantId, endpointId }, version))) return;
  const rows = new Map(
    tunings.map((tuning) => [
      tuning.tuningId,
      {
        tenant_id: tenantId,
        endpoint_id: endpointId,
        tuning_id: tuning.tuningId,
        version,
        expires_at: tuning.expiresAt,
        tuning_json: JSON.stringify(tuning),
      },
    ]),
  );
  for (const row of rows.values()) await tx.db.insertInto('rule_tunings').values(row).execute();
}

async function endQuarantine(
  { bus }: ResponseOptions,
  tx: Tx,
  { tenantId, endpointId }: Origin,
  quarantineId: string,
  state: 'restored' | 'deleted',
): Promise<void> {
  await tx.db
    .updateTable('quarantine_items')
    .set({ state })
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .where('quarantine_id', '=', quarantineId)
    .where('state', '=', 'held')
    .execute();
  tx.afterCommit(() => bus.publish({ type: 'changed', tenantId, topic: 'quarantine', id: quarantineId }));
}

/** Enters what the vault holds. A file that left the vault does not come back under the same id. */
export async function applyQuarantineItem(
  { bus }: ResponseOptions,
  tx: Tx,
  { tenantId, endpointId }: Origin,
  item: QuarantineItem,
  receivedAt: number,
): Promise<void> {
  const { quarantineId } = item;
  const known = await tx.db
    .selectFrom('quarantine_items')
    .select('state')
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .where('quarantine_id', '=', quarantineId)
    .executeTakeFirst();
  if (known && known.state !== 'held') return;
  const facts = {
    story_id: item.storyId ?? null,
    path: item.path,
    sha256: item.sha256,
    state: item.state,
    quarantined_at: item.quarantinedAt,
    updated_at: receivedAt,
    item_json: JSON.stringify(item),
  };
  await tx.db
    .insertInto('quarantine_items')
    .values({ tenant_id: tenantId, endpoint_id: endpointId, quarantine_id: quarantineId, ...facts })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'endpoint_id', 'quarantine_id']).doUpdateSet(facts))
    .execute();
  tx.afterCommit(() => bus.publish({ type: 'changed', tenantId, topic: 'quarantine', id: quarantineId }));
}
