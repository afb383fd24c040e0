import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enrolPeer, enrolRequestOf, hangUp, openSession, postEnrol } from '../../../test/fakes/agent-peer.ts';
import { type RunningGateway, startGateway } from '../../../test/fakes/running-gateway.ts';
import { createKeyAndRequest, type RunningSigner, startSigner } from '../../../test/fakes/running-signer.ts';
import { createLog } from '../platform/log.ts';
import { Enrolment } from './enrolment.ts';

const HOUR_MS = 3_600_000;
let signer: RunningSigner;
let running: RunningGateway;
let tenantId: string;
let port: number;

beforeAll(async () => {
  signer = await startSigner();
  const enrolPerAddress = { perMinute: 60_000, burst: 60_000, maxKeys: 10 };
  running = await startGateway({ signer: signer.client, clock: signer.clock, limits: { enrolPerAddress } });
  tenantId = await running.createTenant('Hinode');
  port = running.gateway.port;
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  await signer[Symbol.asyncDispose]();
});

async function endpoints(): Promise<number> {
  return (await running.store.read.selectFrom('endpoints').select('endpoint_id').execute()).length;
}

describe('enrolment', () => {
  test('[EN6] a token makes one endpoint with one seat; the tenant is the token’s', async () => {
    const token = await running.createToken(tenantId);
    const state = await enrolPeer(port, token);
    expect(state.origin.tenantId).toBe(tenantId);
    const seats = await running.store.read
      .selectFrom('seats')
      .select('endpoint_id')
      .where('endpoint_id', '=', state.origin.endpointId)
      .execute();
    expect(seats.length).toBe(1);
    const { csr } = await createKeyAndRequest();
    expect(await postEnrol(port, enrolRequestOf(token, csr))).toEqual({ status: 409, code: 'token_used' });
    const other = await running.createTenant('Other');
    const foreign = await enrolPeer(port, await running.createToken(other));
    expect(foreign.origin.tenantId).toBe(other);
    await hangUp(await openSession(port, foreign));
  });

  test('[EN6] the identical request gets the same answer for ten minutes, then none', async () => {
    const token = await running.createToken(tenantId);
    const { csr } = await createKeyAndRequest();
    const body = enrolRequestOf(token, csr);
    const [first, second] = await Promise.all([postEnrol(port, body), postEnrol(port, body)]);
    expect(first.status).toBe(200);
    expect(second).toEqual(first);
    expect(await postEnrol(port, body)).toEqual(first);
    signer.clock.time += 600_000;
    expect(await postEnrol(port, body)).toEqual({ status: 409, code: 'token_used' });
  });

  test('[EN6] of two keys that race for a token one wins', async () => {
    const token = await running.createToken(tenantId);
    const before = await endpoints();
    const requests = await Promise.all(Array.from({ length: 6 }, () => createKeyAndRequest()));
    const answers = await Promise.all(requests.map(({ csr }) => postEnrol(port, enrolRequestOf(token, csr))));
    expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([200, 409, 409, 409, 409, 409]);
    expect(await endpoints()).toBe(before + 1);
  });

  test('[EN4] unknown, expired and malformed requests each have their code', async () => {
    const { csr } = await createKeyAndRequest();
    const good = { secret: 'x'.repeat(43), csr, hostname: 'h', platform: 'linux', agentVersion: '1' };
    expect(await postEnrol(port, good)).toEqual({ status: 404, code: 'token_unknown' });
    const expired = await running.createToken(tenantId, 1);
    signer.clock.time += HOUR_MS + 1;
    expect(await postEnrol(port, enrolRequestOf(expired, csr))).toEqual({ status: 410, code: 'token_expired' });
    const malformed = { status: 400, code: 'request_malformed' };
    expect(await postEnrol(port, { ...good, tenantId })).toEqual(malformed);
    expect(await postEnrol(port, '{"__proto__":{"secret":"x"}}')).toEqual(malformed);
    expect(await postEnrol(port, '{')).toEqual(malformed);
    expect(await postEnrol(port, good, 'text/plain')).toEqual(malformed);
    expect(await postEnrol(port, { ...good, hostname: 'x'.repeat(40_000) })).toEqual({
      status: 413,
      code: 'request_too_large',
    });
  });

  test('[EN5] a bad request for a certificate, and a signer that is away, leave the token open', async () => {
    const token = await running.createToken(tenantId);
    expect(await postEnrol(port, enrolRequestOf(token, 'no request'))).toEqual({ status: 400, code: 'csr_invalid' });
    await signer.stop();
    const { csr } = await createKeyAndRequest();
    expect(await postEnrol(port, enrolRequestOf(token, csr))).toEqual({ status: 503, code: 'signer_unavailable' });
    await signer.restart();
    expect((await postEnrol(port, enrolRequestOf(token, csr))).status).toBe(200);
  });

  test('[LI4] one address may not try without end', async () => {
    await using narrow = await startGateway({
      signer: signer.client,
      clock: signer.clock,
      limits: { enrolPerAddress: { perMinute: 1, burst: 3, maxKeys: 10 } },
    });
    const codes = [];
    for (let index = 0; index < 5; index += 1) codes.push((await postEnrol(narrow.gateway.port, {})).code);
    expect(codes).toEqual([
      'request_malformed',
      'request_malformed',
      'request_malformed',
      'rate_limited',
      'rate_limited',
    ]);
  });

  test('[LI4] all addresses of one IPv6 network are one, and an IPv4 address is itself in either form', () => {
    const enrolment = new Enrolment({
      store: running.store,
      fleet: running.fleet,
      signer: signer.client,
      authority: '',
      orderKey: '',
      clock: signer.clock,
      log: createLog('test', 'silent'),
      limits: { enrolPerAddress: { perMinute: 1, burst: 2, maxKeys: 10 } },
    });
    const own = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:2:3:4:5:6'];
    expect(own.map((address) => enrolment.admits(address))).toEqual([true, true, false]);
    expect(enrolment.admits('2001:db8:1:3::1')).toBe(true);
    const mapped = ['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1'];
    expect(mapped.map((address) => enrolment.admits(address))).toEqual([true, true, false]);
  });

  test('hostile names are stored as they are and break nothing', async () => {
    const { csr } = await createKeyAndRequest();
    const hostname = '=HYPERLINK("x")<img onerror=1>\u202e\nabc';
    const request = { ...enrolRequestOf(await running.createToken(tenantId), csr), hostname };
    const answer = await postEnrol(port, request);
    expect(answer.status).toBe(200);
    const detail = await running.fleet.detail(tenantId, answer.response?.endpointId ?? '');
    expect(detail?.hostname).toBe(hostname);
  });
});
