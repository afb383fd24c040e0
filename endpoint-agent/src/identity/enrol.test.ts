import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENROLMENT_REFUSALS, type EnrolResponse } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestAuthority, createTestOrderKey } from '../../../test/fakes/certificates.ts';
import { startConnectProxy } from '../../../test/fakes/connect-proxy.ts';
import { ENDPOINT, type FakeGateway, SECRET, startGateway, TENANT } from '../../../test/fakes/gateway.ts';
import { systemClock } from '../platform/clock.ts';
import { type EnrolmentOptions, enrol } from './enrol.ts';
import { loadIdentity, saveIdentity } from './identity.ts';
import { createIdentityStore } from './identity-store.ts';

let gateway: FakeGateway;
let stateDir: string;

beforeEach(async () => {
  gateway = await startGateway();
  stateDir = join(mkdtempSync(join(tmpdir(), 'yagura-enrol-')), 'state');
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  rmSync(join(stateDir, '..'), { recursive: true, force: true });
});

const attempt = (overrides: Partial<EnrolmentOptions> = {}) =>
  enrol({
    token: gateway.token(),
    stateDir,
    hostname: 'pc-01',
    platform: 'linux',
    agentVersion: '0.1.0',
    clock: systemClock,
    environment: {},
    timeout: 5_000,
    ...overrides,
  });

/** What the gateway would answer, with parts replaced. */
async function answerWith(
  change: (response: EnrolResponse) => Partial<EnrolResponse> | Promise<Partial<EnrolResponse>>,
) {
  const honest = gateway.onEnrol;
  gateway.onEnrol = async (request) => {
    const { status, body } = await honest(request);
    return { status, body: { ...(body as EnrolResponse), ...(await change(body as EnrolResponse)) } };
  };
}

