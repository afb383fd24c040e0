import { type ActionOutcome, type Health, Order, type OrderAction, type TenantOrderAction } from '@yagura/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { aHealth } from '../../../../test/fakes/items.ts';
import { type Person, startTestConsole, type TestConsole } from '../../../../test/fakes/running-console.ts';
import { type PlanRuleTuning, ROUTES } from '../../api/index.ts';
import type { Origin } from '../fleet/api.ts';

const DAY = 86_400_000;
const MIMIKATZ = 'rule-mimikatz';
let console_: TestConsole;
let person: Person;
let origin: Origin;
let customers = 0;

beforeAll(async () => {
  console_ = await startTestConsole();
});
afterAll(() => console_[Symbol.asyncDispose]());
beforeEach(async () => {
  customers += 1;
  person = await console_.person(await console_.tenant(`customer ${customers}`), 'admin');
  origin = await console_.enrol(person.actor.tenantId, 'pc');
});

type Target = PlanRuleTuning['target'];
const TENANT: Target = { scope: 'tenant' };
const here = (): Target => ({ scope: 'endpoints', endpointIds: [origin.endpointId] });
const plan = (target: Target, ruleId = MIMIKATZ, validDays = 30, by = person) =>
  by.call('planRuleTuning', {
    body: {
      change: 'add',
      target,
      ruleId,
      ruleTitle: 'Mimikatz',
      to: { kind: 'disable' },
      reason: 'the auditors test us',
      validDays,
    },
  });
const planned = async (target: Target, ruleId = MIMIKATZ) =>
  ROUTES.planRuleTuning.response.parse((await plan(target, ruleId)).json);
const planEnd = async (target: Target, tuningId: string) =>
  person.call('planRuleTuning', { body: { change: 'end', target, tuningId } });

async function tenantAction(ruleId = MIMIKATZ): Promise<TenantOrderAction> {
  const { tenantAction: action } = await planned(TENANT, ruleId);
  if (!action) throw new Error('nothing for the tenant');
  return action;
}

const placeStanding = async (action: TenantOrderAction, by = person) =>
  by.call('placeStandingOrder', { body: { approval: await person.approveForTenant(action) } });
async function standing(action: TenantOrderAction) {
  return ROUTES.placeStandingOrder.response.parse((await placeStanding(action)).json);
}
const list = async (by = person) => ROUTES.listRuleTunings.response.parse((await by.call('listRuleTunings')).json);

async function placeOwn(action: OrderAction, at = origin): Promise<string> {
  const body = { approvals: [await person.approve(at.endpointId, action)] };
  const [row] = ROUTES.placeOrders.response.parse((await person.call('placeOrders', { body })).json).orders;
  if (!row) throw new Error('no order');
  return row.orderId;
}

/** What the endpoint would get now; the console has orders made while it is asked. */
async function waitingFor(at: Origin): Promise<Order | undefined> {
  const read = async () => {
    const [waiting] = await console_.domain.response.waitingOrders(at);
    if (!waiting) throw new Error('nothing waits');
    return Order.parse(JSON.parse(Buffer.from(waiting.order.payload, 'base64').toString()));
  };
  return vi.waitFor(read, { timeout: 10_000, interval: 5 });
}

async function report(order: Pick<Order, 'orderId'>, rest: Partial<ActionOutcome> = {}, at = origin): Promise<void> {
  const { orderId } = order;
  const outcome: ActionOutcome = {
    actionId: orderId,
    orderId,
    kind: 'set-rule-tunings',
    origin: 'order',
    target: {},
    ok: true,
    code: 'done',
    startedAt: 1,
    endedAt: 2,
    ...rest,
  };
  await console_.domain.store.write((tx) => console_.domain.response.applyOutcome(tx, at, outcome, 9));
}

const sayHealth = (change: Partial<Health>, at = origin) =>
  console_.domain.store.write((tx) => console_.domain.fleet.applyHealth(tx, at, { ...aHealth(), ...change }, 1));

