import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ActionOutcome,
  ActionOutcome as ActionOutcomeSchema,
  APPROVAL_SIGNATURE_CONTEXT,
  type Exclusion,
  type Order,
  type SignedOrder,
} from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestOrderKey } from '../../../test/fakes/certificates.ts';
import { EPOCH_TIME } from '../../../test/fakes/items.ts';
import { aTuning } from '../../../test/fakes/rule-tunings.ts';
import { manualClock, seededRandom } from '../../../test/fakes/time.ts';
import {
  createOrderDesk,
  type EffectOrder,
  type OrderDesk,
  type OrderDeskOptions,
  type OrderedSettings,
} from './order-desk.ts';
import { verifyOrder } from './verify-order.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const key = createTestOrderKey();
const NOW = EPOCH_TIME;

function anOrder(overrides: Partial<Order> = {}): Order {
  return {
    orderId: 'order-1',
    tenantId: 'tenant-1',
    endpointId: 'endpoint-1',
    counter: 1,
    issuedAt: NOW - 1_000,
    expiresAt: NOW + HOUR,
    approver: 'user-1',
    action: { kind: 'restore-file', quarantineId: 'q-1' },
    ...overrides,
  };
}

const NOTHING_SET: OrderedSettings = {
  exclusionsVersion: 0,
  exclusions: [],
  tunings: { endpoint: { version: 0, list: [] }, tenant: { version: 0, list: [] } },
};

const judge = (signed: unknown, { lastCounter = 0, now = NOW } = {}) =>
  verifyOrder({ signed, orderKey: key.key, endpointId: 'endpoint-1', tenantId: 'tenant-1', lastCounter, now });
const signText = (text: string): SignedOrder => key.signBytes(Buffer.from(text));

