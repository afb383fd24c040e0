import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Order, type TenantOrderAction } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  approvalOf,
  type BrowserApprover,
  createBrowserApprover,
  tenantApprovalOf,
} from '../../../test/fakes/browser-approver.ts';
import { aTuning } from '../../../test/fakes/rule-tunings.ts';
import { createKeyAndRequest, type RunningSigner, startSigner } from '../../../test/fakes/running-signer.ts';
import { STANDING_POLICY } from './policy.ts';

const TENANT = 'ten_1';
const DAY = 86_400_000;
let signer: RunningSigner;
let browser: BrowserApprover;
let approverKeyId: string;

beforeEach(async () => {
  signer = await startSigner();
  ({ browser, approverKeyId } = await register('admin'));
  for (const [endpointId, tenantId] of [
    ['ept_1', TENANT],
    ['ept_2', TENANT],
    ['ept_other', 'ten_other'],
  ] as const) {
    await enrol(endpointId, tenantId);
  }
});
afterEach(() => signer[Symbol.asyncDispose]());

async function enrol(endpointId: string, tenantId = TENANT): Promise<void> {
  const { csr } = await createKeyAndRequest();
  const issued = await signer.client.call('issue-endpoint-certificate', { csr, tenantId, endpointId });
  if (!issued.ok) throw new Error(issued.code);
}

async function register(role: 'admin' | 'viewer') {
  const made = await createBrowserApprover();
  const code = await signer.admin.call('create-approver-code', { tenantId: TENANT, userId: `usr_${role}`, role });
  if (!code.ok) throw new Error(code.code);
  const registration = await made.registration(code.value.code);
  const known = { tenantId: TENANT, userId: `usr_${role}`, ...registration };
  const answer = await signer.client.call('register-approver', known);
  if (!answer.ok) throw new Error(answer.code);
  return { browser: made, approverKeyId: answer.value.approverKeyId };
}

const tunings = (version: number, expiresAt = signer.clock.time + 30 * DAY): TenantOrderAction => ({
  kind: 'set-rule-tunings',
  scope: 'tenant',
  version,
  tunings: [aTuning('a', { createdAt: expiresAt - 30 * DAY, expiresAt })],
});
const approvalFor = (action: TenantOrderAction) =>
  tenantApprovalOf({ tenantId: TENANT, approverKeyId, action, now: signer.clock.time });
const approve = async (action: TenantOrderAction) =>
  signer.client.call('approve-standing-order', { approval: await browser.signForTenant(approvalFor(action)) });
const sign = (standingId: string, endpointId: string) =>
  signer.client.call('sign-standing-order', { standingId, endpointId });

async function standing(action: TenantOrderAction): Promise<string> {
  const answer = await approve(action);
  if (!answer.ok) throw new Error(answer.code);
  return answer.value.standingId;
}

async function orderFor(standingId: string, endpointId: string): Promise<Order> {
  const answer = await sign(standingId, endpointId);
  if (!answer.ok) throw new Error(answer.code);
  return Order.parse(JSON.parse(Buffer.from(answer.value.order.payload, 'base64').toString()));
}

async function codeOf(answer: Promise<{ ok: boolean; code?: string }>): Promise<string | undefined> {
  const result = await answer;
  return result.ok ? 'ok' : result.code;
}

describe('[CM14] what was approved for a tenant', () => {
  test('becomes an order for each endpoint, with its own counter, also for those that come later', async () => {
    const action = tunings(1);
    const standingId = await standing(action);
    const first = await orderFor(standingId, 'ept_1');
    expect(first).toMatchObject({ endpointId: 'ept_1', tenantId: TENANT, counter: 1, approver: 'usr_admin', action });
    expect(first.expiresAt - first.issuedAt).toBe(30 * DAY);
    expect((await orderFor(standingId, 'ept_1')).counter).toBe(2);
    signer.clock.time += 100 * DAY;
    await enrol('ept_new');
    expect(await orderFor(standingId, 'ept_new')).toMatchObject({ endpointId: 'ept_new', counter: 1, action });
  });

  test('is for no endpoint of another tenant, for none that is unknown, and for none after a year', async () => {
    const standingId = await standing(tunings(1));
    expect(await codeOf(sign(standingId, 'ept_other'))).toBe('endpoint_foreign');
    expect(await codeOf(sign(standingId, 'ept_none'))).toBe('endpoint_unknown');
    expect(await codeOf(sign('tap_none', 'ept_1'))).toBe('standing_unknown');
    signer.clock.time += STANDING_POLICY['set-rule-tunings'].lifetimeMs - 1;
    expect(await codeOf(sign(standingId, 'ept_1'))).toBe('ok');
    signer.clock.time += 1;
    expect(await codeOf(sign(standingId, 'ept_1'))).toBe('standing_expired');
  });

  test('gives no orders once it was replaced, and cannot be approved again with an older set', async () => {
    const first = await standing(tunings(5));
    const second = await standing(tunings(6));
    expect(await codeOf(sign(first, 'ept_1'))).toBe('standing_replaced');
    for (const version of [5, 6]) expect(await codeOf(approve(tunings(version)))).toBe('approval_outdated');
    // What is about something else stays.
    const pack = await standing({ kind: 'set-rule-pack', sha256: 'a'.repeat(64), size: 9, name: 'p', version: '1' });
    expect([await codeOf(sign(second, 'ept_1')), await codeOf(sign(pack, 'ept_1'))]).toEqual(['ok', 'ok']);
    const cleared = await standing({ kind: 'clear-rule-pack' });
    expect([await codeOf(sign(pack, 'ept_1')), await codeOf(sign(cleared, 'ept_1'))]).toEqual([
      'standing_replaced',
      'ok',
    ]);
  });

  test('takes no version that would keep every later set out', async () => {
    const seconds = Math.floor(signer.clock.time / 1_000);
    expect(await codeOf(approve(tunings(Number.MAX_SAFE_INTEGER)))).toBe('approval_malformed');
    expect(await codeOf(approve(tunings(seconds + 90_000)))).toBe('approval_malformed');
    expect(await codeOf(approve(tunings(seconds)))).toBe('ok');
    expect(await codeOf(approve(tunings(seconds + 1)))).toBe('ok');
  });

  test('survives a restart of the signer', async () => {
    const standingId = await standing(tunings(1));
    await orderFor(standingId, 'ept_1');
    await signer.restart();
    expect((await orderFor(standingId, 'ept_1')).counter).toBe(2);
    expect(await codeOf(approve(tunings(1)))).toBe('approval_outdated');
  });

  test('gives one endpoint so many orders and no more', async () => {
    const standingId = await standing(tunings(1));
    const codes: (string | undefined)[] = [];
    for (let time = 0; time < 25; time += 1) codes.push(await codeOf(sign(standingId, 'ept_1')));
    expect([codes.filter((code) => code === 'ok').length, codes.at(-1)]).toEqual([24, 'rate_limited']);
    expect(await codeOf(sign(standingId, 'ept_2'))).toBe('ok');
  });

  test('is bounded by the hour', async () => {
    const { perTenantAndHour } = STANDING_POLICY['set-rule-tunings'];
    for (let version = 1; version <= perTenantAndHour; version += 1) await standing(tunings(version));
    expect(await codeOf(approve(tunings(perTenantAndHour + 1)))).toBe('rate_limited');
    signer.clock.time += 3_600_001;
    expect(await codeOf(approve(tunings(perTenantAndHour + 1)))).toBe('ok');
  });
});

