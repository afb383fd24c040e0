import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enrol } from '@yagura/endpoint-agent/identity/enrol.ts';
import { createIdentityStore } from '@yagura/endpoint-agent/identity/identity-store.ts';
import { createOrderDesk } from '@yagura/endpoint-agent/orders/order-desk.ts';
import { systemClock } from '@yagura/endpoint-agent/platform/clock.ts';
import { createSpool } from '@yagura/endpoint-agent/spool/create-spool.ts';
import type { Spool } from '@yagura/endpoint-agent/spool/spool.ts';
import { createUplink } from '@yagura/endpoint-agent/uplink/create-uplink.ts';
import type { Uplink } from '@yagura/endpoint-agent/uplink/uplink.ts';
import type { ActionOutcome } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { approvalOf, createBrowserApprover } from '../fakes/browser-approver.ts';
import { eventItem, storyItem } from '../fakes/items.ts';
import { type RunningGateway, startGateway } from '../fakes/running-gateway.ts';
import { type RunningSigner, startSigner } from '../fakes/running-signer.ts';
import { seededRandom } from '../fakes/time.ts';
import { freePort } from '../support/local-installation.ts';

/** The agent's real identity, spool, uplink and order desk against the console's real gateway and signer. */
let signer: RunningSigner;
let running: RunningGateway;
let port: number;
let tenantId: string;
let stateDir: string;
let spool: Spool;
let uplink: Uplink;
let stop: AbortController;
let done: Promise<void>;
let endpointId: string;
let executed: string[];

const facts = { agentVersion: '0.1.0', platform: 'linux', hostname: 'pc-01' } as const;
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const admin = { tenantId: '', userId: 'usr_1', name: 'admin', role: 'admin' } as const;

beforeEach(async () => {
  signer = await startSigner();
  port = await freePort();
  stateDir = mkdtempSync(join(tmpdir(), 'yagura-contract-'));
  running = await startGateway({
    signer: signer.client,
    clock: signer.clock,
    port,
    directory: join(stateDir, 'console'),
  });
  tenantId = await running.createTenant('Hinode');
  const token = await running.createToken(tenantId);
  const environment = {};
  const enrolled = await enrol({
    token,
    console: `https://127.0.0.1:${port}`,
    stateDir,
    clock: systemClock,
    environment,
    ...facts,
  });
  if (!enrolled.ok) throw new Error(`${enrolled.code}: ${enrolled.message}`);
  const { identity } = enrolled;
  ({ endpointId } = identity);
  executed = [];
  spool = createSpool({
    dir: join(stateDir, 'spool'),
    clock: systemClock,
    random: seededRandom(1),
    limits: { ballastBytes: 0 },
  });
  const desk = createOrderDesk({
    stateDir,
    endpointId,
    tenantId,
    orderKey: identity.orderKey,
    clock: systemClock,
    log: quiet,
    execute: async (order): Promise<ActionOutcome> => {
      executed.push(order.action.kind);
      const at = systemClock.now();
      const common = { origin: 'order', target: {}, ok: true, code: 'done', startedAt: at, endedAt: at } as const;
      return { actionId: order.orderId, orderId: order.orderId, kind: order.action.kind, ...common };
    },
    report: (outcome) => void spool.append([{ type: 'outcome', outcome }]),
    onSettings: () => undefined,
  });
  if (!desk.ok) throw new Error(desk.code);
  uplink = createUplink({
    identity: createIdentityStore(stateDir, identity),
    spool,
    clock: systemClock,
    random: { ...seededRandom(2), fraction: () => 0 },
    log: quiet,
    hello: facts,
    onOrder: (signed, consoleNow) => desk.desk.receive(signed, consoleNow),
    environment,
    timing: { linger: 10 },
  });
  stop = new AbortController();
  done = uplink.run(stop.signal);
});
afterEach(async () => {
  stop.abort();
  await done;
  spool[Symbol.dispose]();
  await running[Symbol.asyncDispose]();
  await signer[Symbol.asyncDispose]();
  rmSync(stateDir, { recursive: true, force: true });
});

