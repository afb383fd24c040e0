import { Readable } from 'node:stream';
import { ErrorBody, type OrderAction } from '@yagura/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aStory } from '../../../test/fakes/items.ts';
import { linuxRule, packOf } from '../../../test/fakes/rule-pack.ts';
import {
  type Answer,
  type CallOptions,
  type Person,
  startTestConsole,
  type TestConsole,
} from '../../../test/fakes/running-console.ts';
import { ROUTES, type RouteContract, type RouteName } from '../api/routes.ts';

/**
 * Calls every operation of the interface as everybody: nobody, a viewer, and an administrator of another
 * customer with this customer's ids. Made from ROUTES, so that a new operation is tested or fails here.
 */
let console_: TestConsole;
let owner: Person;
let viewer: Person;
let foreigner: Person;
let ids: Record<
  'endpointId' | 'incidentId' | 'orderId' | 'ruleId' | 'seatId' | 'sha256' | 'standingId' | 'tokenId',
  string
>;

const NAMES = Object.keys(ROUTES) as RouteName[];
const contract = (name: RouteName): RouteContract => ROUTES[name];
const MARK = 'visible-to-its-owner-only';
const TEST_DETECTION: OrderAction = { kind: 'test-detection' };

beforeAll(async () => {
  console_ = await startTestConsole();
  const { domain } = console_;
  const tenantId = await console_.tenant(`${MARK}-tenant`);
  owner = await console_.person(tenantId, `${MARK}-admin`);
  viewer = await console_.person(tenantId, `${MARK}-viewer`, 'viewer');
  foreigner = await console_.person(await console_.tenant('other'), 'other');
  const origin = await console_.enrol(tenantId, `${MARK}-host`);
  const receivedAt = console_.clock.now();
  await domain.store.write(async (tx) => {
    await domain.alerts.applyStory(tx, origin, aStory(`${MARK}-story`, 1), { receivedAt, clockOffsetMs: 0 });
    await domain.response.applyQuarantineItem(
      tx,
      origin,
      {
        quarantineId: `${MARK}-q`,
        path: `/tmp/${MARK}`,
        sha256: 'a'.repeat(64),
        size: 1,
        uid: 0,
        gid: 0,
        mode: 0o644,
        quarantinedAt: 1,
        state: 'held',
      },
      receivedAt,
    );
  });
  await domain.store.write((tx) =>
    domain.inventories.apply(
      tx,
      origin,
      { time: 1, present: [{ category: 'software', key: MARK, facts: { name: MARK } }], gone: [] },
      { epoch: 'e', sequence: 1, receivedAt },
    ),
  );
  const [incident] = await domain.alerts.page(tenantId, {}).then((page) => (page.ok ? page.value.items : []));
  const [seat] = (await domain.contracts.month(tenantId, undefined)).seats;
  const token = await domain.fleet.createToken(owner.actor, { label: `${MARK}-token`, validHours: 1 });
  const approval = await owner.approve(origin.endpointId, TEST_DETECTION);
  const placed = await domain.response.place(owner.actor, [approval]);
  const pack = packOf(`${MARK}-pack`, '1', linuxRule('x'));
  await domain.rulePacks.add(owner.actor, Readable.from([pack.bytes]));
  const standing = await domain.response.placeStanding(
    owner.actor,
    await owner.approveForTenant({ kind: 'clear-rule-pack' }),
  );
  ids = {
    ruleId: 'runs-x',
    standingId: (standing.ok && standing.value.standingId) || '',
    sha256: pack.reference.sha256,
    endpointId: origin.endpointId,
    incidentId: incident?.incidentId ?? '',
    orderId: (placed.ok && placed.value.orders[0]?.orderId) || '',
    seatId: seat?.seatId ?? '',
    tokenId: token.ok ? token.value.tokenId : '',
  };
  if (Object.values(ids).includes('')) throw new Error('something to protect is missing');
});
afterAll(() => console_[Symbol.asyncDispose]());

/** A valid body for each operation that takes one: what is refused is refused for who asks, not for its form. */
/** Operations whose bodies name something of the owner's. */
const NAMING: ReadonlySet<RouteName> = new Set([
  'planExclusion',
  'planRuleTuning',
  'placeOrders',
  'placeStandingOrder',
]);

async function bodyOf(name: RouteName, person: Person): Promise<unknown> {
  const bodies: Partial<Record<RouteName, unknown>> = {
    signIn: { secret: 'x'.repeat(43) },
    registerApprover: { publicKey: 'AAAA', mac: 'AAAA' },
    renameEndpoint: { displayName: 'taken over' },
    closeIncident: { resolution: 'handled', note: '' },
    planExclusion: {
      change: 'add',
      endpointId: ids.endpointId,
      match: { by: 'rule', ruleId: 'r' },
      reason: 'x',
      validDays: 1,
    },
    planRuleTuning: {
      change: 'add',
      target: { scope: 'endpoints', endpointIds: [ids.endpointId] },
      ruleId: 'r',
      ruleTitle: 'R',
      to: { kind: 'disable' },
      reason: 'x',
      validDays: 1,
    },
    ...(name === 'placeStandingOrder'
      ? { placeStandingOrder: { approval: await owner.approveForTenant({ kind: 'clear-rule-pack' }) } }
      : {}),
    createToken: { label: 'x', validHours: 1 },
    ...(name === 'placeOrders'
      ? { placeOrders: { approvals: [await person.approve(ids.endpointId, TEST_DETECTION)] } }
      : {}),
  };
  return bodies[name];
}