describe('[CM3] verifying', () => {
  test('a good order is obeyed', () => {
    expect(judge(key.sign(anOrder()))).toEqual({ ok: true, order: anOrder() });
  });

  test('[CM1] one flipped bit anywhere in payload or signature', () => {
    const signed = key.sign(anOrder());
    const random = seededRandom(3);
    for (const part of ['payload', 'signature'] as const) {
      for (let round = 0; round < 200; round += 1) {
        const bytes = Buffer.from(signed[part], 'base64');
        const index = Math.floor(random.fraction() * bytes.length);
        bytes[index] = (bytes[index] ?? 0) ^ (1 << Math.floor(random.fraction() * 8));
        const forged = { ...signed, [part]: bytes.toString('base64') };
        expect(judge(forged), `${part} byte ${index}`).toEqual({ ok: false, code: 'order_signature' });
      }
    }
  });

  test('[CM1] another key, and a signature that was made for another purpose', () => {
    expect(judge(createTestOrderKey().sign(anOrder()))).toMatchObject({ code: 'order_signature' });
    const payload = Buffer.from(JSON.stringify(anOrder()));
    expect(judge(key.signBytes(payload, APPROVAL_SIGNATURE_CONTEXT))).toMatchObject({ code: 'order_signature' });
    expect(judge(key.signBytes(payload, ''))).toMatchObject({ code: 'order_signature' });
  });

  test('[CM1] nothing is parsed before the signature holds', () => {
    const parse = JSON.parse;
    let parsed = 0;
    JSON.parse = (...input: Parameters<typeof parse>) => {
      parsed += 1;
      return parse(...input);
    };
    try {
      judge(createTestOrderKey().sign(anOrder()));
      expect(parsed).toBe(0);
      judge(key.sign(anOrder()));
      expect(parsed).toBe(1);
    } finally {
      JSON.parse = parse;
    }
  });

  test.each([
    ['nothing', undefined],
    ['a string', 'order'],
    ['a short signature', { ...key.sign(anOrder()), signature: 'AAAA' }],
    ['an unknown key beside payload', { ...key.sign(anOrder()), extra: 1 }],
    [
      'base64 with another spelling',
      { ...key.sign(anOrder()), payload: `${key.sign(anOrder()).payload.replace(/=*$/, '')}====` },
    ],
    ['one that is huge', { ...key.sign(anOrder()), payload: 'A'.repeat(1_000_004) }],
  ])('%s is malformed', (_name, signed) => {
    expect(judge(signed)).toEqual({ ok: false, code: 'order_malformed' });
  });

  test.each([
    ['no JSON', '{'],
    ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')],
    ['an unknown key', JSON.stringify({ ...anOrder(), force: true })],
    ['__proto__ at the top', JSON.stringify(anOrder()).replace('{', '{"__proto__":{"x":1},')],
    ['__proto__ in the action', JSON.stringify(anOrder()).replace('"action":{', '"action":{"__proto__":{"x":1},')],
    [
      'an action with the arguments of another',
      JSON.stringify({ ...anOrder(), action: { kind: 'set-policy', quarantineId: 'q' } }),
    ],
    [
      'a path instead of an id',
      JSON.stringify({ ...anOrder(), action: { kind: 'restore-file', quarantineId: '../../etc/passwd' } }),
    ],
    ['deep nesting', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
  ])('signed %s is malformed', (_name, text) => {
    expect(judge(signText(text))).toEqual({ ok: false, code: 'order_malformed' });
  });

  test('an action that this build does not know is unsupported', () => {
    const text = JSON.stringify({ ...anOrder(), action: { kind: 'format-disk' } });
    expect(judge(signText(text))).toEqual({ ok: false, code: 'order_unsupported' });
  });

  test('another endpoint or tenant', () => {
    expect(judge(key.sign(anOrder({ endpointId: 'endpoint-2' })))).toMatchObject({ code: 'order_foreign' });
    expect(judge(key.sign(anOrder({ tenantId: 'tenant-2' })))).toMatchObject({ code: 'order_foreign' });
  });

  test('[CM9] expired, from the future, too long, or backwards', () => {
    const cases: Partial<Order>[] = [
      { expiresAt: NOW },
      { issuedAt: NOW + DAY + 1, expiresAt: NOW + DAY + HOUR },
      { issuedAt: NOW - 1, expiresAt: NOW + 30 * DAY },
      { issuedAt: NOW + 2 * HOUR, expiresAt: NOW + HOUR },
    ];
    const codes = cases
      .map((overrides) => judge(key.sign(anOrder(overrides))))
      .map((verdict) => !verdict.ok && verdict.code);
    expect(codes).toEqual(cases.map(() => 'order_expired'));
    expect(judge(key.sign(anOrder({ issuedAt: NOW + HOUR, expiresAt: NOW + 2 * HOUR })))).toMatchObject({ ok: true });
  });

  test('[CM4] a counter that is not above the last one', () => {
    expect(judge(key.sign(anOrder({ counter: 5 })), { lastCounter: 5 })).toMatchObject({ code: 'order_replayed' });
    expect(judge(key.sign(anOrder({ counter: 5 })), { lastCounter: 9 })).toMatchObject({ code: 'order_replayed' });
    expect(judge(key.sign(anOrder({ counter: 5 })), { lastCounter: 4 })).toMatchObject({ ok: true });
  });
});

let stateDir: string;
let executed: Order[];
let reported: ActionOutcome[];
let settings: OrderedSettings[];
const clock = manualClock(NOW);
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'yagura-orders-'));
  executed = [];
  reported = [];
  settings = [];
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

function done(order: Order): ActionOutcome {
  return {
    actionId: order.orderId,
    kind: order.action.kind,
    origin: 'order',
    orderId: order.orderId,
    target: {},
    ok: true,
    code: 'done',
    startedAt: NOW,
    endedAt: NOW,
  };
}

function deskOf(overrides: Partial<OrderDeskOptions> = {}): OrderDesk {
  const result = createOrderDesk({
    stateDir,
    endpointId: 'endpoint-1',
    tenantId: 'tenant-1',
    orderKey: key.raw,
    clock,
    log,
    execute: (order: EffectOrder) => {
      executed.push(order);
      return Promise.resolve(done(order));
    },
    report: (outcome) => void reported.push(ActionOutcomeSchema.parse(outcome)),
    onSettings: (changed) => void settings.push(changed),
    ...overrides,
  });
  if (!result.ok) throw new Error(result.code);
  return result.desk;
}

const exclusion: Exclusion = {
  exclusionId: 'x-1',
  match: { by: 'rule', ruleId: 'rule-1' },
  owner: 'user-1',
  reason: 'our backup',
  createdAt: NOW,
  expiresAt: NOW + DAY,
};

