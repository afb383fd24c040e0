import {
  type ActionOutcome,
  Order,
  type OrderAction,
  type QuarantineItem,
  type SignedApproval,
} from '@yagura/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aStory } from '../../../../test/fakes/items.ts';
import { type Person, startTestConsole, type TestConsole } from '../../../../test/fakes/running-console.ts';
import { ROUTES } from '../../api/index.ts';
import type { BusMessage } from '../../platform/bus.ts';
import type { Origin } from '../fleet/api.ts';

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

const place = async (...approvals: SignedApproval[]) => person.call('placeOrders', { body: { approvals } });

async function order(action: OrderAction = { kind: 'test-detection' }) {
  const answer = await place(await person.approve(origin.endpointId, action));
  const [row] = ROUTES.placeOrders.response.parse(answer.json).orders;
  if (!row) throw new Error('no order');
  return row;
}

const orderRow = async (orderId: string) => {
  const list = ROUTES.listOrders.response.parse((await person.call('listOrders')).json);
  return list.items.find((item) => item.orderId === orderId);
};

function report(orderId: string, rest: Partial<ActionOutcome> = {}, at = origin): Promise<void> {
  const outcome: ActionOutcome = {
    actionId: orderId,
    orderId,
    kind: 'test-detection',
    origin: 'order',
    target: {},
    ok: true,
    code: 'done',
    startedAt: 1,
    endedAt: 2,
    ...rest,
  };
  return console_.domain.store.write((tx) =>
    console_.domain.response.applyOutcome(tx, at, outcome, console_.clock.now()),
  );
}

const item = (rest: Partial<QuarantineItem> = {}): QuarantineItem => ({
  quarantineId: 'q1',
  path: '/tmp/eicar.com',
  sha256: 'a'.repeat(64),
  size: 68,
  uid: 0,
  gid: 0,
  mode: 0o644,
  quarantinedAt: 5,
  state: 'held',
  ...rest,
});
const store = (held: QuarantineItem) =>
  console_.domain.store.write((tx) => console_.domain.response.applyQuarantineItem(tx, origin, held, 9));
const quarantine = async () => ROUTES.listQuarantine.response.parse((await person.call('listQuarantine')).json).items;

describe('placing orders', () => {
  test('[CM2] what a person approved becomes an order that the signer signed, for the gateway to fetch', async () => {
    const news: BusMessage[] = [];
    const stop = console_.domain.bus.subscribe((message) => news.push(message));
    const placed = await order();
    stop();
    expect(placed).toMatchObject({ state: 'waiting', orderedBy: 'admin', endpointName: 'pc' });
    expect(news).toContainEqual({ type: 'orders-waiting', ...origin });
    const [waiting] = await console_.domain.response.waitingOrders(origin);
    expect(waiting?.orderId).toBe(placed.orderId);
    const payload = Buffer.from(waiting?.order.payload ?? '', 'base64').toString();
    expect(Order.parse(JSON.parse(payload))).toMatchObject({
      ...origin,
      action: { kind: 'test-detection' },
      counter: 1,
    });
    const audit = await console_.domain.audit.page(origin.tenantId, { search: 'order.test-detection' });
    expect(audit.ok && audit.value.items).toMatchObject([{ actor: 'admin', target: origin.endpointId }]);
  });

  test('an approval is used once', async () => {
    const approval = await person.approve(origin.endpointId, { kind: 'test-detection' });
    expect(await place(approval)).toMatchObject({ status: 200 });
    expect(await place(approval)).toMatchObject({ status: 409, code: 'approval_duplicate' });
  });

  test('an approval whose bytes or signature were touched places nothing', async () => {
    const { payload, signature } = await person.approve(origin.endpointId, { kind: 'test-detection' });
    const changed = JSON.parse(Buffer.from(payload, 'base64').toString()) as Record<string, unknown>;
    const forged = Buffer.from(JSON.stringify({ ...changed, action: { kind: 'set-policy', mode: 'observe' } }));
    expect(await place({ payload: forged.toString('base64'), signature })).toMatchObject({
      status: 422,
      code: 'approval_signature',
    });
    expect(await place({ payload: 'AAAA', signature })).toMatchObject({ status: 400, code: 'approval_malformed' });
    expect(await console_.domain.response.waitingOrders(origin)).toEqual([]);
  });

  test('one bad approval among good ones places none', async () => {
    const good = await person.approve(origin.endpointId, { kind: 'test-detection' });
    const bad = await person.approve('ep_of_nobody', { kind: 'test-detection' });
    expect(await place(good, bad)).toMatchObject({ status: 404, code: 'not_found' });
    expect(await console_.domain.response.waitingOrders(origin)).toEqual([]);
    expect(await place(good)).toMatchObject({ status: 200 });
  });

  test('a revoked endpoint gets no orders, and without the signer nobody does', async () => {
    const approval = await person.approve(origin.endpointId, { kind: 'test-detection' });
    await console_.signer.stop();
    expect(await place(approval)).toMatchObject({ status: 503, code: 'signer_unavailable' });
    await console_.signer.restart();
    await person.call('revokeEndpoint', { params: { endpointId: origin.endpointId } });
    expect(await place(approval)).toMatchObject({ status: 409, code: 'endpoint_revoked' });
  });
});

