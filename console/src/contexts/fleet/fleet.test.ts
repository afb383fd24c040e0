import { createHash, X509Certificate } from 'node:crypto';
import { type Health, parseEnrolmentToken } from '@yagura/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Person, startTestConsole, type TestConsole } from '../../../../test/fakes/running-console.ts';
import { ENDPOINT_SORTS, ROUTES } from '../../api/index.ts';
import type { BusMessage } from '../../platform/bus.ts';
import type { Origin } from './api.ts';

let console_: TestConsole;
let tenants = 0;

beforeAll(async () => {
  console_ = await startTestConsole();
});
afterAll(() => console_[Symbol.asyncDispose]());

async function newCustomer(): Promise<Person> {
  tenants += 1;
  return console_.person(await console_.tenant(`customer ${tenants}`), 'admin');
}

const health = (rest: Partial<Health> = {}): Health => ({
  time: 1,
  agentVersion: '0.2.0',
  policy: 'balanced',
  sensors: [{ name: 'audit', state: 'active', events: 1, lost: 0 }],
  rules: { loaded: 30, rejected: 0 },
  spool: { alerts: 0, telemetry: 0, bytes: 0, shed: 0 },
  suppressed: 0,
  exclusionsVersion: 0,
  ...rest,
});

const facts = { hostname: 'host', platform: 'linux', agentVersion: '0.1.0' } as const;
const report = (origin: Origin, report_: Health) =>
  console_.domain.store.write((tx) => console_.domain.fleet.applyHealth(tx, origin, report_, console_.clock.now()));
const presence = () => new Promise((resolve) => setTimeout(resolve, 250));
const stateOf = async (origin: Origin) =>
  (await console_.domain.fleet.detail(origin.tenantId, origin.endpointId))?.state;

describe('enrolment tokens', () => {
  const consume = (secret: string, endpointId = console_.domain.fleet.newEndpointId()) =>
    console_.domain.store.write((tx) => console_.domain.fleet.consumeToken(tx, secret, { endpointId, ...facts }));

  async function newToken(person: Person, validHours = 1) {
    const answer = await person.call('createToken', { body: { label: '経理', validHours } });
    const created = ROUTES.createToken.response.parse(answer.json);
    const token = parseEnrolmentToken(created.token);
    if (!token) throw new Error('unreadable token');
    return { created, token };
  }

  test('[EN1] name the gateway and the fingerprints of the CA and the order key, and no tenant', async () => {
    const person = await newCustomer();
    const { created, token } = await newToken(person);
    const info = await console_.signer.client.call('info', {});
    if (!info.ok) throw new Error(info.code);
    const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    expect(token).toEqual({
      v: 1,
      gateway: `https://localhost:${console_.running.gatewayPort}`,
      secret: token.secret,
      ca: hash(new X509Certificate(info.value.ca).raw),
      orderKey: hash(Buffer.from(info.value.orderKey, 'base64')),
    });
    expect(created.command).toBe(`npx yagura-agent enroll --token ${created.token}`);
    const stored = await console_.domain.store.read.selectFrom('enrolment_tokens').selectAll().execute();
    expect(JSON.stringify(stored)).not.toContain(token.secret);
  });

  test('[EN6] are used once: of many that race, one endpoint and one seat', async () => {
    const person = await newCustomer();
    const { created, token } = await newToken(person);
    expect(await console_.domain.fleet.checkToken(token.secret)).toEqual({ ok: true, tenantId: person.actor.tenantId });
    const results = await Promise.all(Array.from({ length: 6 }, () => consume(token.secret)));
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    expect(results.filter((result) => !result.ok && result.code === 'token_used')).toHaveLength(5);
    const page = await console_.domain.fleet.page(person.actor.tenantId, {});
    expect(page.ok && page.value.summary.total).toBe(1);
    const month = await console_.domain.contracts.month(person.actor.tenantId, undefined);
    expect(month).toMatchObject({ totalYen: 2_000, seats: [{ amountYen: 2_000 }] });
    const { items } = await console_.domain.fleet.tokens(person.actor.tenantId);
    expect(items.find((item) => item.tokenId === created.tokenId)?.state).toBe('used');
    expect(await console_.domain.fleet.checkToken(token.secret)).toEqual({ ok: false, code: 'token_used' });
  });

  test('are burnt by nothing that was rolled back', async () => {
    const { token } = await newToken(await newCustomer());
    await expect(
      console_.domain.store.write(async (tx) => {
        await console_.domain.fleet.consumeToken(tx, token.secret, { endpointId: 'ep_rollback', ...facts });
        throw new Error('the signer is gone');
      }),
    ).rejects.toThrow('signer is gone');
    expect(await console_.domain.fleet.checkToken(token.secret)).toMatchObject({ ok: true });
  });

  test('expire and can be withdrawn', async () => {
    const person = await newCustomer();
    const expired = await newToken(person);
    const withdrawn = await newToken(person, 48);
    const { tokenId } = withdrawn.created;
    expect(await person.call('withdrawToken', { params: { tokenId } })).toMatchObject({ status: 204 });
    expect(await person.call('withdrawToken', { params: { tokenId } })).toMatchObject({ code: 'token_not_open' });
    expect(await consume(withdrawn.token.secret)).toEqual({ ok: false, code: 'token_unknown' });
    console_.clock.time += 3_600_000;
    expect(await consume(expired.token.secret)).toEqual({ ok: false, code: 'token_expired' });
    expect(await consume('never-made')).toEqual({ ok: false, code: 'token_unknown' });
  });

  test('cannot be made while the signer is away', async () => {
    const person = await newCustomer();
    await console_.signer.stop();
    expect(await person.call('createToken', { body: { label: '', validHours: 1 } })).toMatchObject({
      status: 503,
      code: 'signer_unavailable',
    });
    expect((await console_.domain.fleet.tokens(person.actor.tenantId)).items).toEqual([]);
    await console_.signer.restart();
  });
});