describe('the desk', () => {
  test('[CM8] carries an order out once and reports one outcome under its id', async () => {
    const desk = deskOf();
    expect(await desk.receive(key.sign(anOrder()), NOW)).toEqual({
      orderId: 'order-1',
      accepted: true,
      code: 'accepted',
    });
    await desk.idle();
    expect(executed).toEqual([anOrder()]);
    expect(reported).toEqual([
      expect.objectContaining({ actionId: 'order-1', orderId: 'order-1', origin: 'order', code: 'done' }),
    ]);
  });

  test('[CM11] a rule pack that downloads for long holds up no other order, and packs come one after another', async () => {
    const pack = { kind: 'set-rule-pack', sha256: 'a'.repeat(64), size: 1, name: 'rules' } as const;
    const downloads: (() => void)[] = [];
    const desk = deskOf({
      execute: async (order) => {
        executed.push(order);
        if (order.action.kind === 'set-rule-pack') await new Promise<void>((resolve) => downloads.push(resolve));
        return done(order);
      },
    });
    await desk.receive(key.sign(anOrder({ orderId: 'p1', counter: 1, action: { ...pack, version: '1' } })), NOW);
    await desk.receive(key.sign(anOrder({ orderId: 'p2', counter: 2, action: { ...pack, version: '2' } })), NOW);
    await desk.receive(
      key.sign(anOrder({ orderId: 'stop', counter: 3, action: { kind: 'contain-story', storyId: 's' } })),
      NOW,
    );
    await expect.poll(() => reported.map(({ actionId }) => actionId)).toEqual(['stop']);
    expect(executed.map(({ orderId }) => orderId)).toEqual(['p1', 'stop']);
    downloads.shift()?.();
    await expect.poll(() => downloads.length).toBe(1);
    downloads.shift()?.();
    await desk.idle();
    expect(reported.map(({ actionId }) => actionId)).toEqual(['stop', 'p1', 'p2']);
  });

  test('[CM6] the same bytes again are answered and do nothing, also after a restart and after expiry', async () => {
    const signed = key.sign(anOrder());
    const first = deskOf();
    await first.receive(signed, NOW);
    await first.idle();
    for (const desk of [first, deskOf()]) {
      expect(await desk.receive(signed, NOW)).toEqual({ orderId: 'order-1', accepted: true, code: 'already_received' });
      expect(await desk.receive(signed, NOW + 2 * HOUR)).toMatchObject({ accepted: true, code: 'already_received' });
      await desk.idle();
    }
    expect(executed).toHaveLength(1);
    expect(reported).toHaveLength(1);
  });

  test('[CM4] an order whose counter was overtaken is refused, also after a restart', async () => {
    await deskOf().receive(key.sign(anOrder({ counter: 7 })), NOW);
    const desk = deskOf();
    const rolledBack = key.sign(anOrder({ orderId: 'order-2', counter: 6 }));
    expect(await desk.receive(rolledBack, NOW)).toEqual({
      orderId: 'order-2',
      accepted: false,
      code: 'order_replayed',
    });
    expect(executed).toHaveLength(1);
  });

  test('[CM7] a refusal with a valid signature is also an outcome; without one nothing is read', async () => {
    const desk = deskOf();
    await desk.receive(key.sign(anOrder({ expiresAt: NOW - 1, issuedAt: NOW - HOUR })), NOW);
    expect(reported).toEqual([
      expect.objectContaining({ actionId: 'order-1', ok: false, code: 'refused', detail: 'order_expired' }),
    ]);
    const forged = createTestOrderKey().sign(anOrder({ orderId: 'order-9' }));
    expect(await desk.receive(forged, NOW)).toEqual({
      orderId: 'unverified',
      accepted: false,
      code: 'order_signature',
    });
    expect(reported).toHaveLength(1);
  });

  test('[CM10] policy and exclusions take effect at once and survive a restart', async () => {
    const desk = deskOf();
    await desk.receive(key.sign(anOrder({ action: { kind: 'set-policy', mode: 'observe' } })), NOW);
    const action = { kind: 'set-exclusions', version: 3, exclusions: [exclusion] } as const;
    await desk.receive(
      key.sign(anOrder({ orderId: 'order-2', counter: 2, action: { ...action, exclusions: [exclusion] } })),
      NOW,
    );
    const expected = { ...NOTHING_SET, policy: 'observe', exclusionsVersion: 3, exclusions: [exclusion] };
    expect(settings.at(-1)).toEqual(expected);
    expect(deskOf().settings()).toEqual(expected);
    expect(reported.map(({ code }) => code)).toEqual(['done', 'done']);
    expect(executed).toEqual([]);
  });

  test('[CM10] exclusions never go back to an older version', async () => {
    const desk = deskOf();
    const set = (counter: number, version: number) =>
      key.sign(
        anOrder({ orderId: `order-${counter}`, counter, action: { kind: 'set-exclusions', version, exclusions: [] } }),
      );
    await desk.receive(set(1, 5), NOW);
    await desk.receive(set(2, 4), NOW);
    expect(desk.settings().exclusionsVersion).toBe(5);
    expect(reported.map(({ code }) => code)).toEqual(['done', 'already_done']);
    expect(settings).toHaveLength(1);
  });

  const tune = (
    counter: number,
    version: number,
    tunings = [aTuning('a')],
    scope: 'endpoint' | 'tenant' = 'endpoint',
  ) =>
    key.sign(
      anOrder({
        orderId: `order-${counter}`,
        counter,
        action: { kind: 'set-rule-tunings', scope, version, tunings },
      }),
    );

  test('[CM13] tunings of both scopes take effect at once, survive a restart and never go back', async () => {
    const desk = deskOf();
    await desk.receive(tune(1, 5), NOW);
    await desk.receive(tune(2, 900, [aTuning('b')], 'tenant'), NOW);
    // An older set of one scope, and one whose number is high enough for the other scope only.
    await desk.receive(tune(3, 5, []), NOW);
    await desk.receive(tune(4, 899, [], 'tenant'), NOW);
    const expected = {
      ...NOTHING_SET,
      tunings: { endpoint: { version: 5, list: [aTuning('a')] }, tenant: { version: 900, list: [aTuning('b')] } },
    };
    expect(settings.at(-1)).toEqual(expected);
    expect(deskOf().settings()).toEqual(expected);
    expect(reported.map(({ code }) => code)).toEqual(['done', 'done', 'already_done', 'already_done']);
    expect(executed).toEqual([]);
  });

  test('[CM13] a set is refused whole that tunes a rule twice, for longer than a year, or is too large', async () => {
    const desk = deskOf();
    const day = 86_400_000;
    const sets = [
      [aTuning('a'), aTuning('a', { tuningId: 'other' })],
      [aTuning('a', { expiresAt: NOW + 367 * day, createdAt: NOW })],
      [aTuning('a', { expiresAt: NOW, createdAt: NOW })],
      Array.from({ length: 201 }, (_, index) => aTuning(`r${index}`)),
    ];
    for (const [index, set] of sets.entries()) {
      expect(await desk.receive(tune(index + 1, 1, set), NOW)).toMatchObject({ code: 'order_malformed' });
    }
    expect(settings).toEqual([]);
  });

  test('[CM15] what has ended is forgotten durably, its version is not', async () => {
    const desk = deskOf();
    await desk.receive(tune(1, 5, [aTuning('a'), aTuning('b', { expiresAt: NOW + 90 * DAY })]), NOW);
    const { expiresAt } = aTuning('a');
    desk.forgetEnded(expiresAt - 1);
    expect(settings).toHaveLength(1);
    desk.forgetEnded(expiresAt);
    const left = { version: 5, list: [aTuning('b', { expiresAt: NOW + 90 * DAY })] };
    expect(settings.at(-1)?.tunings.endpoint).toEqual(left);
    // The clock is set back and the agent restarted: nothing comes back, by itself or by the same order.
    const after = deskOf();
    expect(after.settings().tunings.endpoint).toEqual(left);
    expect(await after.receive(tune(1, 5, [aTuning('a')]), NOW)).toMatchObject({ code: 'order_replayed' });
    expect(await after.receive(tune(2, 5, [aTuning('a')]), NOW)).toMatchObject({ code: 'accepted' });
    expect(after.settings().tunings.endpoint).toEqual(left);
  });

  test('[CM15] the time that was seen outlives a restart, as long as something is there that ends', async () => {
    const desk = deskOf();
    desk.rememberTime(NOW + 5);
    expect(desk.timeSeen()).toBe(0);
    await desk.receive(tune(1, 1), NOW);
    desk.rememberTime(NOW + 5.5);
    expect(deskOf().timeSeen()).toBe(NOW + 5);
    // A console's time may be earlier than what a clock that was ahead said.
    desk.rememberTime(NOW + 3);
    expect(deskOf().timeSeen()).toBe(NOW + 3);
  });

  test('[CM9] the time never goes back behind an accepted order, whatever the console says', async () => {
    const desk = deskOf();
    await desk.receive(key.sign(anOrder()), NOW);
    const old = anOrder({ orderId: 'order-2', counter: 2, issuedAt: NOW - 3 * DAY, expiresAt: NOW - 2 * DAY });
    expect(await desk.receive(key.sign(old), NOW - 3 * DAY)).toMatchObject({ accepted: false, code: 'order_expired' });
  });

  test('an effect that throws is an outcome, and the next order is still obeyed', async () => {
    const desk = deskOf({
      execute: (order) => (order.counter === 1 ? Promise.reject(new Error('bug')) : Promise.resolve(done(order))),
    });
    await desk.receive(key.sign(anOrder()), NOW);
    await desk.receive(key.sign(anOrder({ orderId: 'order-2', counter: 2 })), NOW);
    await desk.idle();
    expect(reported.map(({ actionId, code }) => [actionId, code])).toEqual([
      ['order-1', 'interrupted'],
      ['order-2', 'done'],
    ]);
  });

  test('when the journal cannot be written nothing happens and nothing is used up', async () => {
    const desk = deskOf();
    rmSync(stateDir, { recursive: true });
    expect(await desk.receive(key.sign(anOrder()), NOW)).toMatchObject({ accepted: false, code: 'state_unwritable' });
    expect(executed).toEqual([]);
    expect(createOrderDeskAgain()).toMatchObject({ ok: true });
    const again = deskOf();
    expect(await again.receive(key.sign(anOrder()), NOW)).toMatchObject({ accepted: true });
  });

  test('a damaged journal is not forgotten: its counter guards the past', () => {
    writeFileSync(join(stateDir, 'orders.json'), '{"v":1}');
    expect(createOrderDeskAgain()).toMatchObject({ ok: false, code: 'orders_damaged' });
    expect(readFileSync(join(stateDir, 'orders.json'), 'utf8')).toBe('{"v":1}');
  });

  test('the journal stays small', async () => {
    const desk = deskOf();
    for (let counter = 1; counter <= 260; counter += 1)
      await desk.receive(key.sign(anOrder({ orderId: `order-${counter}`, counter })), NOW);
    await desk.idle();
    const { entries } = JSON.parse(readFileSync(join(stateDir, 'orders.json'), 'utf8')) as { entries: unknown[] };
    expect(entries).toHaveLength(200);
    expect(executed).toHaveLength(260);
  });
});

