import { setTimeout as delay } from 'node:timers/promises';
import type { SignedOrder } from '@yagura/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import type { WaitingOrder } from '../contexts/response/api.ts';
import { createLog } from '../platform/log.ts';
import { OrderDelivery } from './order-delivery.ts';

const origin = { tenantId: 'ten_1', endpointId: 'ep_1' };
let waiting: WaitingOrder[];
let sent: string[];
let answered: string[];
let failing: boolean;

function orderOf(id: string): WaitingOrder {
  return { orderId: id, order: { payload: id, signature: 'x' } };
}

function delivery(answerTimeoutMs = 10_000): OrderDelivery {
  return new OrderDelivery({
    origin,
    response: {
      waitingOrders: async () => {
        if (failing) throw new Error('no database');
        return [...waiting];
      },
      ordersSent: async () => undefined,
      orderReceived: async (_origin, orderId, accepted, code) => {
        answered.push(`${orderId} ${accepted} ${code}`);
        if (code !== 'state_unwritable') waiting = waiting.filter((order) => order.orderId !== orderId);
      },
    },
    send: (order: SignedOrder) => sent.push(order.payload) > 0,
    answerTimeoutMs,
    log: createLog('test', 'silent'),
  });
}

beforeEach(() => {
  waiting = [orderOf('o1'), orderOf('o2')];
  sent = [];
  answered = [];
  failing = false;
});

describe('order delivery', () => {
  test('[CM4] sends the next order only after the answer to the one before', async () => {
    const orders = delivery();
    orders.poke();
    orders.poke();
    await delay(5);
    expect(sent).toEqual(['o1']);
    await orders.received('o1', true, 'accepted');
    await delay(5);
    expect(sent).toEqual(['o1', 'o2']);
    await orders.received('o2', true, 'accepted');
    waiting.push(orderOf('o3'));
    orders.poke();
    await delay(5);
    expect(sent).toEqual(['o1', 'o2', 'o3']);
    orders.stop();
  });

  test('[CM7] takes an answer without an id for the order that is under way', async () => {
    const orders = delivery();
    await orders.received('unverified', false, 'order_signature');
    expect(answered).toEqual([]);
    orders.poke();
    await delay(5);
    await orders.received('unverified', false, 'order_signature');
    await delay(5);
    expect(answered).toEqual(['o1 false order_signature']);
    expect(sent).toEqual(['o1', 'o2']);
    orders.stop();
  });

  test('[CM6] [CM7] sends again what was not answered or could not be journalled', async () => {
    const orders = delivery(30);
    orders.poke();
    await delay(5);
    await orders.received('o1', false, 'state_unwritable');
    expect(sent).toEqual(['o1']);
    await delay(40);
    expect(sent).toEqual(['o1', 'o1']);
    await delay(35);
    expect(sent.length).toBeGreaterThan(2);
    expect(new Set(sent)).toEqual(new Set(['o1']));
    orders.stop();
    const before = sent.length;
    await delay(50);
    expect(sent.length).toBe(before);
  });

  test('survives a database that is away', async () => {
    const orders = delivery();
    failing = true;
    orders.poke();
    await delay(5);
    failing = false;
    orders.poke();
    await delay(5);
    expect(sent).toEqual(['o1']);
    orders.stop();
  });
});
