import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Order } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { approvalOf, createBrowserApprover } from '../../../test/fakes/browser-approver.ts';
import { createKeyAndRequest, type RunningSigner, startSigner } from '../../../test/fakes/running-signer.ts';
import { createSignerClient } from './client.ts';
import { serveLines } from './line-server.ts';
import { ConsoleRequest } from './messages.ts';
import { ORDER_POLICY } from './policy.ts';
import { openSignerState } from './state.ts';
import * as x509 from './x509.ts';

const TENANT = 'ten_1';
const ENDPOINT = 'ept_1';
let signer: RunningSigner;

beforeEach(async () => {
  signer = await startSigner({ perMinute: 20 });
});
afterEach(async () => {
  await signer[Symbol.asyncDispose]();
});

async function approve(role: 'admin' | 'viewer' = 'admin', userId = 'usr_1') {
  const browser = await createBrowserApprover();
  const code = await signer.admin.call('create-approver-code', { tenantId: TENANT, userId, role });
  if (!code.ok) throw new Error(code.code);
  const registered = await signer.client.call('register-approver', {
    tenantId: TENANT,
    userId,
    ...(await browser.registration(code.value.code)),
  });
  if (!registered.ok) throw new Error(registered.code);
  return { browser, approverKeyId: registered.value.approverKeyId, code: code.value.code };
}

async function enrol(endpointId = ENDPOINT, tenantId = TENANT) {
  const { csr } = await createKeyAndRequest();
  return await signer.client.call('issue-endpoint-certificate', { csr, tenantId, endpointId });
}

async function codeOf(answer: Promise<{ ok: boolean; code?: string }>): Promise<string | undefined> {
  const result = await answer;
  return result.ok ? 'ok' : result.code;
}

describe('certificates', () => {
  test('[EN7] an endpoint certificate names tenant and endpoint and cannot pose as a server', async () => {
    const issued = await enrol();
    if (!issued.ok) throw new Error(issued.code);
    const info = await signer.client.call('info', {});
    if (!info.ok) throw new Error(info.code);
    const authority = new X509Certificate(info.value.ca);
    const certificate = new X509Certificate(issued.value.certificate);
    expect(certificate.subject).toBe(`O=${TENANT}\nCN=${ENDPOINT}`);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.checkIssued(authority)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.subjectAltName).toBeUndefined();
    expect(certificate.serialNumber.toLowerCase()).toBe(issued.value.serial);
    expect(certificate.validToDate.getTime()).toBe(Math.floor(issued.value.notAfter / 1000) * 1000);
    expect(issued.value.notAfter - signer.clock.time).toBe(30 * 86_400_000);
    expect(authority.ca).toBe(true);
  });

  test("[EN3] the gateway's names are the signer's, whatever the request asks for", async () => {
    const { csr } = await createKeyAndRequest('CN=evil.example');
    const issued = await signer.client.call('issue-gateway-certificate', { csr });
    if (!issued.ok) throw new Error(issued.code);
    const certificate = new X509Certificate(issued.value.certificate);
    expect(certificate.subject).toBe('CN=Yagura gateway');
    expect(certificate.checkHost('yagura-gateway')).toBe('yagura-gateway');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkHost('evil.example')).toBeUndefined();
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  test('[EN3] CA and gateway certificate hold for an endpoint whose clock is 7 days behind', async () => {
    const { csr } = await createKeyAndRequest();
    const issued = await signer.client.call('issue-gateway-certificate', { csr });
    const info = await signer.client.call('info', {});
    if (!issued.ok || !info.ok) throw new Error('no certificate');
    const slow = signer.clock.time - 7 * 86_400_000;
    const authority = new X509Certificate(info.value.ca);
    const gateway = new X509Certificate(issued.value.certificate);
    for (const certificate of [authority, gateway]) {
      expect(certificate.validFromDate.getTime()).toBeLessThanOrEqual(slow);
      expect(certificate.validToDate.getTime()).toBeGreaterThan(signer.clock.time);
    }
    // Some verifiers refuse a certificate that is older than its issuer.
    expect(authority.validFromDate.getTime()).toBeLessThanOrEqual(gateway.validFromDate.getTime());
  });

  test('[EN5] other curves, altered and foreign requests are csr_invalid', async () => {
    const body = { tenantId: TENANT, endpointId: ENDPOINT };
    const p384 = await createKeyAndRequest('CN=x', 'P-384');
    const good = await createKeyAndRequest();
    const der = Buffer.from(new x509.Pkcs10CertificateRequest(good.csr).rawData);
    der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1;
    const altered = x509.PemConverter.encode(new Uint8Array(der), 'CERTIFICATE REQUEST');
    for (const csr of [
      p384.csr,
      altered,
      'hello',
      '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----',
    ]) {
      expect(await codeOf(signer.client.call('issue-endpoint-certificate', { csr, ...body }))).toBe('csr_invalid');
    }
  });

  test('an endpoint stays with its first tenant, and issuing is limited', async () => {
    expect(await codeOf(enrol())).toBe('ok');
    expect(await codeOf(enrol(ENDPOINT, 'ten_2'))).toBe('endpoint_foreign');
    const codes = await Promise.all(Array.from({ length: 30 }, (_, index) => codeOf(enrol(`ept_${index}`))));
    expect(codes.filter((code) => code === 'rate_limited').length).toBe(12);
    signer.clock.time += 60_000;
    expect(await codeOf(enrol())).toBe('ok');
  });
});

