import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { runRules } from '@yagura/endpoint-agent/cli/rules.ts';
import type { Identity } from '@yagura/endpoint-agent/identity/identity.ts';
import { createOrderDesk, type EffectOrder, type OrderDesk } from '@yagura/endpoint-agent/orders/order-desk.ts';
import { fetchPack } from '@yagura/endpoint-agent/packs/fetch-pack.ts';
import { openRulePacks, type RulePacks } from '@yagura/endpoint-agent/packs/rule-packs.ts';
import { systemClock } from '@yagura/endpoint-agent/platform/clock.ts';
import { type ActionOutcome, Detection, type OrderAction, type RulePackReference } from '@yagura/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enrolPeer, type PeerState } from '../fakes/agent-peer.ts';
import { approvalOf, type BrowserApprover, createBrowserApprover } from '../fakes/browser-approver.ts';
import { anEvent } from '../fakes/items.ts';
import { absent, TESTDATA } from '../fakes/public-test-data.ts';
import { linuxRule, packOf, type TestPack } from '../fakes/rule-pack.ts';
import { type RunningGateway, startGateway } from '../fakes/running-gateway.ts';
import { type RunningSigner, startSigner } from '../fakes/running-signer.ts';

/** The whole way of a pack over real TLS, real signatures and real files; only the sensors are missing. */
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const PACK = packOf('rules', '1', linuxRule('one'));

let signer: RunningSigner;
let running: RunningGateway;
let tenantId: string;
let endpoint: PeerState;
let foreign: PeerState;
let admin: BrowserApprover;
let approverKeyId: string;
let orderKey: string;
let dir = '';

beforeAll(async () => {
  signer = await startSigner();
  running = await startGateway({
    signer: signer.client,
    clock: signer.clock,
    limits: { packsPerEndpoint: { perMinute: 60_000, burst: 60_000, maxKeys: 10 } },
  });
  tenantId = await running.createTenant('Hinode');
  endpoint = await enrolPeer(running.gateway.port, await running.createToken(tenantId));
  foreign = await enrolPeer(running.gateway.port, await running.createToken(await running.createTenant('Other')));
  admin = await createBrowserApprover();
  const code = await signer.admin.call('create-approver-code', { tenantId, userId: 'usr_admin', role: 'admin' });
  if (!code.ok) throw new Error(code.code);
  const registration = await admin.registration(code.value.code);
  const registered = await signer.client.call('register-approver', { tenantId, userId: 'usr_admin', ...registration });
  if (!registered.ok) throw new Error(registered.code);
  approverKeyId = registered.value.approverKeyId;
  const info = await signer.client.call('info', {});
  if (!info.ok) throw new Error(info.code);
  orderKey = info.value.orderKey;
  await store(PACK.bytes);
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  await signer[Symbol.asyncDispose]();
});
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'yagura-endpoint-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function store(bytes: Buffer): Promise<RulePackReference> {
  const added = await running.rulePacks.add({ tenantId, name: 'admin' }, Readable.from([bytes]));
  if (!added.ok) throw new Error(added.code);
  const { sha256, size, name, version } = added.value;
  return { sha256, size, name, version };
}

function identityOf(state: PeerState): Identity {
  return {
    v: 1,
    gateway: `https://127.0.0.1:${running.gateway.port}`,
    ...state.origin,
    privateKey: state.key,
    certificate: state.certificate,
    ca: state.ca,
    orderKey,
    enrolledAt: 1,
  };
}

const { signal } = new AbortController();
const fetchAs = (state: PeerState, reference: RulePackReference) =>
  fetchPack(reference, { identity: identityOf(state), environment: {}, signal });

