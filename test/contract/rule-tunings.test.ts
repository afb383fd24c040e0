import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrderDesk, type OrderDesk } from '@yagura/endpoint-agent/orders/order-desk.ts';
import { createJudgedTime } from '@yagura/endpoint-agent/service/judged-time.ts';
import { createSettings } from '@yagura/endpoint-agent/service/settings.ts';
import {
  type ActionOutcome,
  type Health,
  type ItemBody,
  Order,
  type SignedOrder,
  type TenantOrderAction,
} from '@yagura/protocol';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type AgentPeer, connectPeer, enrolPeer, type PeerState } from '../fakes/agent-peer.ts';
import {
  approvalOf,
  type BrowserApprover,
  createBrowserApprover,
  tenantApprovalOf,
} from '../fakes/browser-approver.ts';
import { aHealth } from '../fakes/items.ts';
import { type RunningGateway, startGateway } from '../fakes/running-gateway.ts';
import { type RunningSigner, startSigner } from '../fakes/running-signer.ts';

/** Tunings from a person's approval through signer, console and gateway to what the agent does with matches. */
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
let signer: RunningSigner;
let running: RunningGateway;
let tenantId: string;
let admin: BrowserApprover;
let approverKeyId: string;
let orderKey: string;

beforeAll(async () => {
  signer = await startSigner();
  running = await startGateway({ signer: signer.client, clock: signer.clock });
  tenantId = await running.createTenant('Hinode');
  admin = await createBrowserApprover();
  const code = await signer.admin.call('create-approver-code', { tenantId, userId: 'usr_1', role: 'admin' });
  if (!code.ok) throw new Error(code.code);
  const registration = await admin.registration(code.value.code);
  const registered = await signer.client.call('register-approver', { tenantId, userId: 'usr_1', ...registration });
  const info = await signer.client.call('info', {});
  if (!registered.ok || !info.ok) throw new Error('the signer does not answer');
  ({ approverKeyId } = registered.value);
  ({ orderKey } = info.value);
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  await signer[Symbol.asyncDispose]();
});

const person = () => ({ tenantId, userId: 'usr_1', name: 'Suzuki', role: 'admin' as const });
const enrol = async () => enrolPeer(running.gateway.port, await running.createToken(tenantId));

async function approve(action: TenantOrderAction): Promise<void> {
  const approval = await admin.signForTenant(
    tenantApprovalOf({ tenantId, approverKeyId, action, now: signer.clock.time }),
  );
  const placed = await running.response.placeStanding(person(), approval);
  if (!placed.ok) throw new Error(placed.code);
}

async function planned(ruleId: string): Promise<TenantOrderAction> {
  const plan = await running.response.planTuning(person(), {
    change: 'add',
    target: { scope: 'tenant' },
    ruleId,
    ruleTitle: ruleId,
    to: { kind: 'disable' },
    reason: 'the nightly backup',
    validDays: 30,
  });
  const action = plan.ok ? plan.value.tenantAction : undefined;
  if (!action) throw new Error('no plan');
  return action;
}

/** A session of an endpoint, which answers orders as the agent does. */
async function session(state: PeerState): Promise<AgentPeer> {
  const peer = await connectPeer(running.gateway.port, state);
  const welcome = await peer.hello();
  expect(welcome.type).toBe('welcome');
  return peer;
}

async function nextOrder(peer: AgentPeer): Promise<SignedOrder> {
  for (;;) {
    const frame = await peer.next();
    if (frame.type === 'order') return frame.order;
    if (frame.type !== 'ack') throw new Error(frame.type);
  }
}

/** What the service puts together of an order desk, its settings and the time. */
function agentOf(state: PeerState, dir: string, wall: () => number) {
  const outcomes: ActionOutcome[] = [];
  const time = createJudgedTime({ wall, boot: () => 0 });
  const settings = createSettings('balanced', time);
  const created = createOrderDesk({
    ...state.origin,
    stateDir: dir,
    orderKey,
    clock: { now: wall, monotonic: () => 0, after: () => () => undefined },
    log,
    execute: () => Promise.reject(new Error('nothing to carry out')),
    report: (outcome) => void outcomes.push(outcome),
    onSettings: (ordered) => settings.replace(ordered),
  });
  if (!created.ok) throw new Error(created.code);
  const { desk } = created;
  time.atLeast(desk.issuedFloor());
  time.remember(desk.timeSeen());
  settings.replace(desk.settings());
  return { desk, settings, time, outcomes };
}

async function take(peer: AgentPeer, desk: OrderDesk, signed: SignedOrder): Promise<string> {
  const receipt = await desk.receive(signed, signer.clock.time);
  peer.sendFrame({ type: 'order-received', ...receipt });
  return receipt.code;
}

let sequence = 0;
function send(peer: AgentPeer, body: ItemBody): void {
  sequence += 1;
  const sentAt = signer.clock.time;
  peer.sendBatch({ batchId: sequence, epoch: 'epoch-1', sentAt, items: [{ sequence, spooledAt: sentAt, body }] });
}