describe('approvers', () => {
  test('a code works once, for its own person, and for fifteen minutes', async () => {
    const { browser, code } = await approve();
    const second = await createBrowserApprover();
    const again = { tenantId: TENANT, userId: 'usr_1', ...(await second.registration(code)) };
    expect(await codeOf(signer.client.call('register-approver', again))).toBe('approver_code_invalid');

    const fresh = await signer.admin.call('create-approver-code', {
      tenantId: TENANT,
      userId: 'usr_2',
      role: 'viewer',
    });
    if (!fresh.ok) throw new Error(fresh.code);
    const other = { ...(await second.registration(fresh.value.code)), tenantId: TENANT };
    expect(await codeOf(signer.client.call('register-approver', { ...other, userId: 'usr_1' }))).toBe(
      'approver_code_invalid',
    );
    const swapped = { ...other, publicKey: (await createBrowserApprover()).publicKey, userId: 'usr_2' };
    expect(await codeOf(signer.client.call('register-approver', swapped))).toBe('approver_code_invalid');
    signer.clock.time += 15 * 60_000;
    expect(await codeOf(signer.client.call('register-approver', { ...other, userId: 'usr_2' }))).toBe(
      'approver_code_invalid',
    );

    const keyTwice = await signer.admin.call('create-approver-code', {
      tenantId: TENANT,
      userId: 'usr_2',
      role: 'admin',
    });
    if (!keyTwice.ok) throw new Error(keyTwice.code);
    const stolenKey = { tenantId: TENANT, userId: 'usr_2', ...(await browser.registration(keyTwice.value.code)) };
    expect(await codeOf(signer.client.call('register-approver', stolenKey))).toBe('approver_key_invalid');
  });

  test('the console can neither make codes nor revoke', async () => {
    const client = createSignerClient({ socket: signer.socket, timeoutMs: 2_000 });
    const lines = await talk(signer.socket, [
      JSON.stringify({ id: 1, verb: 'create-approver-code', tenantId: TENANT, userId: 'usr_1', role: 'admin' }),
      JSON.stringify({ id: 2, verb: 'revoke-approver', approverKeyId: 'apk_1' }),
    ]);
    expect(lines.map((line) => line.code)).toEqual(['request_malformed', 'request_malformed']);
    client[Symbol.dispose]();
  });

  test('keys are listed while they count', async () => {
    const { approverKeyId } = await approve();
    const mine = () => signer.client.call('approver-keys', { tenantId: TENANT, userId: 'usr_1' });
    expect(await mine()).toEqual({ ok: true, value: { approverKeyIds: [approverKeyId] } });
    expect(await codeOf(signer.admin.call('revoke-approver', { approverKeyId }))).toBe('ok');
    expect(await mine()).toEqual({ ok: true, value: { approverKeyIds: [] } });
    const list = await signer.admin.call('list-approvers', {});
    expect(list.ok && list.value.approvers[0]?.revokedAt).toBe(signer.clock.time);
  });
});