describe("an order's way", () => {
  test('waiting, sent, received, done', async () => {
    const { response } = console_.domain;
    const { orderId } = await order();
    await response.ordersSent(origin, [orderId]);
    expect(await orderRow(orderId)).toMatchObject({ state: 'sent' });
    expect(await response.waitingOrders(origin)).toHaveLength(1);
    await response.orderReceived(origin, orderId, true, 'accepted');
    expect(await orderRow(orderId)).toMatchObject({ state: 'received' });
    expect(await response.waitingOrders(origin)).toEqual([]);
    await report(orderId);
    expect(await orderRow(orderId)).toMatchObject({ state: 'done', code: 'done', endedAt: console_.clock.now() });
    await report(orderId, { ok: false, code: 'io_error' });
    expect(await orderRow(orderId)).toMatchObject({ state: 'done' });
  });

  test('a refusal shows its own code', async () => {
    const { orderId } = await order();
    await console_.domain.response.orderReceived(origin, orderId, false, 'order_expired');
    expect(await orderRow(orderId)).toMatchObject({ state: 'refused', code: 'order_expired' });
    const other = await order();
    await report(other.orderId, { ok: false, code: 'refused', detail: 'order_foreign' });
    expect(await orderRow(other.orderId)).toMatchObject({ state: 'refused', code: 'order_foreign' });
  });

  test('[CM8] a step on the way does not end it', async () => {
    const { orderId } = await order({ kind: 'contain-story', storyId: 's' });
    await report(orderId, { actionId: 'act_1', kind: 'kill-tree' });
    expect(await orderRow(orderId)).toMatchObject({ state: 'waiting' });
    await report(orderId, { kind: 'contain-story', ok: false, code: 'process_gone' });
    expect(await orderRow(orderId)).toMatchObject({ state: 'failed', code: 'process_gone' });
  });

  test('what was not confirmed in time is expired and is not sent any more', async () => {
    const { orderId, expiresAt } = await order();
    console_.clock.time = expiresAt;
    expect(await orderRow(orderId)).toMatchObject({ state: 'expired' });
    expect(await console_.domain.response.waitingOrders(origin)).toEqual([]);
  });

  test('another endpoint says nothing about it', async () => {
    const other = await console_.enrol(person.actor.tenantId, 'other');
    const { orderId } = await order();
    await console_.domain.response.orderReceived(other, orderId, true, 'accepted');
    await report(orderId, {}, other);
    expect(await orderRow(orderId)).toMatchObject({ state: 'waiting' });
  });

  test('[CM4] waiting orders come by rising counter', async () => {
    const ids = [(await order()).orderId, (await order()).orderId, (await order()).orderId];
    expect((await console_.domain.response.waitingOrders(origin)).map((waiting) => waiting.orderId)).toEqual(ids);
  });
});

describe('quarantine', () => {
  test('is listed with its incident and follows the endpoint; what left the vault stays out', async () => {
    await console_.domain.store.write((tx) =>
      console_.domain.alerts.applyStory(tx, origin, aStory('s1', 1), { receivedAt: 1, clockOffsetMs: 0 }),
    );
    await store(item({ storyId: 's1' }));
    const [held] = await quarantine();
    expect(held).toMatchObject({ quarantineId: 'q1', state: 'held', endpointName: 'pc' });
    expect(held?.incidentId).toMatch(/^inc_/);
    await store(item({ storyId: 's1', state: 'restored' }));
    await store(item({ storyId: 's1', state: 'held' }));
    expect(await quarantine()).toMatchObject([{ state: 'restored' }]);
  });

  test('a restore that was ordered from an incident is shown there, and its outcome moves the file', async () => {
    await console_.domain.store.write((tx) =>
      console_.domain.alerts.applyStory(tx, origin, aStory('s1', 1), { receivedAt: 1, clockOffsetMs: 0 }),
    );
    await store(item({ storyId: 's1' }));
    const [held] = await quarantine();
    const { orderId } = await order({ kind: 'restore-file', quarantineId: 'q1' });
    await report(orderId, { kind: 'restore-file' });
    expect(await quarantine()).toMatchObject([{ state: 'restored' }]);
    const incident = await person.call('getIncident', { params: { incidentId: held?.incidentId ?? '' } });
    expect(incident.json).toMatchObject({ orders: [{ orderId, state: 'done' }] });
  });

  test('the same id on two endpoints is two files', async () => {
    const other = await console_.enrol(person.actor.tenantId, 'other');
    await store(item());
    await console_.domain.store.write((tx) => console_.domain.response.applyQuarantineItem(tx, other, item(), 9));
    const { orderId } = await order({ kind: 'delete-quarantined', quarantineId: 'q1' });
    await report(orderId, { kind: 'delete-quarantined' });
    const states = Object.fromEntries((await quarantine()).map((row) => [row.endpointName, row.state]));
    expect(states).toEqual({ other: 'held', pc: 'deleted' });
  });
});

