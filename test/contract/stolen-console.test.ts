import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { importOrderKey } from '@yagura/endpoint-agent/identity/identity.ts';
import { verifyOrder } from '@yagura/endpoint-agent/orders/verify-order.ts';
import type { FetchedPack } from '@yagura/endpoint-agent/packs/fetch-pack.ts';
import { openRulePacks } from '@yagura/endpoint-agent/packs/rule-packs.ts';
import { systemClock } from '@yagura/endpoint-agent/platform/clock.ts';
import {
  type Approval,
  ORDER_SIGNATURE_CONTEXT,
  Order,
  type OrderAction,
  type SignedApproval,
  type SignedOrder,
  TenantApproval,
  type TenantOrderAction,
} from '@yagura/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enrolPeer, type PeerState } from '../fakes/agent-peer.ts';
import {
  approvalOf,
  type BrowserApprover,
  createBrowserApprover,
  tenantApprovalOf,
} from '../fakes/browser-approver.ts';
import { linuxRule, packOf, type TestPack } from '../fakes/rule-pack.ts';
import { aTuning } from '../fakes/rule-tunings.ts';
import { type RunningGateway, startGateway } from '../fakes/running-gateway.ts';
import { createKeyAndRequest, type RunningSigner, startSigner } from '../fakes/running-signer.ts';

/**
 * Whoever runs code in the console's web process has its database, its memory, the gateway's key and the
 * signer's console socket. They must not be able to make an agent do anything (SPEC CM1, CM2).
 */
let signer: RunningSigner;
let running: RunningGateway;
let victim: PeerState;
let other: PeerState;
let foreign: PeerState;
let admin: BrowserApprover;
let adminKeyId: string;
let orderKey: KeyObject;
/** An order that the person really approved, as the thief finds it in the database. */
let genuine: { approval: SignedApproval; order: SignedOrder };

beforeAll(async () => {
  signer = await startSigner();
  running = await startGateway({ signer: signer.client, clock: signer.clock });
  const tenantId = await running.createTenant('Hinode');
  const { port } = running.gateway;
  victim = await enrolPeer(port, await running.createToken(tenantId));
  other = await enrolPeer(port, await running.createToken(tenantId));
  foreign = await enrolPeer(port, await running.createToken(await running.createTenant('Other')));
  admin = await createBrowserApprover();
  adminKeyId = await register(admin, tenantId, 'usr_admin', 'admin');
  const info = await signer.client.call('info', {});
  if (!info.ok) throw new Error(info.code);
  orderKey = importOrderKey(info.value.orderKey);
  const approval = await admin.sign(approvalFor(victim));
  genuine = { approval, order: await obtain(approval) };
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  await signer[Symbol.asyncDispose]();
});

async function register(
  browser: BrowserApprover,
  tenantId: string,
  userId: string,
  role: 'admin' | 'viewer',
): Promise<string> {
  const code = await signer.admin.call('create-approver-code', { tenantId, userId, role });
  if (!code.ok) throw new Error(code.code);
  const registration = await browser.registration(code.value.code);
  const registered = await signer.client.call('register-approver', { tenantId, userId, ...registration });
  if (!registered.ok) throw new Error(registered.code);
  return registered.value.approverKeyId;
}

function approvalFor(state: PeerState, action: OrderAction = { kind: 'test-detection' }): Approval {
  return approvalOf({ ...state.origin, approverKeyId: adminKeyId, action, now: signer.clock.time });
}

async function obtain(approval: SignedApproval): Promise<SignedOrder> {
  const answer = await signer.client.call('sign-order', { approval });
  if (!answer.ok) throw new Error(answer.code);
  return answer.value.order;
}

async function refusalOf(approval: SignedApproval): Promise<string> {
  const answer = await signer.client.call('sign-order', { approval });
  return answer.ok ? 'an order was signed' : answer.code;
}