describe('for single endpoints', () => {
  test('[CM13] is planned with the person as its owner, and in force when the endpoint took it', async () => {
    const { actions, tenantAction: none } = await planned(here());
    expect(none).toBeUndefined();
    const [first] = actions;
    if (first?.action.kind !== 'set-rule-tunings') throw new Error('no tunings');
    expect(first).toMatchObject({
      endpointId: origin.endpointId,
      action: { scope: 'endpoint', version: 1, tunings: [{ ruleId: MIMIKATZ, owner: 'admin' }] },
    });
    const [tuning] = first.action.tunings;
    expect(tuning && tuning.expiresAt - tuning.createdAt).toBe(30 * DAY);
    const orderId = await placeOwn(first.action);
    expect((await list()).items).toEqual([]);
    await report({ orderId });
    expect((await list()).items).toMatchObject([
      { ruleId: MIMIKATZ, endpoint: { endpointId: origin.endpointId, name: 'pc' }, matches: 0 },
    ]);
    const audit = await console_.domain.audit.page(origin.tenantId, { search: 'order.set-rule-tunings' });
    expect(audit.ok && audit.value.items[0]).toMatchObject({ actor: 'admin', target: origin.endpointId });
    expect(audit.ok && audit.value.items[0]?.detail).toContain(MIMIKATZ);

    const ended = ROUTES.planRuleTuning.response.parse((await planEnd(here(), tuning?.tuningId ?? '')).json);
    expect(ended.actions).toMatchObject([{ action: { version: 2, tunings: [] } }]);
    await report({ orderId: await placeOwn(ended.actions[0]?.action ?? { kind: 'test-detection' }) });
    expect((await list()).items).toEqual([]);
    expect(await planEnd(here(), tuning?.tuningId ?? '')).toMatchObject({ code: 'tuning_unknown' });
  });

  test('a second tuning of the rule takes the first one’s place, and a set is placed only as planned', async () => {
    const first = (await planned(here())).actions[0]?.action;
    if (first?.kind !== 'set-rule-tunings') throw new Error('no tunings');
    await placeOwn(first);
    const body = { approvals: [await person.approve(origin.endpointId, first)] };
    expect(await person.call('placeOrders', { body })).toMatchObject({ status: 409, code: 'tunings_version' });
    const [again] = (await planned(here())).actions;
    expect(again?.action).toMatchObject({ version: 2, tunings: [{ ruleId: MIMIKATZ }] });
    const [other] = (await planned(here(), 'rule-b')).actions;
    expect(other?.action).toMatchObject({ tunings: [{ ruleId: MIMIKATZ }, { ruleId: 'rule-b' }] });
  });

  test('several at once, each with a set of its own', async () => {
    const second = await console_.enrol(origin.tenantId, 'server');
    const { actions } = await planned({ scope: 'endpoints', endpointIds: [origin.endpointId, second.endpointId] });
    expect(actions.map(({ endpointId }) => endpointId)).toEqual([origin.endpointId, second.endpointId]);
  });

  test.each([0, 366, 1.5])('%s days are refused', async (days) => {
    expect(await plan(here(), MIMIKATZ, days)).toMatchObject({ status: 400 });
  });

  test('not for endpoints of others, revoked ones, or by viewers', async () => {
    const others = await console_.enrol(await console_.tenant('elsewhere'), 'theirs');
    expect(await plan({ scope: 'endpoints', endpointIds: [others.endpointId] })).toMatchObject({ status: 404 });
    const viewer = await console_.person(origin.tenantId, 'viewer', 'viewer');
    expect(await plan(here(), MIMIKATZ, 30, viewer)).toMatchObject({ status: 403 });
    await console_.domain.store.write((tx) =>
      console_.domain.fleet.revokeIn(tx, { tenantId: origin.tenantId, name: 'admin' }, origin.endpointId),
    );
    expect(await plan(here())).toMatchObject({ code: 'endpoint_revoked' });
  });
});

