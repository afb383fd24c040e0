import type { OrderRow, OrderState } from '../../../api/index.ts';

const FINAL: ReadonlySet<OrderState> = new Set(['done', 'failed', 'refused', 'expired']);
/** Orders asked about one by one in a round; the rest has its turn in the next. */
export const ASKED_SINGLY = 20;

export function isFinal(order: Pick<OrderRow, 'state'>): boolean {
  return FINAL.has(order.state);
}

/** Where the news of orders comes from. */
export interface OrderSource {
  /** The newest orders of the company, whoever placed them. */
  readonly newest: () => Promise<readonly OrderRow[]>;
  readonly one: (orderId: string) => Promise<OrderRow>;
}

/**
 * How `orders` stand now. One question about the newest answers for most of them; those that others' orders
 * have pushed out of that list are asked about one by one, those first that were asked about longest ago. The
 * result is in the order of the next round: pass it in again. Rejects with what the source rejects with.
 */
export async function followOrders(orders: readonly OrderRow[], source: OrderSource): Promise<OrderRow[]> {
  if (orders.every(isFinal)) return [...orders];
  const listed = new Map((await source.newest()).map((row) => [row.orderId, row]));
  const missed = orders.filter((row) => !isFinal(row) && !listed.has(row.orderId)).slice(0, ASKED_SINGLY);
  const asked = await Promise.all(missed.map((row) => source.one(row.orderId)));
  const answered = new Map(asked.map((row) => [row.orderId, row]));
  const waiting = orders.filter((row) => !answered.has(row.orderId));
  return [...waiting.map((row) => listed.get(row.orderId) ?? row), ...answered.values()];
}