function createOrderDeskAgain() {
  const options = { stateDir, endpointId: 'endpoint-1', tenantId: 'tenant-1', orderKey: key.raw, clock, log };
  return createOrderDesk({
    ...options,
    execute: (order) => Promise.resolve(done(order)),
    report: () => undefined,
    onSettings: () => undefined,
  });
}

describe('[CM5] crashes', () => {
  /** A power cut inside the effect: what the process would have done afterwards never happens. */
  const never = (order: EffectOrder): Promise<ActionOutcome> => {
    executed.push(order);
    return new Promise(() => undefined);
  };

  test('during the effect: never carried out twice, reported as interrupted once', async () => {
    const before = deskOf({ execute: never });
    await before.receive(key.sign(anOrder()), NOW);
    const after = deskOf();
    after.reconcile([]);
    await after.receive(key.sign(anOrder()), NOW);
    await after.idle();
    expect(executed).toHaveLength(1);
    expect(reported).toEqual([
      expect.objectContaining({ actionId: 'order-1', ok: false, code: 'interrupted', target: { quarantineId: 'q-1' } }),
    ]);
    deskOf().reconcile([]);
    expect(reported).toHaveLength(1);
  });

  test("during the effect: what the responder's own journal knows is reported instead", async () => {
    const before = deskOf({ execute: never });
    await before.receive(key.sign(anOrder()), NOW);
    deskOf().reconcile([done(anOrder())]);
    expect(reported).toEqual([expect.objectContaining({ actionId: 'order-1', code: 'done' })]);
  });

  test('between the outcome and its report: the outcome is reported after the restart', async () => {
    let armed = true;
    const before = deskOf({
      report: () => {
        if (armed) throw new Error('power cut');
      },
    });
    await before.receive(key.sign(anOrder()), NOW);
    await expect(before.idle()).rejects.toThrow('power cut');
    armed = false;
    deskOf().reconcile([]);
    expect(reported).toEqual([expect.objectContaining({ actionId: 'order-1', code: 'done' })]);
    expect(executed).toHaveLength(1);
  });

  test('a machine that is enrolled anew begins anew', async () => {
    await deskOf().receive(key.sign(anOrder({ counter: 50, action: { kind: 'set-policy', mode: 'observe' } })), NOW);
    const desk = deskOf({ endpointId: 'endpoint-2' });
    expect(desk.settings()).toEqual(NOTHING_SET);
    expect(await desk.receive(key.sign(anOrder({ endpointId: 'endpoint-2' })), NOW)).toMatchObject({ accepted: true });
  });
});