describe('orders', () => {
  test('[CM2] an approval becomes one order with the next counter, also after a restart', async () => {
    const { browser, approverKeyId } = await approve();
    await enrol();
    const approval = () =>
      approvalOf({ tenantId: TENANT, endpointId: ENDPOINT, approverKeyId, now: signer.clock.time });
    const first = await browser.sign(approval());
    const orders: Order[] = [];
    for (const signed of [first, await browser.sign(approval())]) {
      const answer = await signer.client.call('sign-order', { approval: signed });
      if (!answer.ok) throw new Error(answer.code);
      orders.push(Order.parse(JSON.parse(Buffer.from(answer.value.order.payload, 'base64').toString())));
      await signer.restart();
    }
    expect(orders.map((order) => order.counter)).toEqual([1, 2]);
    expect(orders[0]).toMatchObject({ tenantId: TENANT, endpointId: ENDPOINT, approver: 'usr_1' });
    expect((orders[0]?.expiresAt ?? 0) - (orders[0]?.issuedAt ?? 0)).toBe(ORDER_POLICY['test-detection'].lifetimeMs);
    expect(await codeOf(signer.client.call('sign-order', { approval: first }))).toBe('approval_used');
  });

  test('each rule of the policy refuses with its own code', async () => {
    const { browser, approverKeyId } = await approve();
    const viewer = await approve('viewer', 'usr_2');
    await enrol();
    await enrol('ept_foreign', 'ten_2');
    const facts = { tenantId: TENANT, endpointId: ENDPOINT, approverKeyId, now: signer.clock.time };
    const sign = async (change: object, by = browser) =>
      await codeOf(signer.client.call('sign-order', { approval: await by.sign({ ...approvalOf(facts), ...change }) }));
    const now = signer.clock.time;
    expect(await sign({ approverKeyId: viewer.approverKeyId }, viewer.browser)).toBe('approver_role');
    expect(await sign({ approverKeyId: 'apk_unknown' })).toBe('approver_unknown');
    expect(await sign({}, viewer.browser)).toBe('approval_signature');
    expect(await sign({ tenantId: 'ten_2' })).toBe('approval_foreign');
    expect(await sign({ endpointId: 'ept_foreign' })).toBe('endpoint_foreign');
    expect(await sign({ endpointId: 'ept_none' })).toBe('endpoint_unknown');
    expect(await sign({ approvedAt: now - 700_000, expiresAt: now })).toBe('approval_expired');
    expect(await sign({ approvedAt: now + 120_001 })).toBe('approval_not_yet_valid');
    expect(await sign({ expiresAt: now + 600_001 })).toBe('approval_too_long');
    expect(await sign({ surprise: true })).toBe('approval_malformed');
    expect(await sign({ action: { kind: 'run-command', command: 'id' } })).toBe('approval_malformed');
    expect(await sign({})).toBe('ok');
    await signer.admin.call('revoke-approver', { approverKeyId });
    expect(await sign({})).toBe('approver_revoked');
  });

  test('an hour has a cap for each kind of order and tenant', async () => {
    const { browser, approverKeyId } = await approve();
    await enrol();
    const cap = ORDER_POLICY['test-detection'].perTenantAndHour;
    const place = async () => {
      const approval = approvalOf({ tenantId: TENANT, endpointId: ENDPOINT, approverKeyId, now: signer.clock.time });
      return await codeOf(signer.client.call('sign-order', { approval: await browser.sign(approval) }));
    };
    for (let index = 0; index < cap; index += 1) expect(await place()).toBe('ok');
    expect(await place()).toBe('rate_limited');
    await signer.restart();
    expect(await place()).toBe('rate_limited');
    signer.clock.time += 3_600_000;
    expect(await place()).toBe('ok');
  });
});

const isRoot = process.getuid?.() === 0;
/** The users that a launcher would give the two processes; they need no name to exist. */
const CONSOLE = { uid: 64_001, gid: 64_001 };
const STRANGER = { uid: 64_002, gid: 64_002 };

