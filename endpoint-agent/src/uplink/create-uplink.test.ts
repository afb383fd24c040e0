import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Batch, CLOSE_CODES, type ConsoleFrame, type ItemBody, SESSION, type SignedOrder } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startConnectProxy } from '../../../test/fakes/connect-proxy.ts';
import { ENDPOINT, type FakeGateway, type GatewaySession, startGateway, TENANT } from '../../../test/fakes/gateway.ts';
import { eventItem, storyItem } from '../../../test/fakes/items.ts';
import { seededRandom } from '../../../test/fakes/time.ts';
import { enrol } from '../identity/enrol.ts';
import { type Identity, loadIdentity } from '../identity/identity.ts';
import { createIdentityStore } from '../identity/identity-store.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import { createSpool } from '../spool/create-spool.ts';
import type { Spool } from '../spool/spool.ts';
import { createUplink, type UplinkOptions } from './create-uplink.ts';
import type { Uplink } from './uplink.ts';

let gateway: FakeGateway;
let dir: string;
let identity: Identity;
let spool: Spool;
let running: { stop: AbortController; done: Promise<void> }[] = [];

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const facts = { agentVersion: '0.1.0', platform: 'linux', hostname: 'pc-01' } as const;
/** Delays come from chance alone: with none of it, every retry is as early as the rules allow. */
const hasty: Random = { ...seededRandom(7), fraction: () => 0 };