describe('for the whole tenant', () => {
  test('[CM14] every endpoint gets an order of its own, also one that is enrolled later', async () => {
    const row = await standing(await tenantAction());
    expect(row.progress).toEqual({ endpoints: 1, done: 0, failed: 0 });
    const order = await waitingFor(origin);
    if (!order) throw new Error('no order');
    expect(order).toMatchObject({ ...origin, action: { scope: 'tenant', tunings: [{ ruleId: MIMIKATZ }] } });
    await report(order);
    const late = await console_.enrol(origin.tenantId, 'new pc');
    const forLate = await waitingFor(late);
    expect(forLate).toMatchObject({ ...late, counter: 1, action: order.action });
    const standingId = row.standingId;
    const now = await person.call('getStandingOrder', { params: { standingId } });
    expect(now.json).toMatchObject({ progress: { endpoints: 2, done: 1, failed: 0 } });
    expect((await list()).items).toMatchObject([{ ruleId: MIMIKATZ, progress: { endpoints: 2, done: 1 } }]);
    // It is one thing that a person did: not one line for each endpoint.
    expect(ROUTES.listOrders.response.parse((await person.call('listOrders')).json).items).toEqual([]);
    const audit = await console_.domain.audit.page(origin.tenantId, { search: 'tenant-order' });
    expect(audit.ok && audit.value.items).toMatchObject([
      { actor: 'admin', action: 'tenant-order.set-rule-tunings', target: standingId },
    ]);
  });

  test('an endpoint that has its order gets no second one, but for one that was lost on the way', async () => {
    await standing(await tenantAction());
    const first = await waitingFor(origin);
    if (!first) throw new Error('no order');
    await console_.domain.response.orderReceived(origin, first.orderId, true, 'accepted');
    await report(first);
    const other = await console_.enrol(origin.tenantId, 'other');
    const lost = await waitingFor(other);
    if (!lost) throw new Error('no order');
    await console_.domain.response.orderReceived(other, lost.orderId, false, 'order_replayed');
    expect(await waitingFor(other)).toMatchObject({ counter: lost.counter + 1 });
    expect(await console_.domain.response.waitingOrders(origin)).toEqual([]);
  });

  test('the newer set replaces the older one, also on its way', async () => {
    await standing(await tenantAction());
    const first = await waitingFor(origin);
    const row = await standing(await tenantAction('rule-b'));
    const second = await vi.waitFor(async () => {
      const waiting = await waitingFor(origin);
      expect(waiting?.orderId).not.toBe(first?.orderId);
      return waiting;
    });
    expect(second?.action).toMatchObject({ tunings: [{ ruleId: MIMIKATZ }, { ruleId: 'rule-b' }] });
    expect(row.action).toEqual(second?.action);
  });

  test('is refused when the sets have changed since, for another tenant, and by viewers', async () => {
    const action = await tenantAction();
    await standing(action);
    expect(await placeStanding(action)).toMatchObject({ status: 409, code: 'tunings_version' });
    const { kind, ...rest } = await tenantAction();
    if (kind !== 'set-rule-tunings') throw new Error(kind);
    const viewer = await console_.person(origin.tenantId, 'viewer', 'viewer');
    expect(await placeStanding({ kind, ...rest } as TenantOrderAction, viewer)).toMatchObject({ status: 403 });
    const foreigner = await console_.person(await console_.tenant('foreign'), 'admin');
    expect(await placeStanding({ kind, ...rest } as TenantOrderAction, foreigner)).toMatchObject({ status: 404 });
    const forOne = await person.approve(origin.endpointId, { kind: 'test-detection' });
    expect(await person.call('placeStandingOrder', { body: { approval: forOne } })).toMatchObject({
      code: 'approval_malformed',
    });
  });

  test('a pack that nobody uploaded is not given to anybody', async () => {
    const pack = { kind: 'set-rule-pack', sha256: 'a'.repeat(64), size: 9, name: 'p', version: '1' } as const;
    expect(await placeStanding(pack)).toMatchObject({ status: 409, code: 'rule_pack_unknown' });
    expect((await standing({ kind: 'clear-rule-pack' })).action).toEqual({ kind: 'clear-rule-pack' });
    expect(await waitingFor(origin)).toMatchObject({ action: { kind: 'clear-rule-pack' } });
  });
});

test('[CM13] what tunings took out is shown beside them, and rules that endpoints suspended are named', async () => {
  await standing(await tenantAction());
  const order = await waitingFor(origin);
  if (order?.action.kind !== 'set-rule-tunings') throw new Error('no tunings');
  const tuningId = order.action.tunings[0]?.tuningId ?? '';
  const other = await console_.enrol(origin.tenantId, 'server');
  const now = console_.clock.now();
  const counted = (count: number) => ({
    tunings: { endpointVersion: 0, tenantVersion: 1, inForce: 1, matches: [{ tuningId, count }] },
  });
  const slow = { ruleId: 'slow', title: 'Slow rule', since: now - 5_000, until: now + 60_000, times: 2 };
  const over = { ...slow, ruleId: 'over', until: now };
  await sayHealth({ ...counted(3), rules: { loaded: 1, rejected: 0, suspended: [over, slow] } });
  await sayHealth(counted(4), other);
  const shown = await list();
  expect(shown.items).toMatchObject([{ tuningId, matches: 7 }]);
  expect(shown.suspended).toEqual([{ ...slow, endpointId: origin.endpointId, endpointName: 'pc' }]);
  expect(shown.endpoints.map(({ name }) => name)).toEqual(['pc', 'server']);
  const stranger = await console_.person(await console_.tenant('strangers'), 'admin');
  expect(await list(stranger)).toEqual({ items: [], suspended: [], endpoints: [] });
});
