import type { ActionOutcome } from '@yagura/protocol';
import type { OrderState } from '../../../api/incidents.ts';

/** States from which an endpoint's confirmation or an outcome is still expected. */
export const UNCONFIRMED_STATES = ['waiting', 'sent'] as const satisfies readonly OrderState[];
const PENDING: ReadonlySet<OrderState> = new Set(['waiting', 'sent', 'received']);

export interface OrderStanding {
  readonly state: OrderState;
  readonly expiresAt: number;
}

/**
 * The state that people see: an order that nobody confirmed in time was not carried out, since endpoints
 * refuse what has expired.
 */
export function shownState({ state, expiresAt }: OrderStanding, now: number): OrderState {
  return (state === 'waiting' || state === 'sent') && expiresAt <= now ? 'expired' : state;
}

/**
 * After the endpoint's `order-received` (SPEC CM7). `state_unwritable` uses nothing up: the order is sent
 * again with the endpoint's next session.
 */
export function afterConfirmation(state: OrderState, accepted: boolean, code: string): OrderState {
  if (state !== 'waiting' && state !== 'sent') return state;
  if (accepted) return 'received';
  return code === 'state_unwritable' ? 'waiting' : 'refused';
}

/** After the outcome of the order's own action. The first outcome is final (SPEC CM8). */
export function afterOutcome(state: OrderState, outcome: Pick<ActionOutcome, 'ok' | 'code'>): OrderState {
  if (!PENDING.has(state)) return state;
  if (outcome.ok) return 'done';
  return outcome.code === 'refused' ? 'refused' : 'failed';
}
