import { expect, test } from 'vitest';
import type { OrderRow } from '../../../api/index.ts';
import { ASKED_SINGLY, followOrders, type OrderSource } from './follow-orders.ts';

const order = (number: number, state: OrderRow['state'] = 'sent'): OrderRow => ({
  orderId: `order-${number}`,
  endpointId: `endpoint-${number}`,
  endpointName: 'pc',
  action: { kind: 'test-detection' },
  state,
  orderedBy: 'admin',
  orderedAt: number,
  expiresAt: number + 1,
});
const orders = (count: number) => Array.from({ length: count }, (_, number) => order(number));

/** A console that lists `listed` and knows every order as done; it notes what it was asked singly. */
function sourceOf(listed: readonly OrderRow[]): OrderSource & { readonly asked: string[]; lists: number } {
  const source = {
    asked: [] as string[],
    lists: 0,
    newest: () => {
      source.lists += 1;
      return Promise.resolve(listed);
    },
    one: (orderId: string) => {
      source.asked.push(orderId);
      return Promise.resolve(order(Number(orderId.slice('order-'.length)), 'received'));
    },
  };
  return source;
}

test('orders in the list cost no question of their own', async () => {
  const source = sourceOf(orders(50).map((row) => ({ ...row, state: 'done' })));
  const followed = await followOrders(orders(50), source);
  expect(followed.map((row) => row.state)).toEqual(orders(50).map(() => 'done'));
  expect(source.asked).toEqual([]);
});

test('an order that others have pushed out of the list is asked for by its id', async () => {
  const source = sourceOf([order(7, 'done')]);
  expect(await followOrders([order(1)], source)).toEqual([order(1, 'received')]);
  expect(source.asked).toEqual(['order-1']);
});

test('however many are out of the list, each has its turn and none is lost', async () => {
  const source = sourceOf([]);
  let followed: readonly OrderRow[] = orders(ASKED_SINGLY * 3 - 5);
  const sizes: number[] = [];
  for (let round = 0; round < 3; round++) {
    const before = source.asked.length;
    followed = await followOrders(followed, source);
    sizes.push(source.asked.length - before);
  }
  expect(sizes).toEqual([ASKED_SINGLY, ASKED_SINGLY, ASKED_SINGLY]);
  expect(new Set(source.asked).size).toBe(ASKED_SINGLY * 3 - 5);
  expect(new Set(followed.map((row) => row.orderId)).size).toBe(ASKED_SINGLY * 3 - 5);
});

test('what has ended is not asked about again', async () => {
  const source = sourceOf([]);
  expect(await followOrders([order(1, 'failed'), order(2, 'done')], source)).toHaveLength(2);
  expect(source.lists).toBe(0);
  await followOrders([order(1, 'failed'), order(2)], source);
  expect(source.asked).toEqual(['order-2']);
});