/** An endpoint's packs and order desk, as the service puts them together. */
function startEndpoint(): { packs: RulePacks; desk: OrderDesk; outcomes: ActionOutcome[] } {
  const outcomes: ActionOutcome[] = [];
  const { endpointId } = endpoint.origin;
  const packs = openRulePacks({
    dir: join(dir, 'packs'),
    endpointId,
    platform: 'linux',
    clock: systemClock,
    log,
    signal,
    fetch: (reference) => fetchAs(endpoint, reference),
  });
  const execute = async ({ action, orderId }: EffectOrder): Promise<ActionOutcome> => {
    if (action.kind !== 'set-rule-pack') throw new Error(action.kind);
    const { kind, ...reference } = action;
    const installed = await packs.install(reference, endpointId);
    return { actionId: orderId, kind, origin: 'order', target: {}, startedAt: 1, endedAt: 2, ...installed };
  };
  const report = (outcome: ActionOutcome): void => void outcomes.push(outcome);
  const options = { stateDir: dir, endpointId, tenantId, orderKey, clock: systemClock, log, execute, report };
  const created = createOrderDesk({ ...options, onSettings: () => undefined });
  if (!created.ok) throw new Error(created.code);
  return { packs, desk: created.desk, outcomes };
}

async function order(action: OrderAction) {
  const { endpointId } = endpoint.origin;
  const approval = await admin.sign(
    approvalOf({ tenantId, endpointId, approverKeyId, action, now: signer.clock.time }),
  );
  const signed = await signer.client.call('sign-order', { approval });
  if (!signed.ok) throw new Error(signed.code);
  return signed.value.order;
}

describe('[RP2] the gateway', () => {
  test('hands out a pack of the endpoint’s tenant, whole', async () => {
    const fetched = await fetchAs(endpoint, PACK.reference);
    if (!fetched.ok) throw new Error(fetched.detail);
    const chunks: Uint8Array[] = [];
    for await (const chunk of fetched.content) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(PACK.bytes)).toBe(true);
  });

  test('has nothing for another tenant, nor for hashes that are none', async () => {
    const unavailable = { ok: false, code: 'pack_unavailable', detail: expect.stringContaining('404') };
    expect(await fetchAs(foreign, PACK.reference)).toEqual(unavailable);
    for (const sha256 of ['0'.repeat(64), '../console.db', '..%2fconsole.db', `${PACK.reference.sha256}/`, '']) {
      expect(await fetchAs(endpoint, { ...PACK.reference, sha256 })).toEqual(unavailable);
    }
  });

  test('refuses whoever shows no certificate of its own', async () => {
    const status = await new Promise((resolve, reject) => {
      request(
        {
          host: '127.0.0.1',
          port: running.gateway.port,
          path: `/packs/${PACK.reference.sha256}`,
          rejectUnauthorized: false,
        },
        (response) => resolve(response.resume().statusCode),
      )
        .once('error', reject)
        .end();
    });
    expect(status).toBe(401);
  });

  test('refuses a revoked endpoint, and an expired certificate', async () => {
    const lost = await enrolPeer(running.gateway.port, await running.createToken(tenantId));
    expect(await fetchAs(lost, PACK.reference)).toMatchObject({ ok: true });
    await running.store.write((tx) => running.fleet.revokeIn(tx, { tenantId, name: 'admin' }, lost.origin.endpointId));
    expect(await fetchAs(lost, PACK.reference)).toMatchObject({ detail: expect.stringContaining('401') });
    const before = signer.clock.time;
    signer.clock.time += 31 * 86_400_000;
    expect(await fetchAs(endpoint, PACK.reference)).toMatchObject({ detail: expect.stringContaining('401') });
    signer.clock.time = before;
  });

  test('says that a file is damaged by its length', async () => {
    const { size } = PACK.reference;
    expect(await fetchAs(endpoint, { ...PACK.reference, size: size + 1 })).toMatchObject({ code: 'pack_damaged' });
  });

  test('is not believed when its certificate is from elsewhere', async () => {
    const identity = { ...identityOf(endpoint), ca: (await startSignerCa()).ca };
    const options = { identity, environment: {}, signal };
    expect(await fetchPack(PACK.reference, options)).toMatchObject({ ok: false, code: 'pack_unavailable' });
  });
});

async function startSignerCa(): Promise<{ ca: string }> {
  await using other = await startSigner();
  const info = await other.client.call('info', {});
  if (!info.ok) throw new Error(info.code);
  return { ca: info.value.ca };
}