/** What the victim's agent says to an order. */
function judge(order: unknown, options: { lastCounter?: number; now?: number; state?: PeerState } = {}): string {
  const { tenantId, endpointId } = (options.state ?? victim).origin;
  const verdict = verifyOrder({
    signed: order,
    orderKey,
    tenantId,
    endpointId,
    lastCounter: options.lastCounter ?? 0,
    now: options.now ?? signer.clock.time,
  });
  return verdict.ok ? 'obeyed' : verdict.code;
}

function edit(signed: SignedApproval, change: (approval: Approval) => Approval): SignedApproval {
  const approval: Approval = JSON.parse(Buffer.from(signed.payload, 'base64').toString());
  return { ...signed, payload: Buffer.from(JSON.stringify(change(approval))).toString('base64') };
}

function signAsOrder(order: object, key: KeyObject | string, algorithm: string | null): SignedOrder {
  const payload = Buffer.from(JSON.stringify(order));
  const signature = sign(algorithm, Buffer.concat([Buffer.from(ORDER_SIGNATURE_CONTEXT), payload]), key);
  return { payload: payload.toString('base64'), signature: signature.subarray(0, 64).toString('base64') };
}

test('what the person approved is obeyed: the refusals below are not for another reason', () => {
  expect(judge(genuine.order)).toBe('obeyed');
});

describe('with the console socket and the whole database the thief gets no order', () => {
  test('by signing approvals with a key of their own', async () => {
    const thief = await createBrowserApprover();
    expect(await refusalOf(await thief.sign(approvalFor(victim)))).toBe('approval_signature');
    const unknown = { ...approvalFor(victim), approverKeyId: 'apk_thief' };
    expect(await refusalOf(await thief.sign(unknown))).toBe('approver_unknown');
  });

  test('by registering a key without a code, or with the mac of somebody else’s registration', async () => {
    const thief = await createBrowserApprover();
    const { tenantId } = victim.origin;
    const guess = await thief.registration(Buffer.alloc(32).toString('base64url'));
    const seen = await admin.registration(Buffer.alloc(32, 1).toString('base64url'));
    for (const mac of [guess.mac, seen.mac, '', 'AAAA']) {
      const answer = await signer.client.call('register-approver', {
        tenantId,
        userId: 'usr_admin',
        publicKey: thief.publicKey,
        mac,
      });
      expect(answer.ok).toBe(false);
    }
    // Not even while a code for that person is open, and the registration passes through the thief's hands.
    const code = await signer.admin.call('create-approver-code', { tenantId, userId: 'usr_admin', role: 'admin' });
    if (!code.ok) throw new Error(code.code);
    const honest = await (await createBrowserApprover()).registration(code.value.code);
    const swapped = { tenantId, userId: 'usr_admin', publicKey: thief.publicKey, mac: honest.mac };
    expect(await signer.client.call('register-approver', swapped)).toMatchObject({
      ok: false,
      code: 'approver_code_invalid',
    });
  });

  test('by turning a viewer into an administrator in the database', async () => {
    const viewer = await createBrowserApprover();
    const { tenantId } = victim.origin;
    const approverKeyId = await register(viewer, tenantId, 'usr_viewer', 'viewer');
    await running.store.write(async ({ db }) => {
      await db
        .insertInto('users')
        .values({ tenant_id: tenantId, user_id: 'usr_viewer', name: 'v', role: 'admin', created_at: 1 })
        .execute();
    });
    expect(await refusalOf(await viewer.sign({ ...approvalFor(victim), approverKeyId }))).toBe('approver_role');
  });

  test('by using an approval twice, late, for another action, endpoint or tenant', async () => {
    expect(await refusalOf(genuine.approval)).toBe('approval_used');
    const fresh = await admin.sign(approvalFor(victim));
    const changes: ((approval: Approval) => Approval)[] = [
      (approval) => ({ ...approval, approvalId: 'apr_again' }),
      (approval) => ({ ...approval, action: { kind: 'set-policy', mode: 'observe' } }),
      (approval) => ({ ...approval, endpointId: other.origin.endpointId }),
      (approval) => ({ ...approval, expiresAt: approval.expiresAt + 60_000 }),
    ];
    for (const change of changes) expect(await refusalOf(edit(fresh, change))).toBe('approval_signature');
    expect(await refusalOf(await admin.sign(approvalFor(foreign)))).toBe('approval_foreign');
    const mixed = { ...approvalFor(foreign), tenantId: victim.origin.tenantId };
    expect(await refusalOf(await admin.sign(mixed))).toBe('endpoint_foreign');
    const start = signer.clock.time;
    signer.clock.time += 300_000;
    expect(await refusalOf(fresh)).toBe('approval_expired');
    signer.clock.time = start;
  });

  test('by moving an endpoint to a tenant of their own', async () => {
    const { csr } = await createKeyAndRequest();
    const moved = { csr, tenantId: foreign.origin.tenantId, endpointId: victim.origin.endpointId };
    expect(await signer.client.call('issue-endpoint-certificate', moved)).toMatchObject({ code: 'endpoint_foreign' });
  });

  test('by having the person’s browser sign the same bytes for another purpose', async () => {
    for (const context of ['', ORDER_SIGNATURE_CONTEXT, 'yagura-approval-v0\0']) {
      expect(await refusalOf(await admin.sign(approvalFor(victim), context))).toBe('approval_signature');
    }
  });
});