describe('states', () => {
  test('follow session, health and revocation', async () => {
    const person = await newCustomer();
    const origin = await console_.enrol(person.actor.tenantId, 'pc');
    const { fleet } = console_.domain;
    expect(await stateOf(origin)).toBe('offline');
    fleet.sessionOpened(origin, { ...facts, hostname: 'renamed-pc' });
    await presence();
    expect(await stateOf(origin)).toBe('degraded');
    await report(origin, health());
    expect(await stateOf(origin)).toBe('watching');
    await report(origin, health({ sensors: [{ name: 'audit', state: 'blind', events: 0, lost: 9 }] }));
    expect(await stateOf(origin)).toBe('degraded');
    const detail = await fleet.detail(origin.tenantId, origin.endpointId);
    expect(detail).toMatchObject({ hostname: 'renamed-pc', policy: 'balanced', agentVersion: '0.2.0' });
    fleet.sessionClosed(origin);
    await presence();
    expect(await stateOf(origin)).toBe('offline');
  });

  test('a session that overlaps the one before it keeps the endpoint live', async () => {
    const origin = await console_.enrol((await newCustomer()).actor.tenantId, 'pc');
    const { fleet } = console_.domain;
    fleet.sessionOpened(origin, facts);
    fleet.sessionOpened(origin, facts);
    fleet.sessionClosed(origin);
    await presence();
    expect(await stateOf(origin)).not.toBe('offline');
    fleet.sessionClosed(origin);
    await presence();
    expect(await stateOf(origin)).toBe('offline');
  });

  test('a console that starts again knows of no sessions', async () => {
    const origin = await console_.enrol((await newCustomer()).actor.tenantId, 'pc');
    console_.domain.fleet.sessionOpened(origin, facts);
    await presence();
    await console_.domain.fleet.resetPresence();
    expect(await stateOf(origin)).toBe('offline');
  });

  test('health that only counted is no news for browsers', async () => {
    const origin = await console_.enrol((await newCustomer()).actor.tenantId, 'pc');
    const news: BusMessage[] = [];
    await report(origin, health());
    const stop = console_.domain.bus.subscribe((message) => news.push(message));
    await report(origin, health({ spool: { alerts: 0, telemetry: 5, bytes: 9, shed: 0 } }));
    expect(news).toEqual([]);
    await report(origin, health({ policy: 'observe' }));
    stop();
    expect(news).toEqual([{ type: 'changed', tenantId: origin.tenantId, topic: 'endpoints', id: origin.endpointId }]);
  });
});