describe('policy', () => {
  test('is shown once the endpoint has carried it out', async () => {
    const policy = async () => (await console_.domain.fleet.detail(origin.tenantId, origin.endpointId))?.policy;
    const { orderId } = await order({ kind: 'set-policy', mode: 'balanced' });
    expect(await policy()).toBe('observe');
    await report(orderId, { kind: 'set-policy' });
    expect(await policy()).toBe('balanced');
  });
});

describe('exclusions', () => {
  const plan = async (body: Record<string, unknown>) =>
    person.call('planExclusion', { body: { endpointId: origin.endpointId, ...body } });
  const add = (ruleId: string) =>
    plan({ change: 'add', match: { by: 'rule', ruleId }, reason: '業務で使うソフト', validDays: 30 });
  const actionOf = (answer: { json: unknown }): OrderAction => {
    const [planned] = ROUTES.planExclusion.response.parse(answer.json).actions;
    if (!planned) throw new Error('no action');
    return planned.action;
  };
  const listed = async () => ROUTES.listExclusions.response.parse((await person.call('listExclusions')).json).items;

  test('change nothing until the endpoint has accepted them', async () => {
    const action = actionOf(await add('r1'));
    expect(action).toMatchObject({ version: 1, exclusions: [{ owner: 'admin', match: { by: 'rule', ruleId: 'r1' } }] });
    const { orderId } = await order(action);
    expect(await listed()).toEqual([]);
    await report(orderId, { kind: 'set-exclusions' });
    expect(await listed()).toMatchObject([{ match: { ruleId: 'r1' }, endpointName: 'pc', reason: '業務で使うソフト' }]);
  });

  test('versions rise, and one that is on its way is built upon', async () => {
    await order(actionOf(await add('r1')));
    const second = actionOf(await add('r2'));
    expect(second).toMatchObject({
      version: 2,
      exclusions: [{ match: { ruleId: 'r1' } }, { match: { ruleId: 'r2' } }],
    });
    const { orderId } = await order(second);
    await report(orderId, { kind: 'set-exclusions' });
    const ids = (await listed()).map((row) => row.exclusionId);
    const end = actionOf(await plan({ change: 'end', exclusionId: ids[0] ?? '' }));
    expect(end).toMatchObject({ version: 3, exclusions: [{ exclusionId: ids[1] }] });
    expect(await plan({ change: 'end', exclusionId: 'exc_none' })).toMatchObject({ code: 'exclusion_unknown' });
  });

  test('two that were planned at the same time do not overwrite each other', async () => {
    const [mine, theirs] = [actionOf(await add('r1')), actionOf(await add('r2'))];
    await order(mine);
    expect(await place(await person.approve(origin.endpointId, theirs))).toMatchObject({
      status: 409,
      code: 'exclusions_version',
    });
  });

  test('one that the endpoint refused is not built upon, but its version is not used again', async () => {
    const { orderId } = await order(actionOf(await add('r1')));
    await console_.domain.response.orderReceived(origin, orderId, false, 'order_unsupported');
    expect(actionOf(await add('r2'))).toMatchObject({ version: 2, exclusions: [{ match: { ruleId: 'r2' } }] });
  });

  test('an older set that is reported late does not come back', async () => {
    const first = await order(actionOf(await add('r1')));
    const second = await order(actionOf(await add('r2')));
    await report(second.orderId, { kind: 'set-exclusions' });
    await report(first.orderId, { kind: 'set-exclusions' });
    expect(await listed()).toHaveLength(2);
  });

  test('end by themselves', async () => {
    const { orderId } = await order(actionOf(await add('r1')));
    await report(orderId, { kind: 'set-exclusions' });
    const [row] = await listed();
    // Sessions end before that; what counts is what the context says then.
    console_.clock.time = row?.expiresAt ?? 0;
    expect((await console_.domain.response.exclusions(origin.tenantId)).items).toEqual([]);
  });

  test('are proposed from an incident', async () => {
    await console_.domain.store.write((tx) =>
      console_.domain.alerts.applyStory(tx, origin, aStory('s1', 1), { receivedAt: 1, clockOffsetMs: 0 }),
    );
    const incidents = await console_.domain.alerts.page(origin.tenantId, {});
    const incidentId = incidents.ok ? (incidents.value.items[0]?.incidentId ?? '') : '';
    const answer = await person.call('exclusionProposals', { params: { incidentId } });
    expect(ROUTES.exclusionProposals.response.parse(answer.json).items.map((one) => one.match.by)).toEqual([
      'rule-path',
      'rule',
    ]);
  });
});