beforeEach(async () => {
  gateway = await startGateway();
  dir = mkdtempSync(join(tmpdir(), 'yagura-uplink-'));
  const options = { stateDir: dir, clock: systemClock, environment: {}, ...facts };
  const result = await enrol({ token: gateway.token(), ...options });
  if (!result.ok) throw new Error(result.code);
  identity = result.identity;
  spool = createSpool({
    dir: join(dir, 'spool'),
    clock: systemClock,
    random: seededRandom(1),
    limits: { ballastBytes: 0 },
  });
});
afterEach(async () => {
  for (const { stop } of running) stop.abort();
  await Promise.all(running.map(({ done }) => done));
  running = [];
  spool[Symbol.dispose]();
  await gateway[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** Retries would take at least a second each: the rule itself is tested beside reconnect-delay.ts. */
const impatient: Clock = { ...systemClock, after: (ms, task) => systemClock.after(Math.min(ms, 20_000) / 20, task) };

function start(overrides: Partial<UplinkOptions> = {}): Uplink {
  const uplink = createUplink({
    identity: createIdentityStore(dir, identity),
    spool,
    clock: systemClock,
    random: hasty,
    log: quiet,
    hello: facts,
    onOrder: () => Promise.reject(new Error('no order was expected')),
    environment: {},
    ...overrides,
    timing: { linger: 10, ...overrides.timing },
  });
  const stop = new AbortController();
  running.push({ stop, done: uplink.run(stop.signal) });
  return uplink;
}

const events = (from: number, count: number): ItemBody[] =>
  Array.from({ length: count }, (_, n) => eventItem(from + n));
const empty = (): boolean => Object.values(spool.status().pending).every((rows) => rows === 0);
const refuse = (session: GatewaySession, closeCode: number, frame?: ConsoleFrame): void => {
  if (frame !== undefined) session.send(frame);
  session.socket.close(closeCode);
};

describe('a session', () => {
  test('[UP5] begins with hello, then everything spooled arrives once and leaves the spool', async () => {
    spool.append(events(0, 1_200));
    let connected = 0;
    const uplink = start({
      onConnected: () => {
        connected += 1;
      },
    });
    await gateway.until('an empty spool', empty);
    const [session] = gateway.sessions;
    const { epoch } = spool.status();
    expect(session?.hello).toMatchObject({
      type: 'hello',
      protocol: { min: 1, max: 1 },
      epoch,
      lastSequence: 1_200,
      ...facts,
    });
    expect(session?.endpointId).toBe(ENDPOINT);
    expect(gateway.committed.size).toBe(1_200);
    expect([...gateway.copies.values()].every((copies) => copies === 1)).toBe(true);
    expect(uplink.status()).toMatchObject({ state: 'connected', sent: 1_200, acknowledged: 1_200 });
    expect(connected).toBe(1);
  });

  test('an alert leaves at once, telemetry after its linger', async () => {
    start({ timing: { linger: 400 } });
    await gateway.until('a session', () => gateway.sessions.length === 1);
    await gateway.until('hello', () => gateway.sessions[0]?.hello !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    spool.append(events(0, 1));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(gateway.committed.size).toBe(0);
    spool.append([storyItem('s-1')]);
    await gateway.until('both', () => gateway.committed.size === 2, 250);
    expect([...gateway.committed.values()][0]?.body.type).toBe('story');
  });

  test('[UP7] no more than the agreed number of batches is unanswered', async () => {
    const waiting: Batch[] = [];
    gateway.onBatch = (_session, batch) => void waiting.push(batch);
    spool.append(events(0, 5_000));
    start();
    await gateway.until('a full window', () => waiting.length === SESSION.unacknowledgedBatches);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(waiting).toHaveLength(SESSION.unacknowledgedBatches);
    expect(waiting.map((batch) => batch.batchId)).toEqual([1, 2, 3, 4]);
    gateway.onBatch = (session, batch) => {
      gateway.commit(batch);
      session.ack(batch);
    };
    const [session] = gateway.sessions;
    for (const batch of waiting) if (session) gateway.onBatch(session, batch);
    await gateway.until('an empty spool', empty);
    expect(gateway.committed.size).toBe(5_000);
  });

  test('[UP3] an ack takes only what its batch carried out of the spool', async () => {
    const batches: Batch[] = [];
    gateway.onBatch = (session, batch) => {
      batches.push(batch);
      if (batches.length > 1) return;
      session.send({ type: 'ack', batchId: batch.batchId, epoch: batch.epoch, ranges: [[1, 1_000_000]] });
    };
    spool.append(events(0, 700));
    start();
    await gateway.until('the second batch', () => batches.length >= 2);
    expect(spool.status().pending.telemetry).toBe(200);
  });
});

describe('[UP8] nack', () => {
  test('with a time: the same items again, not sooner', async () => {
    const arrivals: number[] = [];
    gateway.onBatch = (session, batch) => {
      arrivals.push(performance.now());
      if (arrivals.length === 1) {
        return session.send({
          type: 'nack',
          batchId: batch.batchId,
          code: 'store_unavailable',
          message: 'later',
          retryAfterMs: 400,
        });
      }
      gateway.commit(batch);
      session.ack(batch);
    };
    spool.append(events(0, 10));
    start();
    await gateway.until('an empty spool', empty);
    expect(gateway.committed.size).toBe(10);
    expect((arrivals[1] ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(350);
  });

  test('with poisoned items: they are set aside, the rest arrives', async () => {
    gateway.onBatch = (session, batch) => {
      const poisoned = batch.items.map((item) => item.sequence).filter((sequence) => sequence === 3 || sequence === 5);
      if (poisoned.length > 0) {
        return session.send({ type: 'nack', batchId: batch.batchId, code: 'item_malformed', message: 'no', poisoned });
      }
      gateway.commit(batch);
      session.ack(batch);
    };
    spool.append(events(0, 10));
    const uplink = start();
    await gateway.until('an empty spool', empty);
    expect(gateway.committed.size).toBe(8);
    expect(spool.status().setAside).toBe(2);
    expect(uplink.status().setAside).toBe(2);
  });

  test('with neither: the guilty item is found and only it is set aside', async () => {
    gateway.onBatch = (session, batch) => {
      if (batch.items.some((item) => item.sequence === 7)) {
        return session.send({ type: 'nack', batchId: batch.batchId, code: 'batch_malformed', message: 'no' });
      }
      gateway.commit(batch);
      session.ack(batch);
    };
    spool.append(events(0, 40));
    start();
    await gateway.until('an empty spool', empty);
    expect(gateway.committed.size).toBe(39);
    expect(spool.status().setAside).toBe(1);
  });
});

describe('[UP10] [SP2] breaks', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    'seed %i: cut frames, lost acks and dead sessions lose nothing and double nothing',
    async (seed) => {
      const random = seededRandom(seed);
      const total = 3_000;
      let cuts = 0;
      gateway.onBatch = (session, batch) => {
        const chance = random.fraction();
        // Before the commit, after it but before the ack, or in the middle of the ack's answer.
        if (chance < 0.12 && cuts < 25) {
          cuts += 1;
          return void session.wire.destroy();
        }
        gateway.commit(batch);
        if (chance < 0.24 && cuts < 25) {
          cuts += 1;
          return session.socket.terminate();
        }
        session.ack(batch);
        if (chance < 0.3 && cuts < 25) {
          cuts += 1;
          session.wire.destroy();
        }
      };
      const feed = setInterval(() => {
        const { lastSequence } = spool.status();
        if (lastSequence >= total) return clearInterval(feed);
        spool.append(random.fraction() < 0.3 ? [storyItem(`s-${lastSequence}`)] : events(lastSequence, 40));
      }, 3);
      // Retries would take at least a second each: the rule itself is tested beside reconnect-delay.ts.
      const impatient = {
        ...systemClock,
        after: (ms: number, task: () => void) => systemClock.after(Math.min(ms, 400) / 20, task),
      };
      start({
        clock: impatient,
        timing: { linger: 60, deadPeerTimeout: 45_000, pingInterval: 20_000, helloTimeout: 200_000 },
      });
      try {
        await gateway.until('everything', () => spool.status().lastSequence >= total && empty(), 25_000);
      } finally {
        clearInterval(feed);
      }
      const { epoch, lastSequence, shed, refused } = spool.status();
      const missing = Array.from({ length: lastSequence }, (_, n) => n + 1).filter(
        (n) => !gateway.committed.has(`${epoch}/${n}`),
      );
      expect(missing).toEqual([]);
      expect(gateway.committed.size).toBe(lastSequence);
      expect({ shed, refused }).toEqual({ shed: 0, refused: 0 });
      expect(cuts).toBeGreaterThan(0);
    },
  );

  test('offline from the start: it keeps spooling and delivers when the console comes', async () => {
    const { port, authority } = gateway;
    await gateway[Symbol.asyncDispose]();
    spool.append([storyItem('s-1')]);
    const uplink = start();
    await gateway.until('the failure', () => uplink.status().code !== undefined);
    expect(uplink.status()).toMatchObject({ code: 'gateway_unreachable' });
    gateway = await startGateway({ authority, port });
    await gateway.until('delivery', empty, 8_000);
    expect(gateway.committed.size).toBe(1);
    expect(uplink.status().state).toBe('connected');
    expect(uplink.status().code).toBeUndefined();
  });

  test('[EN3] a gateway of another CA at the same address gets nothing', async () => {
    const { port } = gateway;
    await gateway[Symbol.asyncDispose]();
    gateway = await startGateway({ port });
    spool.append([storyItem('s-1')]);
    const uplink = start();
    await gateway.until('the failure', () => uplink.status().code !== undefined);
    expect(uplink.status().code).toBe('gateway_untrusted');
    expect(gateway.sessions).toEqual([]);
  });

  test('[UP12] a console that goes silent is taken for dead and the next session delivers', async () => {
    let silent = true;
    gateway.onHello = (session, hello) => {
      if (silent) {
        silent = false;
        session.wire.pause();
        return;
      }
      session.send({
        type: 'welcome',
        protocol: 1,
        consoleVersion: '1',
        time: hello.time,
        endpointId: ENDPOINT,
        tenantId: TENANT,
      });
    };
    spool.append([storyItem('s-1')]);
    const uplink = start({ timing: { pingInterval: 100, deadPeerTimeout: 300, helloTimeout: 60_000 } });
    await gateway.until('the failure', () => uplink.status().code === 'peer_dead');
    await gateway.until('delivery', empty);
    expect(gateway.committed.size).toBe(1);
  });

  test('[UP12] a jump of the wall clock by a day breaks no session', async () => {
    let jumped = 0;
    const clock = { ...systemClock, now: () => Date.now() + jumped };
    start({ clock, timing: { pingInterval: 50, deadPeerTimeout: 2_000 } });
    await gateway.until('a session', () => gateway.sessions[0]?.hello !== undefined);
    jumped = 86_400_000;
    await new Promise((resolve) => setTimeout(resolve, 200));
    jumped = -86_400_000;
    spool.append([storyItem('s-1')]);
    await gateway.until('delivery', empty);
    expect(gateway.sessions).toHaveLength(1);
  });

  test('[UP7] when the spool is replaced under the session, a new hello says the new epoch', async () => {
    let epochs = ['e-1'];
    const fake: Spool = {
      ...bind(spool),
      status: () => ({ ...spool.status(), epoch: epochs.at(-1) ?? '' }),
    };
    start({ spool: fake });
    await gateway.until('a session', () => gateway.sessions[0]?.hello !== undefined);
    epochs = [...epochs, 'e-2'];
    spool.append([storyItem('s-1')]);
    await gateway.until('a second session', () => gateway.sessions[1]?.hello !== undefined);
    expect(gateway.sessions.map((session) => session.hello?.epoch)).toEqual(['e-1', 'e-2']);
  });
});

test('[UP7] a spool that is replaced between hello and welcome is told by a new hello too', async () => {
  let epoch = 'e-1';
  const fake: Spool = { ...bind(spool), status: () => ({ ...spool.status(), epoch }) };
  const welcome = gateway.onHello;
  gateway.onHello = (session, hello) => {
    epoch = 'e-2';
    welcome(session, hello);
  };
  start({ spool: fake });
  await gateway.until('a second session', () => gateway.sessions[1]?.hello !== undefined);
  expect(gateway.sessions.map((session) => session.hello?.epoch)).toEqual(['e-1', 'e-2']);
});

function bind(real: Spool): Spool {
  return {
    append: (bodies) => real.append(bodies),
    next: (limit, inFlight) => real.next(limit, inFlight),
    acknowledge: (ranges) => real.acknowledge(ranges),
    quarantine: (sequence, code) => real.quarantine(sequence, code),
    status: () => real.status(),
    onAppend: (listener) => real.onAppend(listener),
    [Symbol.dispose]: () => undefined,
  };
}

describe('refusals', () => {
  test('[VN2] no common version: both sides are named and the state says so', async () => {
    gateway.onHello = (session, hello) => {
      const refused = { type: 'refused', code: 'version_unsupported', message: 'update the agent' } as const;
      refuse(session, CLOSE_CODES.version_unsupported, {
        ...refused,
        agent: hello.protocol,
        console: { min: 3, max: 4 },
      });
    };
    spool.append([storyItem('s-1')]);
    const uplink = start();
    await gateway.until('the refusal', () => uplink.status().state === 'version_unsupported');
    expect(uplink.status().code).toBe('version_unsupported');
    expect(uplink.status().detail).toContain('agent speaks 1 to 1, console 3 to 4');
    expect(spool.status().pending.alerts).toBe(1);
  });

  test.each([
    ['revoked', CLOSE_CODES.certificate_revoked, 'certificate_revoked'],
    ['duplicate_session', CLOSE_CODES.duplicate_session, 'duplicate_session'],
  ])('[UP11] %s ends the attempts for long', async (state, closeCode, code) => {
    gateway.onHello = (session) => refuse(session, closeCode);
    const uplink = start();
    await gateway.until('the state', () => uplink.status().state === state);
    expect(uplink.status().code).toBe(code);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(gateway.sessions).toHaveLength(1);
  });

  test('[UP11] revocation in the middle of a session stops it and keeps the spool', async () => {
    gateway.onBatch = (session) => refuse(session, CLOSE_CODES.certificate_revoked);
    spool.append(events(0, 10));
    const uplink = start();
    await gateway.until('the state', () => uplink.status().state === 'revoked');
    expect(spool.status().pending.telemetry).toBe(10);
  });

  test('[UP2] a console that takes it for another endpoint gets no items', async () => {
    gateway.onHello = (session) => {
      session.send({
        type: 'welcome',
        protocol: 1,
        consoleVersion: '1',
        time: 1,
        endpointId: 'other',
        tenantId: TENANT,
      });
    };
    spool.append([storyItem('s-1')]);
    const uplink = start();
    await gateway.until('the failure', () => uplink.status().code !== undefined);
    expect(uplink.status().code).toBe('identity_mismatch');
    expect(gateway.committed.size).toBe(0);
  });

  test.each([
    ['no JSON', '{'],
    ['an unknown key', JSON.stringify({ type: 'refused', code: 'x', message: 'y', extra: 1 })],
    ['an unknown type', JSON.stringify({ type: 'format-disk' })],
    ['__proto__', '{"type":"refused","code":"x","message":"y","__proto__":{"admin":true}}'],
    ['an ack for no batch', JSON.stringify({ type: 'ack', batchId: 9, epoch: 'e', ranges: [[1, 2]] })],
    [
      'an order before welcome',
      JSON.stringify({ type: 'order', order: { payload: 'AA==', signature: 'A'.repeat(88) } }),
    ],
    [
      'a version that was not offered',
      JSON.stringify({
        type: 'welcome',
        protocol: 9,
        consoleVersion: '1',
        time: 1,
        endpointId: ENDPOINT,
        tenantId: TENANT,
      }),
    ],
  ])('[UP13] %s from the console closes the session and the agent goes on', async (_name, text) => {
    let first = true;
    const honest = gateway.onHello;
    gateway.onHello = (session, hello) => {
      if (!first) return honest(session, hello);
      first = false;
      session.socket.send(text);
    };
    spool.append([storyItem('s-1')]);
    start({ clock: impatient });
    await gateway.until('delivery by the next session', empty);
    expect(gateway.sessions[0]?.closeCode).toBe(CLOSE_CODES.frame_malformed);
  });

  test('[LI2] a frame beyond the limit closes 1009 and costs no more than the session', async () => {
    let first = true;
    const honest = gateway.onHello;
    gateway.onHello = (session, hello) => {
      if (!first) return honest(session, hello);
      first = false;
      session.socket.send('x'.repeat(1_100_000));
    };
    spool.append([storyItem('s-1')]);
    start({ clock: impatient });
    await gateway.until('delivery by the next session', empty);
    expect(gateway.sessions[0]?.closeCode).toBe(CLOSE_CODES.frame_too_large);
  });
});

describe('renewal', () => {
  const subject = `O=${TENANT}, CN=${ENDPOINT}`;
  const answerRenewals = (named = subject): void => {
    const answer = async (session: GatewaySession, csr: string): Promise<void> => {
      const { authority } = gateway;
      const certificate = (await authority.issueFor(csr, { subject: named, usage: 'client' })) ?? '';
      session.send({ type: 'certificate', certificate, ca: authority.certificate });
    };
    gateway.onFrame = (session, frame) => {
      if (frame.type === 'renew') void answer(session, frame.csr);
    };
  };
  /** Gives the endpoint a certificate of any age. */
  async function certify(notBefore: number, notAfter: number): Promise<void> {
    const issued = await gateway.authority.issue({ subject, usage: 'client', notBefore, notAfter });
    identity = { ...identity, ...issued };
  }
  const day = 86_400_000;

  test('[EN9] past two thirds the certificate is renewed over the session and the next session shows it', async () => {
    await certify(Date.now() - 25 * day, Date.now() + 5 * day);
    answerRenewals();
    start();
    await gateway.until('the new certificate', () => {
      const stored = loadIdentity(dir);
      return stored.ok && stored.identity.certificate !== identity.certificate;
    });
    const first = gateway.sessions[0]?.wire.getPeerX509Certificate()?.serialNumber;
    spool.append([storyItem('s-1')]);
    await gateway.until('delivery', empty);
    gateway.sessions[0]?.wire.destroy();
    await gateway.until('a second session', () => gateway.sessions[1]?.hello !== undefined);
    expect(gateway.sessions[1]?.wire.authorized).toBe(true);
    expect(gateway.sessions[1]?.wire.getPeerX509Certificate()?.serialNumber).not.toBe(first);
  });

  test('[EN10] an expired certificate renews itself in place of a session, then delivers', async () => {
    await certify(Date.now() - 60 * day, Date.now() - 30 * day);
    answerRenewals();
    const honest = gateway.onHello;
    gateway.onHello = (session, hello) => {
      if (session.wire.authorized) return honest(session, hello);
      session.send({ type: 'refused', code: 'certificate_expired', message: 'renew it' });
    };
    spool.append([storyItem('s-1')]);
    start();
    await gateway.until('delivery', empty);
    expect(gateway.sessions.map((session) => session.frames.map((frame) => frame.type))).toEqual([
      ['hello', 'renew'],
      ['hello'],
    ]);
  });

  test('[EN9] a renewal for somebody else changes nothing', async () => {
    await certify(Date.now() - 25 * day, Date.now() + 5 * day);
    answerRenewals(`O=${TENANT}, CN=other`);
    const before = loadIdentity(dir);
    start();
    spool.append([storyItem('s-1')]);
    await gateway.until('delivery', empty);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(loadIdentity(dir)).toEqual(before);
    expect(gateway.sessions).toHaveLength(1);
  });
});

describe('orders', () => {
  test('[CM9] are handed on with the console time, one after another, and answered', async () => {
    const consoleTime = Date.now() + 3 * 86_400_000;
    gateway.onHello = (session) => {
      session.send({
        type: 'welcome',
        protocol: 1,
        consoleVersion: '1',
        time: consoleTime,
        endpointId: ENDPOINT,
        tenantId: TENANT,
      });
    };
    const taken: { signed: SignedOrder; at: number }[] = [];
    const order = gateway.orderKey.signBytes(Buffer.from('{}'));
    const uplink = start({
      onOrder: (signed, at) => {
        taken.push({ signed, at });
        return Promise.resolve({ orderId: `o-${taken.length}`, accepted: true, code: 'accepted' });
      },
    });
    await gateway.until('a session', () => uplink.status().state === 'connected');
    const [session] = gateway.sessions;
    for (let n = 0; n < 3; n += 1) session?.send({ type: 'order', order });
    await gateway.until(
      'three answers',
      () => (session?.frames.filter(({ type }) => type === 'order-received').length ?? 0) === 3,
    );
    expect(taken.map(({ signed }) => signed)).toEqual([order, order, order]);
    expect(Math.abs((taken[0]?.at ?? 0) - consoleTime)).toBeLessThan(5_000);
    expect(Math.abs((uplink.status().clockOffset ?? 0) - 3 * 86_400_000)).toBeLessThan(5_000);
  });
});

describe('[UP14] proxies', () => {
  test('mutual TLS through CONNECT; the proxy sees no plain byte', async () => {
    await using proxy = await startConnectProxy();
    spool.append([storyItem('s-1')]);
    start({ environment: { https_proxy: proxy.url } });
    await gateway.until('delivery', empty);
    expect(proxy.asked).toEqual([{ authority: `127.0.0.1:${gateway.port}`, authorization: undefined }]);
    expect(gateway.sessions[0]?.wire.authorized).toBe(true);
    expect(proxy.seen[0]?.[0]).toBe(22);
  });

  test('a refusing proxy is named', async () => {
    await using proxy = await startConnectProxy();
    proxy.answer = 403;
    const uplink = start({ environment: { https_proxy: proxy.url } });
    await gateway.until('the failure', () => uplink.status().code !== undefined);
    expect(uplink.status()).toMatchObject({ code: 'proxy_failed', detail: expect.stringContaining('403') });
  });
});

test('stopping closes the session and resolves, also while it waits or connects', async () => {
  const stop = new AbortController();
  const uplink = createUplink({
    identity: createIdentityStore(dir, identity),
    spool,
    clock: systemClock,
    random: hasty,
    log: quiet,
    hello: facts,
    onOrder: () => Promise.reject(new Error('none')),
    environment: {},
  });
  const done = uplink.run(stop.signal);
  await gateway.until('a session', () => uplink.status().state === 'connected');
  const closed = new Promise<number>((resolve) => gateway.sessions[0]?.socket.on('close', resolve));
  stop.abort();
  await done;
  expect(await closed).toBe(CLOSE_CODES.console_stopping);
  expect(uplink.status().state).toBe('stopped');
});
