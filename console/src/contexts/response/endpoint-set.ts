import { OrderAction } from '@yagura/protocol';
import type { OrdersTable } from '../../store/schema.ts';
import type { Tx } from '../../store/store.ts';
import type { Origin } from '../fleet/api.ts';
import { shownState } from './domain/order-state.ts';

/** Sets of settings that an order replaces as a whole, each with one version for the endpoint. */
type SetTable = 'exclusions' | 'rule_tunings';

/** Makes room for the set of this version; false when the endpoint has a newer one, which stays. */
export async function clearOlderSet(
  tx: Tx,
  table: SetTable,
  { tenantId, endpointId }: Origin,
  version: number,
): Promise<boolean> {
  const newer = await tx.db
    .selectFrom(table)
    .select('version')
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .where('version', '>', version)
    .limit(1)
    .executeTakeFirst();
  if (newer) return false;
  await tx.db.deleteFrom(table).where('tenant_id', '=', tenantId).where('endpoint_id', '=', endpointId).execute();
  return true;
}

/** What the newest order says that may still be carried out or was; `orders` has the newest first. */
export function standingAction(
  orders: readonly Pick<OrdersTable, 'state' | 'expires_at' | 'action_json'>[],
  now: number,
): OrderAction | undefined {
  const standing = orders.find((row) => {
    const state = shownState({ state: row.state, expiresAt: row.expires_at }, now);
    return state === 'waiting' || state === 'sent' || state === 'received' || state === 'done';
  });
  return standing && OrderAction.parse(JSON.parse(standing.action_json));
}