describe('and what the thief makes without the signer no agent obeys', () => {
  test('orders signed by any other key', () => {
    const order = Order.parse(JSON.parse(Buffer.from(genuine.order.payload, 'base64').toString()));
    const wanted = { ...order, counter: 99, action: { kind: 'set-policy', mode: 'observe' } };
    const own = generateKeyPairSync('ed25519').privateKey;
    expect(judge(signAsOrder(wanted, own, null))).toBe('order_signature');
    const gatewayKey = readFileSync(join(running.directory, 'gateway.key.pem'), 'utf8');
    const byGateway = { ...signAsOrder(wanted, gatewayKey, 'sha256') };
    expect(judge(byGateway)).not.toBe('obeyed');
    expect(judge({ payload: genuine.approval.payload, signature: genuine.approval.signature })).toBe('order_signature');
    expect(judge({ ...genuine.order, payload: Buffer.from(JSON.stringify(wanted)).toString('base64') })).toBe(
      'order_signature',
    );
    for (const nothing of [undefined, null, {}, { payload: '', signature: '' }])
      expect(judge(nothing)).not.toBe('obeyed');
  });

  test('genuine orders again, elsewhere, or late', () => {
    const { counter, expiresAt } = Order.parse(JSON.parse(Buffer.from(genuine.order.payload, 'base64').toString()));
    expect(judge(genuine.order, { lastCounter: counter })).toBe('order_replayed');
    expect(judge(genuine.order, { state: other })).toBe('order_foreign');
    expect(judge(genuine.order, { state: foreign })).toBe('order_foreign');
    expect(judge(genuine.order, { now: expiresAt })).toBe('order_expired');
  });
});

