import type { OrderState } from '../../../api/incidents.ts';

/** States from which an endpoint's confirmation or an outcome is still expected. */
export const UNCONFIRMED_STATES = ['waiting', 'sent'] as const satisfies readonly OrderState[];
const PENDING: readonly OrderState[] = ['waiting', 'sent', 'received'];

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
 * After the endpoint's `order-received`. An order that reached it twice is refused the second time as
 * `order_replayed`: that it knows the order is all that this says.
 */
export function afterConfirmation(state: OrderState, accepted: boolean, code: string): OrderState {
  if (state !== 'waiting' && state !== 'sent') return state;
  return accepted || code === 'order_replayed' ? 'received' : 'refused';
}

/** After the outcome of the order's own action. The first outcome is final. */
export function afterOutcome(state: OrderState, ok: boolean): OrderState {
  if (!PENDING.includes(state)) return state;
  return ok ? 'done' : 'failed';
}
