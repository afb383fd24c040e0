import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { LiveMessage } from '../../api/live.ts';
import type { ActiveSession, Identity } from '../../contexts/identity/api.ts';
import { type Bus, createBus } from '../../platform/bus.ts';
import { createLog } from '../../platform/log.ts';
import { createRateLimit } from '../../platform/rate-limit.ts';
import { createSessionCookie } from '../http/cookie.ts';
import { createLiveFeed, type LiveFeed, type LiveLimits } from './live-feed.ts';
import { MAX_IDS_PER_TOPIC, TopicBuffer } from './topic-buffer.ts';

const ORIGIN = 'https://console.example';
const SECRETS = { a: 'a'.repeat(43), b: 'b'.repeat(43) };

let server: Server;
let bus: Bus;
let feed: LiveFeed;
let clients: { terminate(): void }[];
/** Cookies that are good now, with their tenants. */
let sessions: Map<string, string>;

beforeEach(() => {
  clients = [];
  sessions = new Map([
    [SECRETS.a, 'tenant-a'],
    [SECRETS.b, 'tenant-b'],
  ]);
  bus = createBus((error) => {
    throw error;
  });
});
afterEach(async () => {
  feed.close();
  for (const client of clients) client.terminate();
  server.close();
  await once(server, 'close');
});

/** Only what the feed asks of it: whether a cookie is good. */
const identity: Pick<Identity, 'authenticate'> = {
  async authenticate(cookieSecret) {
    const tenantId = sessions.get(cookieSecret);
    if (tenantId === undefined) return undefined;
    const actor: ActiveSession['actor'] = { tenantId, userId: 'u', name: 'n', role: 'viewer' };
    return { actor, sessionHash: `hash of ${cookieSecret}`, createdAt: 0, expiresAt: 1 };
  },
};

async function start(limits: Partial<LiveLimits> = {}, upgradesPerMinute = 1_000): Promise<number> {
  server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  feed = createLiveFeed({
    server,
    identity,
    bus,
    log: createLog('test', 'silent'),
    cookie: createSessionCookie(ORIGIN),
    origins: new Set([ORIGIN]),
    upgrades: createRateLimit({ clock: { now: () => 0 }, perMinute: 1, burst: upgradesPerMinute }),
    limits: { collectMs: 10, ...limits },
  });
  return (server.address() as AddressInfo).port;
}

function open(port: number, secret: string, headers: Record<string, string> = {}, path = '/api/live') {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
    headers: { origin: ORIGIN, cookie: `__Host-yagura=${secret}`, ...headers },
  });
  clients.push(socket);
  const messages: LiveMessage[] = [];
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as LiveMessage));
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  const refused = new Promise<number | undefined>((resolve) => {
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode);
      socket.terminate();
    });
  });
  socket.on('error', () => undefined);
  return { socket, messages, closed, refused, opened: new Promise<void>((resolve) => socket.on('open', resolve)) };
}

const changed = (tenantId: string, id?: string) =>
  bus.publish({ type: 'changed', tenantId, topic: 'incidents', ...(id === undefined ? {} : { id }) });

describe('who may listen', () => {
  test.each([
    ['without an origin', { origin: '' }, 403],
    ['from another page', { origin: 'https://evil.example' }, 403],
    ['from a page whose name begins like ours', { origin: `${ORIGIN}.evil.example` }, 403],
    ['without a session', { cookie: '' }, 401],
    ['with a session that ended', { cookie: `__Host-yagura=${'z'.repeat(43)}` }, 401],
    ["with the cookie's name over plain HTTP", { cookie: `yagura=${SECRETS.a}` }, 401],
  ])('%s is refused', async (_name, headers, status) => {
    const port = await start();
    expect(await open(port, SECRETS.a, headers).refused).toBe(status);
    expect(feed.connected).toBe(0);
  });

  test('another path is no feed', async () => {
    expect(await open(await start(), SECRETS.a, {}, '/api/other').refused).toBe(404);
  });

  test('too many of one session, or from one address, are refused', async () => {
    const port = await start({ connectionsPerSession: 2 }, 4);
    await open(port, SECRETS.a).opened;
    await open(port, SECRETS.a).opened;
    expect(await open(port, SECRETS.a).refused).toBe(429);
    await open(port, SECRETS.b).opened;
    expect(await open(port, SECRETS.b).refused).toBe(429);
  });
});