describe('and no pack of rules of the thief comes into force', () => {
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
  const approved = packOf('rules', '2', linuxRule('approved'));
  const poison = packOf('rules', '2', linuxRule('poison'));
  const orderFor = (pack: TestPack): OrderAction => ({ kind: 'set-rule-pack', ...pack.reference });

  test('by ordering it, or by putting it into the place of the one that was approved', async () => {
    const approval = await admin.sign(approvalFor(victim, orderFor(approved)));
    const swapped = edit(approval, (genuine_) => ({ ...genuine_, action: orderFor(poison) }));
    expect(await refusalOf(swapped)).toBe('approval_signature');
    const order = await obtain(approval);
    expect(judge(order)).toBe('obeyed');
    const parsed = Order.parse(JSON.parse(Buffer.from(order.payload, 'base64').toString()));
    const forged = Buffer.from(JSON.stringify({ ...parsed, action: orderFor(poison) })).toString('base64');
    expect(judge({ ...order, payload: forged })).toBe('order_signature');
  });

  test('[CM12] by sending an older order again', async () => {
    const older = await obtain(await admin.sign(approvalFor(victim, orderFor(poison))));
    const newer = await obtain(await admin.sign(approvalFor(victim, orderFor(approved))));
    const { counter } = Order.parse(JSON.parse(Buffer.from(newer.payload, 'base64').toString()));
    expect(judge(newer)).toBe('obeyed');
    expect(judge(older, { lastCounter: counter })).toBe('order_replayed');
  });

  test('[RP3] by answering the download with another file, or with none', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'yagura-victim-'));
    const answers: FetchedPack[] = [
      { ok: true, content: Readable.from([poison.bytes]) },
      { ok: true, content: Readable.from([approved.bytes.subarray(1)]) },
      { ok: false, code: 'pack_damaged', detail: 'another length' },
    ];
    const packs = openRulePacks({
      dir,
      endpointId: victim.origin.endpointId,
      platform: 'linux',
      clock: systemClock,
      log,
      signal: new AbortController().signal,
      fetch: () => Promise.resolve(answers.shift() ?? { ok: true, content: Readable.from([approved.bytes]) }),
    });
    const codes: string[] = [];
    for (let time = 0; time < 4; time += 1) {
      codes.push((await packs.install(approved.reference, victim.origin.endpointId)).code);
      if (time < 3) expect(packs.evaluator.loaded).toBe(0);
    }
    // The refusals were not for another reason: the file that was approved is taken.
    expect([codes, packs.evaluator.loaded]).toEqual([['pack_damaged', 'pack_damaged', 'pack_damaged', 'done'], 1]);
    rmSync(dir, { recursive: true });
  });
});