const isEmpty = (): boolean => Object.values(spool.status().pending).every((rows) => rows === 0);

async function counts(): Promise<{ events: number; incidents: number }> {
  const events = await running.store.read
    .selectFrom('events')
    .select('sequence')
    .where('endpoint_id', '=', endpointId)
    .execute();
  const incidents = await running.store.read
    .selectFrom('incidents')
    .select('story_id')
    .where('endpoint_id', '=', endpointId)
    .execute();
  return { events: events.length, incidents: incidents.length };
}

describe('agent and console', () => {
  test('[EN8] [UP3] enrol, connect, and everything spooled arrives once', async () => {
    for (let burst = 0; burst < 10; burst += 1) {
      spool.append(Array.from({ length: 100 }, (_, index) => eventItem(burst * 100 + index)));
      spool.append([storyItem('story-1', burst + 1), storyItem(`story-${burst + 2}`)]);
    }
    await expect.poll(isEmpty, { timeout: 10_000 }).toBe(true);
    expect(await counts()).toEqual({ events: 1_000, incidents: 11 });
    expect(uplink.status()).toMatchObject({ state: 'connected', setAside: 0 });
    const detail = await running.fleet.detail(tenantId, endpointId);
    expect(detail?.hostname).toBe('pc-01');
  });

  test('[UP10] the console goes away in the middle and comes back: nothing is lost or doubled', async () => {
    await expect.poll(() => uplink.status().state).toBe('connected');
    for (let burst = 0; burst < 20; burst += 1)
      spool.append(Array.from({ length: 100 }, (_, index) => eventItem(burst * 100 + index)));
    await running[Symbol.asyncDispose]();
    spool.append([storyItem('while-away')]);
    running = await startGateway({
      signer: signer.client,
      clock: signer.clock,
      port,
      directory: join(stateDir, 'console'),
    });
    await expect.poll(isEmpty, { timeout: 20_000 }).toBe(true);
    expect(await counts()).toEqual({ events: 2_000, incidents: 1 });
  });

  test('[CM2] [CM4] [CM8] what a person approves is done once, in order, and its outcome comes back', async () => {
    const browser = await createBrowserApprover();
    const code = await signer.admin.call('create-approver-code', { tenantId, userId: admin.userId, role: 'admin' });
    if (!code.ok) throw new Error(code.code);
    const registered = await signer.client.call('register-approver', {
      tenantId,
      userId: admin.userId,
      ...(await browser.registration(code.value.code)),
    });
    if (!registered.ok) throw new Error(registered.code);
    const { approverKeyId } = registered.value;
    const approve = async (action: Parameters<typeof approvalOf>[0]['action'] & object) =>
      await browser.sign(approvalOf({ tenantId, endpointId, approverKeyId, action, now: signer.clock.time }));
    const approvals = [
      await approve({ kind: 'test-detection' }),
      await approve({ kind: 'restore-file', quarantineId: 'q1' }),
      await approve({ kind: 'delete-quarantined', quarantineId: 'q2' }),
    ];
    const placed = await running.response.place({ ...admin, tenantId }, approvals);
    expect(placed).toMatchObject({ ok: true });
    const states = async (): Promise<string[]> => {
      const page = await running.response.orders(tenantId, {});
      return page.ok ? page.value.items.map((order) => order.state) : [];
    };
    await expect.poll(states, { timeout: 10_000 }).toEqual(['done', 'done', 'done']);
    expect(executed).toEqual(['test-detection', 'restore-file', 'delete-quarantined']);
  });

  test('[EN11] [UP11] a revoked agent says so and keeps what it has', async () => {
    await expect.poll(() => uplink.status().state).toBe('connected');
    await running.fleet.revoke({ ...admin, tenantId }, endpointId);
    await expect.poll(() => uplink.status().state).toBe('revoked');
    spool.append([storyItem('after')]);
    expect(spool.status().pending.alerts).toBe(1);
  });
});