describe('[CM14] no approval passes for another', () => {
  const asked = async (approval: { payload: string; signature: string }) =>
    codeOf(signer.client.call('approve-standing-order', { approval }));

  test('one for an endpoint is none for the tenant, and the other way round', async () => {
    const forTenant = await browser.signForTenant(approvalFor(tunings(1)));
    expect(await codeOf(signer.client.call('sign-order', { approval: forTenant }))).toBe('approval_malformed');
    const about = { tenantId: TENANT, endpointId: 'ept_1', approverKeyId, now: signer.clock.time };
    const forOne = await browser.sign(approvalOf({ ...about, action: tunings(1) }));
    expect(await asked(forOne)).toBe('approval_malformed');
    // Not even with a payload of the right shape that was signed for the other purpose.
    const mixed = await browser.signForTenant(approvalFor(tunings(1)), 'yagura-approval-v1\0');
    expect(await asked(mixed)).toBe('approval_signature');
  });

  test('a tenant’s tunings need an approval for the tenant', async () => {
    const about = { tenantId: TENANT, endpointId: 'ept_1', approverKeyId, now: signer.clock.time };
    const approval = await browser.sign(approvalOf({ ...about, action: tunings(1) }));
    expect(await codeOf(signer.client.call('sign-order', { approval }))).toBe('approval_malformed');
    const own = { ...tunings(1), scope: 'endpoint' } as const;
    const good = await browser.sign(approvalOf({ ...about, action: own }));
    expect(await codeOf(signer.client.call('sign-order', { approval: good }))).toBe('ok');
  });

  test.each([
    ['another tenant', { tenantId: 'ten_other' }, 'approval_foreign'],
    ['too long', { expiresAt: 8e15 }, 'approval_too_long'],
    ['nobody known', { approverKeyId: 'apk_nobody' }, 'approver_unknown'],
  ])('%s', async (_name, change, code) => {
    const approval = { ...approvalFor(tunings(1)), ...change };
    expect(await asked(await browser.signForTenant(approval))).toBe(code);
  });

  test('expired, used, by a viewer, for an action that is none for a tenant', async () => {
    const once = await browser.signForTenant(approvalFor(tunings(1)));
    const late = await browser.signForTenant(approvalFor(tunings(2)));
    expect([await asked(once), await asked(once)]).toEqual(['ok', 'approval_used']);
    signer.clock.time += 300_000;
    expect(await asked(late)).toBe('approval_expired');
    const viewer = await register('viewer');
    const asViewer = { ...approvalFor(tunings(2)), approverKeyId: viewer.approverKeyId };
    expect(await asked(await viewer.browser.signForTenant(asViewer))).toBe('approver_role');
    const action = { kind: 'set-policy', mode: 'observe' } as unknown as TenantOrderAction;
    expect(await asked(await browser.signForTenant(approvalFor(action)))).toBe('approval_malformed');
  });

  test('[CM13] a tuning does not outlive a year by beginning in the future', async () => {
    const far = signer.clock.time + 400 * DAY;
    expect(await codeOf(approve(tunings(1, far)))).toBe('tuning_too_long');
    const about = { tenantId: TENANT, endpointId: 'ept_1', approverKeyId, now: signer.clock.time };
    const own = { ...tunings(1, far), scope: 'endpoint' } as const;
    const approval = await browser.sign(approvalOf({ ...about, action: own }));
    expect(await codeOf(signer.client.call('sign-order', { approval }))).toBe('tuning_too_long');
  });
});

test('a state of the version before is brought along, with its counters', async () => {
  const standingId = await standing(tunings(1));
  await orderFor(standingId, 'ept_1');
  await signer.stop();
  const db = new DatabaseSync(join(signer.directory, 'state', 'signer.db'));
  db.exec('DROP TABLE standing_orders; DROP INDEX orders_endpoint; PRAGMA user_version = 1');
  db.close();
  await signer.restart();
  expect(await orderFor(await standing(tunings(1)), 'ept_1')).toMatchObject({ counter: 2 });
});