describe('and no rule is silenced by the thief', () => {
  const DAY = 86_400_000;
  /** What the person approved: one rule, for a month, on every endpoint of the tenant. */
  const everywhere = (version: number, ruleId = 'backup'): TenantOrderAction => {
    const createdAt = signer.clock.time;
    const tuning = aTuning(ruleId, { createdAt, expiresAt: createdAt + 30 * DAY });
    return { kind: 'set-rule-tunings', scope: 'tenant', version, tunings: ruleId === '' ? [] : [tuning] };
  };
  const approvalForAll = (action: TenantOrderAction): TenantApproval =>
    tenantApprovalOf({ ...victim.origin, approverKeyId: adminKeyId, action, now: signer.clock.time });
  async function refusalForAll(approval: SignedApproval): Promise<string> {
    const answer = await signer.client.call('approve-standing-order', { approval });
    return answer.ok ? 'approved' : answer.code;
  }
  async function standing(version: number, ruleId?: string): Promise<string> {
    const approval = await admin.signForTenant(approvalForAll(everywhere(version, ruleId)));
    const answer = await signer.client.call('approve-standing-order', { approval });
    if (!answer.ok) throw new Error(answer.code);
    return answer.value.standingId;
  }
  const issue = (standingId: string, state: PeerState) =>
    signer.client.call('sign-standing-order', { standingId, endpointId: state.origin.endpointId });
  const parse = (order: SignedOrder): Order => Order.parse(JSON.parse(Buffer.from(order.payload, 'base64').toString()));

  test('[CM14] by approving for the tenant, by making more of an approval, or by sending one twice', async () => {
    const thief = await createBrowserApprover();
    expect(await refusalForAll(await thief.signForTenant(approvalForAll(everywhere(1))))).toBe('approval_signature');
    const genuineForAll = await admin.signForTenant(approvalForAll(everywhere(1)));
    const read = TenantApproval.parse(JSON.parse(Buffer.from(genuineForAll.payload, 'base64').toString()));
    const edits: TenantApproval[] = [
      { ...read, action: everywhere(1, 'reverse-shell') },
      { ...read, approvalId: 'again' },
      { ...read, expiresAt: read.expiresAt + 60_000 },
    ];
    for (const edited of edits) {
      const payload = Buffer.from(JSON.stringify(edited)).toString('base64');
      expect(await refusalForAll({ ...genuineForAll, payload })).toBe('approval_signature');
    }
    // An approval for one endpoint, of the same person, does not become one for all, nor the other way round.
    const own: OrderAction = { ...everywhere(1), scope: 'endpoint' } as OrderAction;
    const forOne = await admin.sign(approvalFor(victim, own));
    const widened = { ...JSON.parse(Buffer.from(forOne.payload, 'base64').toString()), scope: 'tenant' };
    expect(await refusalForAll({ ...forOne, payload: Buffer.from(JSON.stringify(widened)).toString('base64') })).toBe(
      'approval_malformed',
    );
    expect(await refusalOf(genuineForAll)).toBe('approval_malformed');
    expect(await refusalForAll(genuineForAll)).toBe('approved');
    expect(await refusalForAll(genuineForAll)).toBe('approval_used');
  });

  test('[CM14] by giving an endpoint, old or new, what people have taken back', async () => {
    const before = await standing(100, 'reverse-shell');
    const kept = await issue(before, victim);
    if (!kept.ok) throw new Error(kept.code);
    // People end it. The thief withholds that, and has kept the order from before.
    const after = await standing(101, '');
    expect(await issue(before, other)).toMatchObject({ ok: false, code: 'standing_replaced' });
    const token = await running.createToken(victim.origin.tenantId);
    const late = await enrolPeer(running.gateway.port, token);
    expect(await issue(before, late)).toMatchObject({ ok: false, code: 'standing_replaced' });
    expect(judge(kept.value.order, { state: late })).toBe('order_foreign');
    const ended = await issue(after, victim);
    if (!ended.ok) throw new Error(ended.code);
    expect(judge(ended.value.order)).toBe('obeyed');
    expect(judge(kept.value.order, { lastCounter: parse(ended.value.order).counter })).toBe('order_replayed');
    expect(await issue(after, foreign)).toMatchObject({ ok: false, code: 'endpoint_foreign' });
  });

  test('[CM13] not by an order that the thief signs, and none holds longer than was approved', async () => {
    const issued = await issue(await standing(200, 'backup'), victim);
    if (!issued.ok) throw new Error(issued.code);
    const order = parse(issued.value.order);
    const forged = { ...order, counter: order.counter + 1, action: { ...everywhere(201, 'reverse-shell') } };
    expect(judge(signAsOrder(forged, generateKeyPairSync('ed25519').privateKey, null))).toBe('order_signature');
    const longer = await admin.signForTenant(
      approvalForAll({
        ...everywhere(201),
        tunings: [aTuning('x', { createdAt: signer.clock.time + DAY, expiresAt: signer.clock.time + 367 * DAY })],
      } as TenantOrderAction),
    );
    expect(await refusalForAll(longer)).toBe('tuning_too_long');
  });
});

test('no file of the console holds a key that signs', () => {
  const copy = mkdtempSync(join(tmpdir(), 'yagura-stolen-'));
  cpSync(join(signer.directory, 'state'), copy, { recursive: true });
  const db = new DatabaseSync(join(copy, 'signer.db'));
  const keys = db.prepare("SELECT value FROM key_material WHERE name LIKE '%.key'").all();
  const codes = db.prepare('SELECT code AS value FROM approver_codes').all();
  db.close();
  rmSync(copy, { recursive: true });
  expect([keys.length, codes.length]).toEqual([2, 1]);
  const files = readdirSync(running.directory).map((name) => readFileSync(join(running.directory, name)));
  expect(files.length).toBeGreaterThan(2);
  for (const { value } of [...keys, ...codes]) {
    // The secret part of a PKCS#8 key: the Ed25519 seed at its end, the P-256 scalar near its beginning.
    const bytes = Buffer.from(value as Uint8Array);
    const secrets = bytes.length === 32 ? [bytes] : [bytes.subarray(-32), bytes.subarray(36, 68)];
    for (const secret of secrets) {
      for (const form of [secret, secret.toString('base64'), secret.toString('base64url'), secret.toString('hex')]) {
        expect(files.some((content) => content.includes(form))).toBe(false);
      }
    }
  }
});