describe('revocation', () => {
  test('[EN11] ends certificate, session and seat at once, and is written down once', async () => {
    const person = await newCustomer();
    const origin = await console_.enrol(person.actor.tenantId, 'lost-laptop');
    const { fleet, store } = console_.domain;
    const { serial } = await store.read
      .selectFrom('certificates')
      .select('serial')
      .where('endpoint_id', '=', origin.endpointId)
      .executeTakeFirstOrThrow();
    expect(await fleet.certificateStanding(origin, serial)).toBe('valid');
    expect(await fleet.certificateStanding({ ...origin, tenantId: 'ten_other' }, serial)).toBe('unknown');
    expect(await fleet.certificateStanding({ ...origin, endpointId: 'ep_other' }, serial)).toBe('unknown');
    expect(await fleet.certificateStanding(origin, 'ff')).toBe('unknown');

    const news: BusMessage[] = [];
    const stop = console_.domain.bus.subscribe((message) => news.push(message));
    const params = { endpointId: origin.endpointId };
    expect(await person.call('revokeEndpoint', { params })).toMatchObject({ status: 200, json: { state: 'revoked' } });
    expect(await person.call('revokeEndpoint', { params })).toMatchObject({ status: 200, json: { state: 'revoked' } });
    stop();
    expect(news.filter((message) => message.type === 'endpoint-revoked')).toEqual([
      { type: 'endpoint-revoked', ...origin },
    ]);
    expect(await fleet.certificateStanding(origin, serial)).toBe('revoked');
    expect(await console_.domain.contracts.seatStartedAt(origin.tenantId, origin.endpointId)).toBeUndefined();
    const audit = await console_.domain.audit.page(origin.tenantId, { search: 'endpoint.revoke' });
    expect(audit.ok && audit.value.items).toMatchObject([{ actor: 'admin', target: origin.endpointId }]);
  });

  test('also covers a certificate that was issued at the same moment', async () => {
    const person = await newCustomer();
    const origin = await console_.enrol(person.actor.tenantId, 'pc');
    await person.call('revokeEndpoint', { params: { endpointId: origin.endpointId } });
    await console_.domain.store.write((tx) =>
      console_.domain.fleet.recordCertificate(tx, origin, { serial: 'abc123', notAfter: 9e12 }),
    );
    expect(await console_.domain.fleet.certificateStanding(origin, 'abc123')).toBe('revoked');
  });
});

describe('the list', () => {
  let person: Person;
  const COUNT = 45;

  beforeAll(async () => {
    person = await newCustomer();
    for (let index = 0; index < COUNT; index += 1) {
      console_.clock.time += 1_000;
      const origin = await console_.enrol(person.actor.tenantId, `pc-${index % 7}`);
      if (index % 3 === 0) await report(origin, health({ agentVersion: `0.${index}.0` }));
    }
  });

  test.each(ENDPOINT_SORTS.flatMap((sort) => [sort, `-${sort}`]))(
    'by %s comes in pages that together are the whole, each endpoint once',
    async (sort) => {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const query = { sort, limit: '10', ...(cursor === undefined ? {} : { cursor }) };
        const answer = await person.call('listEndpoints', { query });
        const page = ROUTES.listEndpoints.response.parse(answer.json);
        seen.push(...page.items.map((item) => item.endpointId));
        cursor = page.next;
      } while (cursor !== undefined);
      expect(seen).toHaveLength(COUNT);
      expect(new Set(seen).size).toBe(COUNT);
    },
  );

  test('stays whole when endpoints come and go between pages', async () => {
    const first = ROUTES.listEndpoints.response.parse(
      (await person.call('listEndpoints', { query: { sort: 'enrolledAt', limit: '20' } })).json,
    );
    const gone = first.items[3];
    await person.call('renameEndpoint', {
      params: { endpointId: gone?.endpointId ?? '' },
      body: { displayName: 'ZZZ' },
    });
    await console_.enrol(person.actor.tenantId, 'late');
    const rest = ROUTES.listEndpoints.response.parse(
      (await person.call('listEndpoints', { query: { sort: 'enrolledAt', limit: '1000', cursor: first.next ?? '' } }))
        .json,
    );
    const all = [...first.items, ...rest.items].map((item) => item.endpointId);
    expect(new Set(all).size).toBe(COUNT + 1);
    expect(all).toHaveLength(COUNT + 1);
  });

  test('finds by name, host name and state', async () => {
    const find = async (query: Record<string, string>) =>
      ROUTES.listEndpoints.response.parse(
        (await person.call('listEndpoints', { query: { limit: '1000', ...query } })).json,
      );
    expect((await find({ search: 'PC-3' })).items.every((item) => item.hostname === 'pc-3')).toBe(true);
    expect((await find({ search: 'zzz' })).items).toHaveLength(1);
    expect((await find({ state: 'revoked' })).items).toEqual([]);
    const offline = await find({ state: 'offline' });
    expect(offline.items).toHaveLength(COUNT + 1);
    expect(offline.summary).toMatchObject({ total: COUNT + 1, offline: COUNT + 1 });
  });
});