describe('sockets and users', () => {
  test.skipIf(!isRoot)(
    'the console’s group opens its own socket and no other; strangers none (needs root)',
    async () => {
      chmodSync(signer.directory, 0o711);
      const path = join(signer.directory, 'grouped.sock');
      await using _server = await serveLines({
        path,
        mode: 0o660,
        gid: CONSOLE.gid,
        schema: ConsoleRequest,
        handle: () => Promise.resolve({ ok: true, value: {} }),
        maxConnections: 4,
        onFailure: () => undefined,
      });
      expect(statSync(path)).toMatchObject({ gid: CONSOLE.gid });
      expect(await connectAs(CONSOLE, path)).toBe('connected');
      expect(await connectAs(CONSOLE, signer.adminSocket)).toBe('EACCES');
      expect(await connectAs(STRANGER, path)).toBe('EACCES');
      expect(await connectAs(STRANGER, signer.adminSocket)).toBe('EACCES');
      expect(await readAs(CONSOLE, join(signer.directory, 'state', 'signer.db'))).toBe('EACCES');
    },
  );
});

async function runAs(user: { uid: number; gid: number }, script: string, argument: string): Promise<string> {
  // Changes user after the start: another user may not be able to read the folder that holds this Node.
  const drop = `process.setgroups([]); process.setgid(${user.gid}); process.setuid(${user.uid});`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', drop + script, argument]);
  return stdout.trim();
}

function connectAs(user: { uid: number; gid: number }, path: string): Promise<string> {
  const script = `const s = require('node:net').connect(process.argv[1]);
    s.on('connect', () => { console.log('connected'); s.destroy(); }).on('error', (error) => console.log(error.code));`;
  return runAs(user, script, path);
}

function readAs(user: { uid: number; gid: number }, path: string): Promise<string> {
  const script = `try { require('node:fs').readFileSync(process.argv[1]); console.log('read'); }
    catch (error) { console.log(error.code); }`;
  return runAs(user, script, path);
}

describe('sockets and state', () => {
  test('modes: state 0700, console 0660, operator 0600', () => {
    expect(statSync(join(signer.directory, 'state')).mode & 0o777).toBe(0o700);
    expect(statSync(join(signer.directory, 'state', 'signer.db')).mode & 0o777).toBe(0o600);
    expect(statSync(signer.socket).mode & 0o777).toBe(0o660);
    expect(statSync(signer.adminSocket).mode & 0o777).toBe(0o600);
  });

  test('malformed, unknown and endless requests end in a code and hurt nobody else', async () => {
    const lines = await talk(signer.socket, [
      '{',
      '[]',
      '{"id":1,"verb":"sign-order","approval":{"__proto__":{}}}',
      '{"id":0,"verb":"info"}',
    ]);
    expect(lines.map((line) => line.code)).toEqual(Array(4).fill('request_malformed'));
    const huge = await talk(signer.socket, ['x'.repeat(1_300_000)]);
    expect(huge.map((line) => line.code)).toEqual(['request_too_large']);
    expect(await codeOf(signer.client.call('info', {}))).toBe('ok');
  });

  test('the client says signer_unavailable while there is none, and comes back by itself', async () => {
    await signer.stop();
    expect(await codeOf(signer.client.call('info', {}))).toBe('signer_unavailable');
    await signer.restart();
    expect(await codeOf(signer.client.call('info', {}))).toBe('ok');
  });

  test('a second signer on the same state, and a state that is none, are refused with a code', () => {
    expect(() => openSignerState(join(signer.directory, 'state'))).toThrow(
      expect.objectContaining({ code: 'state_in_use' }),
    );
    const other = mkdtempSync(join(tmpdir(), 'yagura-signer-state-'));
    writeFileSync(join(other, 'signer.db'), 'this is no database, and quite long enough to be taken for one by nobody');
    expect(() => openSignerState(other)).toThrow(expect.objectContaining({ code: 'state_damaged' }));
    rmSync(other, { recursive: true });
  });
});

/** Sends raw lines and resolves to the answers once the socket is closed or as many have come. */
async function talk(path: string, lines: readonly string[]): Promise<{ code?: string }[]> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    let text = '';
    const finish = (): void => {
      socket.destroy();
      resolve(
        text
          .trim()
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line)),
      );
    };
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (text.split('\n').length > lines.length) finish();
    });
    socket.on('error', finish);
    socket.on('close', finish);
    socket.write(lines.map((line) => `${line}\n`).join(''));
  });
}