describe('[CM14] what holds for the tenant', () => {
  test('reaches an endpoint that is connected, and one that is enrolled afterwards, each once', async () => {
    const first = await enrol();
    const peer = await session(first);
    const dir = mkdtempSync(join(tmpdir(), 'yagura-tuned-'));
    const { desk, settings, outcomes } = agentOf(first, dir, () => signer.clock.time);
    await approve(await planned('backup'));
    expect(await take(peer, desk, await nextOrder(peer))).toBe('accepted');
    expect(settings.tuner().find('backup', settings.now())?.change).toEqual({ kind: 'disable' });
    const [outcome] = outcomes;
    if (!outcome) throw new Error('no outcome');
    send(peer, { type: 'outcome', outcome });
    await vi.waitFor(async () => {
      const { items } = await running.response.tunings(tenantId);
      expect(items).toMatchObject([{ ruleId: 'backup', progress: { endpoints: 1, done: 1, failed: 0 } }]);
    });

    const late = await enrol();
    const latePeer = await session(late);
    const lateDir = mkdtempSync(join(tmpdir(), 'yagura-tuned-'));
    const lateAgent = agentOf(late, lateDir, () => signer.clock.time);
    expect(await take(latePeer, lateAgent.desk, await nextOrder(latePeer))).toBe('accepted');
    expect(lateAgent.settings.tuner().find('backup', lateAgent.settings.now())).toMatchObject({ owner: 'Suzuki' });
    // The first endpoint comes back: it has its order already, and what comes next is something else.
    peer.socket.terminate();
    const again = await session(first);
    const approval = await admin.sign(
      approvalOf({ ...first.origin, approverKeyId, now: signer.clock.time, action: { kind: 'test-detection' } }),
    );
    await running.response.place(person(), [approval]);
    const next = Order.parse(JSON.parse(Buffer.from((await nextOrder(again)).payload, 'base64').toString()));
    expect(next.action.kind).toBe('test-detection');
    again.socket.terminate();
    latePeer.socket.terminate();
    for (const each of [dir, lateDir]) rmSync(each, { recursive: true });
  });

  test('[CM15] a tuning that has ended has no effect, also when the clock was set back', async () => {
    const state = await enrol();
    const dir = mkdtempSync(join(tmpdir(), 'yagura-tuned-'));
    let wall = signer.clock.time;
    const peer = await session(state);
    const running_ = agentOf(state, dir, () => wall);
    await take(peer, running_.desk, await nextOrder(peer));
    const rule = running_.desk.settings().tunings.tenant.list[0];
    if (!rule) throw new Error('no tuning');
    const tuned = (agent: ReturnType<typeof agentOf>) =>
      agent.settings.tuner().find(rule.ruleId, agent.settings.now()) !== undefined;
    expect(tuned(running_)).toBe(true);
    // By its own clock, offline, it ends on time, and stays so when the clock is set back.
    wall = rule.expiresAt;
    expect(tuned(running_)).toBe(false);
    running_.time.remember(wall);
    running_.desk.rememberTime(wall);
    wall = 0;
    expect(tuned(running_)).toBe(false);
    const restarted = agentOf(state, dir, () => wall);
    expect(tuned(restarted)).toBe(false);
    // Had the clock only been wrongly ahead, the next session would say so.
    restarted.time.state(rule.expiresAt - 1);
    expect(tuned(restarted)).toBe(true);
    // Once a console has said that it is over, it is gone for good.
    restarted.time.state(rule.expiresAt);
    expect(tuned(restarted)).toBe(false);
    restarted.desk.forgetEnded(restarted.time.now());
    expect(agentOf(state, dir, () => wall).desk.settings().tunings.tenant.list).toEqual([]);
    peer.socket.terminate();
    rmSync(dir, { recursive: true });
  });
});

test('[HE6] a rule that an endpoint suspended is named in the console, through the gateway, and forgotten with it', async () => {
  const state = await enrol();
  const peer = await session(state);
  const now = signer.clock.time;
  const slow = { ruleId: 'slow-rule', title: 'Slow rule', since: now - 60_000, until: now + 540_000, times: 1 };
  const said = (suspended: Health['rules']['suspended']): ItemBody => ({
    type: 'health',
    health: { ...aHealth(now), rules: { loaded: 7, rejected: 0, ...(suspended ? { suspended } : {}) } },
  });
  const { endpointId } = state.origin;
  const shown = async () =>
    (await running.response.tunings(tenantId)).suspended.filter((row) => row.endpointId === endpointId);
  send(peer, said([slow]));
  await vi.waitFor(async () => expect(await shown()).toEqual([{ ...slow, endpointId, endpointName: 'pc-1' }]));
  const detail = await running.fleet.detail(tenantId, endpointId);
  expect(detail?.health?.rules.suspended).toEqual([slow]);
  send(peer, said(undefined));
  await vi.waitFor(async () => expect(await shown()).toEqual([]));
  peer.socket.terminate();
});

test('[HE5] the rules that an agent brings are listed in the console', async () => {
  const state = await enrol();
  const peer = await session(state);
  const rule = {
    ruleId: 'own-rule',
    title: 'Own rule',
    source: 'sigma',
    severity: 'high',
    confidence: 'high',
    techniques: ['T1059'],
    tactics: ['execution'],
    system: 'linux',
    canFire: true,
  } as const;
  const catalogue = { rules: [{ ...rule, techniques: [...rule.techniques], tactics: [...rule.tactics] }], omitted: 0 };
  send(peer, { type: 'rule-catalogue', catalogue });
  await vi.waitFor(async () => {
    const page = await running.rules.page(tenantId, {});
    expect(page.ok && page.value).toMatchObject({ total: 1, items: [{ ...rule, origin: { kind: 'built-in' } }] });
  });
  peer.socket.terminate();
});