describe('enrolling', () => {
  test('[EN1] [EN2] a token makes an identity that is there after a restart, readable by its user only', async () => {
    const result = await attempt();
    expect(result).toMatchObject({
      ok: true,
      identity: { endpointId: ENDPOINT, tenantId: TENANT, gateway: gateway.url },
    });
    expect(loadIdentity(stateDir)).toEqual(result);
    expect(statSync(stateDir).mode & 0o777).toBe(0o700);
    expect(statSync(join(stateDir, 'identity.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(stateDir)).toEqual(['identity.json']);
    expect(gateway.enrolments).toEqual([
      expect.objectContaining({ secret: SECRET, hostname: 'pc-01', platform: 'linux' }),
    ]);
    expect(gateway.enrolments[0]?.csr).not.toContain('PRIVATE');
  });

  test.each([...ENROLMENT_REFUSALS])('[EN4] the refusal %s is passed on, and nothing is stored', async (code) => {
    gateway.onEnrol = () => Promise.resolve({ status: 400, body: { error: { code, message: 'no' } } });
    const result = await attempt();
    expect(result).toMatchObject({ ok: false, code });
    expect(loadIdentity(stateDir)).toMatchObject({ ok: false, code: 'not_enrolled' });
  });

  test('[EN6] after an unanswered request the same token sends the byte-identical request again', async () => {
    const honest = gateway.onEnrol;
    gateway.onEnrol = () => Promise.resolve({ status: 502, body: 'a broken load balancer' });
    expect(await attempt()).toMatchObject({ ok: false, code: 'console_error' });
    gateway.onEnrol = honest;
    expect(await attempt()).toMatchObject({ ok: true });
    expect(gateway.enrolments).toHaveLength(2);
    expect(gateway.enrolments[0]?.csr).toBe(gateway.enrolments[1]?.csr);
  });

  test('[EN12] an identity is replaced only on demand', async () => {
    await attempt();
    expect(await attempt()).toMatchObject({ ok: false, code: 'already_enrolled' });
    expect(await attempt({ replace: true })).toMatchObject({ ok: true });
  });

  test('--console changes the address and not whom to trust', async () => {
    const elsewhere = gateway.token({ gateway: 'https://127.0.0.1:1' });
    expect(await attempt({ token: elsewhere, console: gateway.url })).toMatchObject({ ok: true });
    await using foreign = await startGateway();
    const result = await attempt({ console: foreign.url, replace: true });
    expect(result).toMatchObject({ ok: false, code: 'gateway_untrusted' });
    expect(foreign.enrolments).toEqual([]);
  });
});

describe('[EN3] whom it talks to', () => {
  test('a gateway of another CA gets no request', async () => {
    await using foreign = await startGateway();
    const result = await attempt({ token: gateway.token({ gateway: foreign.url }) });
    expect(result).toMatchObject({ ok: false, code: 'gateway_untrusted' });
    expect(foreign.enrolments).toEqual([]);
  });

  test('a leaf of the right CA under another name gets no request', async () => {
    await using other = await startGateway({ authority: gateway.authority, names: ['mail.example.test'] });
    const result = await attempt({ token: gateway.token({ gateway: other.url }) });
    expect(result).toMatchObject({ ok: false, code: 'gateway_untrusted' });
    expect(other.enrolments).toEqual([]);
  });

  test("[EN7] an endpoint's certificate cannot pose as the gateway", async () => {
    await using other = await startGateway({ authority: gateway.authority, serverUsage: 'client' });
    const result = await attempt({ token: gateway.token({ gateway: other.url }) });
    expect(result).toMatchObject({ ok: false, code: 'gateway_untrusted' });
    expect(other.enrolments).toEqual([]);
  });

  test('nobody there, and a port that is no TLS', async () => {
    expect(await attempt({ console: 'https://127.0.0.1:1' })).toMatchObject({ ok: false, code: 'gateway_unreachable' });
    await using proxy = await startConnectProxy();
    const plain = proxy.url.replace('http:', 'https:');
    expect(await attempt({ console: plain })).toMatchObject({ ok: false, code: 'gateway_unreachable' });
  });
});

describe('[EN8] answers that are refused', () => {
  test('another order key', async () => {
    await answerWith(() => ({ orderKey: createTestOrderKey().raw }));
    expect(await attempt()).toMatchObject({ ok: false, code: 'order_key_mismatch' });
    expect(loadIdentity(stateDir)).toMatchObject({ code: 'not_enrolled' });
  });

  test('another CA', async () => {
    const other = await createTestAuthority();
    await answerWith(() => ({ ca: other.certificate }));
    expect(await attempt()).toMatchObject({ ok: false, code: 'gateway_untrusted' });
  });

  test('a certificate for another key, another endpoint, or from another CA', async () => {
    const subject = `O=${TENANT}, CN=${ENDPOINT}`;
    const foreignKey = await gateway.authority.issue({ subject, usage: 'client' });
    const honest = gateway.onEnrol;
    await answerWith(() => ({ certificate: foreignKey.certificate }));
    expect(await attempt()).toMatchObject({ ok: false, code: 'certificate_mismatch' });
    gateway.onEnrol = honest;
    await answerWith(() => ({ endpointId: 'endpoint-2' }));
    expect(await attempt()).toMatchObject({ ok: false, code: 'certificate_mismatch' });
    gateway.onEnrol = honest;
    const other = await createTestAuthority();
    const csrOf = () => gateway.enrolments.at(-1)?.csr ?? '';
    await answerWith(async () => ({
      certificate: (await other.issueFor(csrOf(), { subject, usage: 'client' })) ?? '',
    }));
    expect(await attempt()).toMatchObject({ ok: false, code: 'gateway_untrusted' });
  });

  test('unknown keys, nonsense and floods', async () => {
    await answerWith(() => ({ surprise: true }) as Partial<EnrolResponse>);
    expect(await attempt()).toMatchObject({ ok: false, code: 'response_malformed' });
    gateway.onEnrol = () => Promise.resolve({ status: 200, body: 'x'.repeat(500_000) });
    expect(await attempt()).toMatchObject({ ok: false, code: 'response_malformed' });
  });
});

describe('input and state', () => {
  test.each([
    ['an empty one', ''],
    ['a bare prefix', 'YGR1.'],
    ['an empty object', 'YGR1.e30'],
    ['10,000 letters', `YGR1.${'A'.repeat(10_000)}`],
  ])('as token, %s', async (_name, token) => {
    expect(await attempt({ token })).toMatchObject({ ok: false, code: 'token_malformed' });
  });

  test('a token broken by a mail program still works', async () => {
    const token = gateway.token().replace(/(.{40})/g, '$1\r\n  ');
    expect(await attempt({ token })).toMatchObject({ ok: true });
  });

  test('an address that is not https', async () => {
    expect(await attempt({ console: 'http://127.0.0.1:8080' })).toMatchObject({ code: 'console_url_invalid' });
  });

  test('a state directory that cannot be made costs no token', async () => {
    mkdirSync(join(stateDir, '..'), { recursive: true });
    writeFileSync(stateDir, 'a file');
    expect(await attempt()).toMatchObject({ ok: false, code: 'state_unwritable' });
    expect(gateway.enrolments).toEqual([]);
  });

  test.each([
    ['not json', '{'],
    ['not an identity', '{"v":1}'],
  ])('[EN12] %s is identity_damaged', async (_name, text) => {
    mkdirSync(stateDir, { recursive: true });
    writeFileSync(join(stateDir, 'identity.json'), text);
    expect(loadIdentity(stateDir)).toMatchObject({ ok: false, code: 'identity_damaged' });
  });

  test('[EN12] a certificate that is not for the key is identity_damaged', async () => {
    const result = await attempt();
    if (!result.ok) throw new Error(result.code);
    const other = await gateway.authority.issue({ subject: `O=${TENANT}, CN=${ENDPOINT}`, usage: 'client' });
    saveIdentity(stateDir, { ...result.identity, certificate: other.certificate });
    expect(loadIdentity(stateDir)).toMatchObject({ ok: false, code: 'identity_damaged' });
  });
});

describe('[UP14] proxies', () => {
  test('through a proxy with a password, which sees TLS and nothing else', async () => {
    await using proxy = await startConnectProxy();
    const address = proxy.url.replace('http://', 'http://user:p%40ss@');
    expect(await attempt({ environment: { HTTPS_PROXY: address } })).toMatchObject({ ok: true });
    const authorization = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
    const asked = { authority: `127.0.0.1:${gateway.port}`, authorization };
    expect(proxy.asked).toEqual([asked, asked]);
    for (const bytes of proxy.seen) {
      expect(bytes[0]).toBe(22);
      expect(bytes.includes(SECRET)).toBe(false);
    }
  });

  test('NO_PROXY is honoured', async () => {
    const environment = { https_proxy: 'http://127.0.0.1:1', no_proxy: 'example.test,127.0.0.0/8' };
    expect(await attempt({ environment })).toMatchObject({ ok: true });
  });

  test('a proxy that refuses is named with its answer; one that never answers ends in time', async () => {
    await using proxy = await startConnectProxy();
    proxy.answer = 407;
    const refused = await attempt({ environment: { HTTPS_PROXY: proxy.url } });
    expect(refused).toMatchObject({ ok: false, code: 'proxy_failed', message: expect.stringContaining('407') });
    proxy.answer = 'silent';
    const started = performance.now();
    const silent = await attempt({ environment: { HTTPS_PROXY: proxy.url }, timeout: 300 });
    expect(silent).toMatchObject({ ok: false, code: 'gateway_unreachable' });
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});

describe('[EN9] renewal', () => {
  test('is due from two thirds of the life on', async () => {
    const result = await attempt();
    if (!result.ok) throw new Error(result.code);
    const store = createIdentityStore(stateDir, result.identity);
    const day = 86_400_000;
    expect(store.renewalDue(Date.now())).toBe(false);
    // Issued for 37 days (7 of them past): two thirds are 24.67 days after the beginning.
    expect(store.renewalDue(Date.now() + 17 * day)).toBe(false);
    expect(store.renewalDue(Date.now() + 18 * day)).toBe(true);
  });

  test('switches key and certificate together, and refuses what does not belong together', async () => {
    const result = await attempt();
    if (!result.ok) throw new Error(result.code);
    const store = createIdentityStore(stateDir, result.identity);
    const { authority } = gateway;
    const subject = `O=${TENANT}, CN=${ENDPOINT}`;
    const csr = await store.beginRenewal();
    const certificate = (await authority.issueFor(csr, { subject, usage: 'client' })) ?? '';
    const foreign = (await authority.issueFor(csr, { subject: `O=${TENANT}, CN=other`, usage: 'client' })) ?? '';
    const otherAuthority = await createTestAuthority();
    const ca = authority.certificate;
    expect(store.completeRenewal({ certificate: foreign, ca })).toMatchObject({ code: 'certificate_mismatch' });
    expect(store.completeRenewal({ certificate, ca: otherAuthority.certificate })).toMatchObject({
      code: 'gateway_untrusted',
    });
    expect(store.completeRenewal({ certificate: 'junk', ca })).toMatchObject({ code: 'response_malformed' });
    expect(loadIdentity(stateDir)).toEqual(result);
    expect(store.completeRenewal({ certificate, ca })).toMatchObject({ ok: true });
    const renewed = loadIdentity(stateDir);
    expect(renewed).toEqual({ ok: true, identity: store.current() });
    expect(store.current().privateKey).not.toBe(result.identity.privateKey);
    expect(readFileSync(join(stateDir, 'identity.json'), 'utf8')).not.toContain(
      result.identity.privateKey.slice(60, 90),
    );
    expect(store.completeRenewal({ certificate, ca })).toMatchObject({ code: 'renewal_unexpected' });
  });
});