async function callAs(name: RouteName, person: Person, params: Record<string, string> = ids): Promise<Answer> {
  const body = await bodyOf(name, person);
  const options: CallOptions = { params, ...(body === undefined ? {} : { body }) };
  return person.call(name, options);
}

test('each operation that takes a body is called with one', async () => {
  for (const name of NAMES) {
    expect((await bodyOf(name, owner)) !== undefined, name).toBe(contract(name).body !== undefined);
  }
});

describe.each(NAMES.filter((name) => contract(name).role !== 'none'))('%s', (name) => {
  test('is refused without a session, and with one that is none', async () => {
    const body = await bodyOf(name, owner);
    const options: CallOptions = { params: ids, ...(body === undefined ? {} : { body }) };
    expect(await console_.call(name, options)).toMatchObject({ status: 401, code: 'unauthenticated' });
    const headers = { cookie: `yagura=${'A'.repeat(43)}` };
    expect(await console_.call(name, { ...options, headers })).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  if (contract(name).role === 'admin')
    test('is refused to a viewer, whether the thing exists or not', async () => {
      const body = await bodyOf(name, owner);
      for (const params of [ids, {}]) {
        const answer = await viewer.call(name, { params, ...(body === undefined ? {} : { body }) });
        expect(answer).toMatchObject({ status: 403, code: 'forbidden' });
      }
    });

  if (contract(name).method !== 'GET')
    test('is refused when it comes from another page or from none', async () => {
      const body = await bodyOf(name, owner);
      for (const origin of ['https://evil.example', 'null', `${console_.running.publicUrl}.evil.example`, '']) {
        const answer = await owner.call(name, {
          params: ids,
          headers: { origin },
          ...(body === undefined ? {} : { body }),
        });
        expect(answer, origin).toMatchObject({ status: 403, code: 'origin_refused' });
      }
    });

  test("shows a foreigner nothing of the owner's, and answers as if it were not there", async () => {
    if (name === 'signOut') return;
    const answer = await callAs(name, foreigner);
    expect(answer.text).not.toContain(MARK);
    const named = /:/.test(contract(name).path) || NAMING.has(name);
    if (!named) return;
    expect(answer).toMatchObject({ status: 404, code: 'not_found' });
    const unknown = Object.fromEntries(Object.keys(ids).map((key) => [key, 'nothing_of_this_name']));
    const missing = /:/.test(contract(name).path) ? await callAs(name, foreigner, unknown) : answer;
    expect([missing.status, missing.text]).toEqual([answer.status, answer.text]);
  });
});

test('nothing that the foreigner tried had an effect', async () => {
  const { tenantId } = owner.actor;
  const endpoint = await console_.domain.fleet.detail(tenantId, ids.endpointId);
  expect(endpoint).toMatchObject({ displayName: `${MARK}-host`, state: 'offline', openIncidents: 1 });
  const orders = await console_.domain.response.orders(tenantId, {});
  expect(orders.ok && orders.value.items).toMatchObject([{ orderId: ids.orderId, orderedBy: owner.actor.name }]);
  const tokens = await console_.domain.fleet.tokens(tenantId);
  expect(tokens.items.find((token) => token.tokenId === ids.tokenId)?.state).toBe('open');
});

test('an approval that names the foreign endpoint in the own tenant places nothing', async () => {
  const approval = await foreigner.approve(ids.endpointId, TEST_DETECTION);
  const answer = await foreigner.call('placeOrders', { body: { approvals: [approval] } });
  expect(answer).toMatchObject({ status: 404, code: 'not_found' });
});

test('the owner is answered by every operation with what its schema says', async () => {
  const last: ReadonlySet<RouteName> = new Set(['removeRulePack', 'revokeEndpoint', 'endSeat', 'signOut']);
  const order = [
    ...NAMES.filter((name) => !last.has(name)),
    'removeRulePack',
    'revokeEndpoint',
    'endSeat',
    'signOut',
  ] as const;
  const statuses: Record<string, number> = {};
  for (const name of order) {
    const answer = await callAs(name, owner);
    statuses[name] = answer.status;
    if (answer.status >= 400) expect(ErrorBody.safeParse(answer.json).success, name).toBe(true);
    else if (contract(name).response) {
      const parsed = contract(name).response?.safeParse(answer.json);
      expect(parsed?.success, `${name}: ${answer.text.slice(0, 300)}`).toBe(true);
    }
  }
  expect(statuses).toMatchObject({
    signIn: 401,
    registerApprover: 422,
    getEndpoint: 200,
    getEndpointInventory: 200,
    renameEndpoint: 200,
    getIncident: 200,
    closeIncident: 200,
    reopenIncident: 200,
    exclusionProposals: 200,
    planExclusion: 200,
    planRuleTuning: 200,
    getRule: 200,
    listRuleTunings: 200,
    placeStandingOrder: 200,
    getStandingOrder: 200,
    placeOrders: 200,
    getOrder: 200,
    withdrawToken: 204,
    revokeEndpoint: 200,
    endSeat: 409,
    signOut: 204,
  });
});