describe('[CM11] what a person approved', () => {
  const install = (pack: TestPack): OrderAction => ({ kind: 'set-rule-pack', ...pack.reference });

  test('is in force on the endpoint, and an older order brings nothing back', async () => {
    const newer = packOf('rules', '2', linuxRule('two'));
    await store(newer.bytes);
    const { packs, desk, outcomes } = startEndpoint();
    const first = await order(install(PACK));
    const second = await order(install(newer));
    expect(await desk.receive(second, signer.clock.time)).toMatchObject({ accepted: true });
    await desk.idle();
    expect([packs.health().active?.version, outcomes.at(-1)?.code]).toEqual(['2', 'done']);
    expect(await desk.receive(first, signer.clock.time)).toMatchObject({ accepted: false, code: 'order_replayed' });
    await desk.idle();
    expect(packs.health().active?.version).toBe('2');
  });

  test('and what the console does not have leaves everything as it was', async () => {
    const { packs, desk, outcomes } = startEndpoint();
    await desk.receive(await order(install(PACK)), signer.clock.time);
    await desk.idle();
    const missing = packOf('rules', '9', linuxRule('missing'));
    const stopped = desk.receive(await order(install(missing)), signer.clock.time);
    expect(await stopped).toMatchObject({ accepted: true });
    await desk.idle();
    expect([outcomes.at(-1)?.code, packs.health().active?.version]).toEqual(['pack_unavailable', '1']);
  }, 40_000);
});

const missing = absent('sigma-rules');
test.skipIf(missing !== '')(
  `imported rules keep author, link and licence on their detections, all the way to the endpoint${missing}`,
  async () => {
    const file = join(dir, 'linux.pack');
    const output: string[] = [];
    const io = { out: (text: string) => void output.push(text), err: (text: string) => void output.push(text) };
    mkdirSync(join(dir, 'empty'));
    const folder = join(TESTDATA, 'sigma-rules', 'rules', 'linux');
    expect(await runRules(['import', folder, '-o', file, '--name', 'SigmaHQ Linux', '--json'], io)).toBe(0);
    const bytes = readFileSync(file);
    const printed = JSON.parse(output.join('\n')) as { sha256: string; documents: number; rejected: unknown[] };
    const reference = await store(bytes);
    expect([printed.sha256, printed.rejected]).toEqual([reference.sha256, []]);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(reference.sha256);

    // The console shows them without an engine of its own.
    const { items } = await running.rulePacks.list(tenantId);
    const shown = items.find(({ sha256 }) => sha256 === reference.sha256);
    expect(shown?.header).toMatchObject({ name: 'SigmaHQ Linux', documents: printed.documents, rejected: 0 });
    expect(shown?.header.withLicence).toBe(printed.documents);
    expect(shown?.header.licences.join()).toContain('DRL');
    expect(shown?.header.systems[0]).toMatchObject({ system: 'linux', rules: printed.documents });

    const { packs, desk } = startEndpoint();
    await desk.receive(await order({ kind: 'set-rule-pack', ...reference }), signer.clock.time);
    await desk.idle();
    expect(packs.health()).toEqual({ active: reference });
    expect(packs.evaluator.rules.length).toBe(printed.documents);
    for (const { facts } of packs.evaluator.rules) {
      expect([facts.author?.length, facts.licence?.length], facts.ruleId).not.toContain(undefined);
    }
    const event = anEvent(1, {
      fields: {
        Image: '/usr/bin/base64',
        CommandLine: 'base64 -d -w0 /tmp/x',
        ParentImage: '/bin/bash',
      },
    });
    const matches = packs.evaluator.evaluate(event);
    expect(matches.length).toBeGreaterThan(0);
    for (const { rule, matched } of matches) {
      const detection = Detection.parse({ detectionId: 'd-1', rule, event, matched, time: event.time });
      expect(detection.rule.author).toBeTruthy();
      expect(detection.rule.reference).toMatch(/^https?:\/\//);
      expect(detection.rule.licence).toMatch(/DRL|Detection Rule License/);
    }
  },
  60_000,
);