describe('what is told', () => {
  test('is what changed in the own tenant alone', async () => {
    const port = await start();
    const [a, b] = [open(port, SECRETS.a), open(port, SECRETS.b)];
    await Promise.all([a.opened, b.opened]);
    changed('tenant-a', 'inc_1');
    bus.publish({ type: 'endpoint-revoked', tenantId: 'tenant-b', endpointId: 'ep' });
    await expect.poll(() => a.messages).toEqual([{ type: 'changed', topic: 'incidents', id: 'inc_1' }]);
    expect(b.messages).toEqual([]);
  });

  test('is told once, however often it changed, and by topic when much did', async () => {
    const a = open(await start(), SECRETS.a);
    await a.opened;
    for (let index = 0; index < 50; index += 1) changed('tenant-a', 'inc_1');
    await expect.poll(() => a.messages).toHaveLength(1);
    for (let index = 0; index <= MAX_IDS_PER_TOPIC; index += 1) changed('tenant-a', `inc_${index}`);
    await expect.poll(() => a.messages).toHaveLength(2);
    expect(a.messages[1]).toEqual({ type: 'changed', topic: 'incidents' });
  });
});

describe('who stays', () => {
  test('a browser that talks is sent away', async () => {
    const port = await start();
    const short = open(port, SECRETS.a);
    await short.opened;
    short.socket.send('hi');
    expect(await short.closed).toBe(1008);
    const long = open(port, SECRETS.a);
    await long.opened;
    long.socket.send('x'.repeat(100_000));
    expect([1006, 1009]).toContain(await long.closed);
  });

  test('a session that ended ends its feed at once when that is known, and at the next check when not', async () => {
    const port = await start({ checkMs: 50 });
    const [a, b] = [open(port, SECRETS.a), open(port, SECRETS.b)];
    await Promise.all([a.opened, b.opened]);
    bus.publish({ type: 'session-ended', tenantId: 'tenant-a', sessionHash: `hash of ${SECRETS.a}` });
    expect(await a.closed).toBe(4401);
    sessions.delete(SECRETS.b);
    expect(await b.closed).toBe(4401);
    await expect.poll(() => feed.connected).toBe(0);
  });

  test('a browser that vanished without a word is dropped', async () => {
    const port = await start({ checkMs: 50 });
    const raw = await rawSocket(port);
    await expect.poll(() => feed.connected).toBe(1);
    raw.pause();
    await expect.poll(() => feed.connected).toBe(0);
  });

  test('a broken frame ends its own socket only', async () => {
    const port = await start();
    const a = open(port, SECRETS.a);
    await a.opened;
    const raw = await rawSocket(port);
    raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x00]));
    await once(raw, 'close');
    changed('tenant-a', 'inc_1');
    await expect.poll(() => a.messages).toHaveLength(1);
  });
});

test('a browser that does not read loses its feed, delays nobody, and is told to ask anew', async () => {
  const port = await start({ bufferedBytes: 2_000, collectMs: 2 });
  const quick = open(port, SECRETS.a);
  await quick.opened;
  const slow = await rawSocket(port);
  slow.pause();
  let published = 0;
  const started = performance.now();
  // Until the kernel's buffers are full and the feed's own bound is reached.
  while (feed.resyncs === 0 && performance.now() - started < 20_000) {
    for (const topic of ['endpoints', 'incidents', 'orders', 'quarantine', 'tokens'] as const) {
      for (let index = 0; index < MAX_IDS_PER_TOPIC; index += 1) {
        bus.publish({ type: 'changed', tenantId: 'tenant-a', topic, id: `${'i'.repeat(50)}${index}` });
        published += 1;
      }
    }
    await setTimeout(3);
  }
  expect(feed.resyncs).toBe(1);
  await expect.poll(() => quick.messages.length).toBe(published);
  let received = '';
  slow.on('data', (chunk: Buffer) => {
    received = (received + chunk.toString('latin1')).slice(-200);
  });
  slow.resume();
  await expect.poll(() => received, { timeout: 10_000 }).toContain('{"type":"resync"}');
  changed('tenant-a', 'after');
  await expect.poll(() => received).toContain('"id":"after"');
});

/** A WebSocket client that reads only when it is told to. */
async function rawSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  clients.push({ terminate: () => socket.destroy() });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(
    `GET /api/live HTTP/1.1\r\nHost: x\r\nOrigin: ${ORIGIN}\r\nCookie: __Host-yagura=${SECRETS.a}\r\n` +
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
  );
  await once(socket, 'data');
  return socket;
}

describe('the buffer', () => {
  test('is bounded by topics and ids, whatever comes', () => {
    const buffer = new TopicBuffer();
    for (let index = 0; index < 100_000; index += 1) buffer.add('endpoints', `ep_${index}`);
    buffer.add('orders', undefined);
    buffer.add('orders', 'ord_1');
    expect(buffer.take()).toEqual([
      { type: 'changed', topic: 'endpoints' },
      { type: 'changed', topic: 'orders' },
    ]);
    expect(buffer.take()).toEqual([]);
  });
});
