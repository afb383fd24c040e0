import { X509Certificate } from 'node:crypto';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { LIMITS } from '@yagura/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  batchOf,
  connectPeer,
  enrolPeer,
  eventOf,
  hangUp,
  itemOf,
  openSession,
  type PeerState,
} from '../../../test/fakes/agent-peer.ts';
import { type RunningGateway, startGateway } from '../../../test/fakes/running-gateway.ts';
import { createKeyAndRequest, type RunningSigner, startSigner } from '../../../test/fakes/running-signer.ts';

const DAY_MS = 86_400_000;
let signer: RunningSigner;
let running: RunningGateway;
let tenantId: string;
let port: number;
let state: PeerState;
let monotonicMs = 0;

beforeAll(async () => {
  signer = await startSigner();
  running = await startGateway({
    signer: signer.client,
    clock: signer.clock,
    monotonic: () => performance.now() + monotonicMs,
    limits: { challengeMs: 300, sweepMs: 50, enrolPerAddress: { perMinute: 10_000, burst: 10_000, maxKeys: 10 } },
  });
  tenantId = await running.createTenant('Hinode');
  port = running.gateway.port;
});
beforeEach(async () => {
  state = await enrolPeer(port, await running.createToken(tenantId));
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
  await signer[Symbol.asyncDispose]();
});

async function storedSequences(): Promise<number[]> {
  const rows = await running.store.read
    .selectFrom('events')
    .select('sequence')
    .where('endpoint_id', '=', state.origin.endpointId)
    .orderBy('sequence')
    .execute();
  return rows.map((row) => row.sequence);
}

async function auditActions(): Promise<string[]> {
  const rows = await running.store.read
    .selectFrom('audit_log')
    .select('action')
    .where('target', '=', state.origin.endpointId)
    .orderBy('sequence')
    .execute();
  return rows.map((row) => row.action);
}

describe('batches', () => {
  test('[UP3] are acknowledged with exactly what is durable, in whatever order they come', async () => {
    const peer = await openSession(port, state);
    peer.sendBatch(batchOf(1, [itemOf(5), itemOf(1), itemOf(2)]));
    expect(await peer.next()).toEqual({ type: 'ack', batchId: 1, epoch: 'epoch-1', ranges: [[1, 2], [5, 5]] }); // biome-ignore format: ranges
    peer.sendBatch(batchOf(2, [itemOf(4), itemOf(3)]), 'json');
    expect(await peer.next()).toEqual({ type: 'ack', batchId: 2, epoch: 'epoch-1', ranges: [[3, 4]] });
    expect(await storedSequences()).toEqual([1, 2, 3, 4, 5]);
    await hangUp(peer);
  });

  test('[UP4] that come again are acknowledged again and have no second effect', async () => {
    for (const batchId of [1, 2]) {
      const peer = await openSession(port, state);
      peer.sendBatch(batchOf(batchId, [itemOf(1), itemOf(2)]));
      expect(await peer.next()).toMatchObject({ type: 'ack', ranges: [[1, 2]] });
      await hangUp(peer);
    }
    expect(await storedSequences()).toEqual([1, 2]);
  });

  test('[UP8] a poisoned item is named and costs no other item anything', async () => {
    const peer = await openSession(port, state);
    const bad = { sequence: 2, spooledAt: 1, body: { type: 'event', event: { ...eventOf(2), surprise: 1 } } };
    const proto = JSON.parse('{"sequence":3,"spooledAt":1,"body":{"type":"health","__proto__":{"health":1}}}');
    const batch = { batchId: 1, epoch: 'epoch-1', sentAt: 1, items: [itemOf(1), bad, proto, itemOf(4)] };
    peer.socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(JSON.stringify(batch))]));
    expect(await peer.next()).toMatchObject({ type: 'nack', batchId: 1, code: 'item_malformed', poisoned: [2, 3] });
    expect(await storedSequences()).toEqual([1, 4]);
    await hangUp(peer);
  });

  test('[UP8] a batch that does not fit the schema is refused by its number, the session goes on', async () => {
    const peer = await openSession(port, state);
    const send = (value: unknown): void =>
      peer.socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(JSON.stringify(value))]));
    send({ ...batchOf(7, [itemOf(1)]), endpointId: 'ep_other' });
    expect(await peer.next()).toMatchObject({ type: 'nack', batchId: 7, code: 'batch_malformed' });
    send({ ...batchOf(8, []), items: [] });
    expect(await peer.next()).toMatchObject({ type: 'nack', batchId: 8, code: 'batch_malformed' });
    peer.sendBatch(batchOf(9, [itemOf(1)]));
    expect(await peer.next()).toMatchObject({ type: 'ack', batchId: 9 });
    await hangUp(peer);
  });

  test.each([
    ['no JSON', Buffer.from([0, 0x7b])],
    ['invalid UTF-8', Buffer.from([0, 0x22, 0xff, 0x22])],
    ['an unknown encoding', Buffer.from([9, 1, 2, 3])],
    ['nothing', Buffer.alloc(0)],
    ['no zstd', Buffer.from([1, 1, 2, 3])],
    ['a decompression bomb', Buffer.concat([Buffer.from([1]), zstdCompressSync(Buffer.alloc(LIMITS.batchBytes + 1))])],
    ['a number of nothing', Buffer.from('\x00{}')],
  ])('[UP13] a binary frame with %s closes 4400', async (_name, frame) => {
    const peer = await openSession(port, state);
    peer.socket.send(frame);
    expect(await peer.closed).toMatchObject({ code: 4400 });
  });

  test('[UP7] a batch of another epoch, and a fifth one without an answer, end the session', async () => {
    const peer = await openSession(port, state);
    peer.sendBatch(batchOf(1, [itemOf(1)], 'epoch-2'));
    expect(await peer.closed).toEqual({ code: 4400, reason: 'epoch_mismatch' });
    expect(await storedSequences()).toEqual([]);
    const eager = await openSession(port, state);
    for (let batchId = 1; batchId <= 5; batchId += 1) eager.sendBatch(batchOf(batchId, [itemOf(batchId)]), 'json');
    expect(await eager.closed).toMatchObject({ code: 4429 });
  });
});

describe('frames', () => {
  test('[LI2] a frame above 1 MiB closes 1009, endless fragments close as well', async () => {
    const large = await openSession(port, state);
    large.socket.send(Buffer.alloc(LIMITS.frameBytes + 1));
    expect(await large.closed).toMatchObject({ code: 1009 });
    const fragments = await openSession(port, state);
    for (let index = 0; index < 80; index += 1) fragments.socket.send(Buffer.from('x'), { fin: false, binary: true });
    expect(await fragments.closed).toMatchObject({ code: 1008 });
  });

  test('a message that never ends closes 4400, pings between its fragments or not', async () => {
    for (const pings of [false, true]) {
      const peer = await openSession(port, state);
      peer.socket.send(Buffer.from('begun'), { fin: false, binary: true });
      await delay(150);
      for (let step = 0; step < 4; step += 1) {
        if (pings) peer.socket.ping();
        await delay(100);
        monotonicMs += 10_000;
      }
      expect(await peer.closed).toEqual({ code: 4400, reason: 'message_incomplete' });
    }
  });

  test('[UP12] a peer that answers no ping is dropped, one that does stays', async () => {
    const dead = await connectPeer(port, state, { autoPong: false });
    await dead.hello();
    const second = await enrolPeer(port, await running.createToken(tenantId));
    const alive = await openSession(port, second);
    for (let step = 0; step < 5; step += 1) {
      monotonicMs += 11_000;
      await delay(150);
    }
    expect(await dead.closed).toMatchObject({ code: 1006 });
    alive.sendBatch(batchOf(1, [itemOf(1)]));
    expect(await alive.next()).toMatchObject({ type: 'ack' });
    await hangUp(alive);
  });

  test('[UP5] whatever comes instead of hello closes 4404', async () => {
    const first = { type: 'renew', csr: 'x' };
    for (const send of [
      (peer: Awaited<ReturnType<typeof connectPeer>>) => peer.sendFrame(first),
      (peer: Awaited<ReturnType<typeof connectPeer>>) => peer.socket.send('{'),
      (peer: Awaited<ReturnType<typeof connectPeer>>) => peer.sendBatch(batchOf(1, [itemOf(1)])),
    ]) {
      const peer = await connectPeer(port, state);
      send(peer);
      expect(await peer.closed).toMatchObject({ code: 4404 });
    }
    expect(await storedSequences()).toEqual([]);
  });

  test('[UP5] nothing at all closes 4404 after ten seconds', async () => {
    const peer = await connectPeer(port, state);
    expect(await peer.closed).toMatchObject({ code: 4404 });
  });

  test('[VN3] unknown keys, a second hello and no JSON close 4400', async () => {
    for (const text of [
      '{"type":"hello"}',
      '{"type":"reboot"}',
      'null',
      '[]',
      '{"type":"order-received","orderId":"o"}',
    ]) {
      const peer = await openSession(port, state);
      peer.socket.send(text);
      expect(await peer.closed).toMatchObject({ code: 4400 });
    }
    const twice = await openSession(port, state);
    twice.sendFrame({ type: 'hello', protocol: { min: 1, max: 1 }, agentVersion: '1', platform: 'linux', hostname: 'x', epoch: 'e', lastSequence: 0, time: 1 }); // biome-ignore format: one frame
    expect(await twice.closed).toMatchObject({ code: 4400 });
  });

  test('[LI4] floods of text frames and of pings close 4429', async () => {
    const texts = await openSession(port, state);
    for (let index = 0; index < 150; index += 1)
      texts.sendFrame({ type: 'order-received', orderId: 'o', accepted: true, code: 'x' });
    expect(await texts.closed).toMatchObject({ code: 4429 });
    const pings = await openSession(port, state);
    for (let index = 0; index < 150; index += 1) {
      pings.socket.ping();
      // Pings faster than their pongs end in ws itself, without a code.
      await nextTurn();
    }
    expect(await pings.closed).toMatchObject({ code: 4429 });
  });

  test('[VN2] another version is refused with both ranges and closes 4406', async () => {
    const peer = await connectPeer(port, state);
    expect(await peer.hello({ protocol: { min: 7, max: 9 } })).toMatchObject({
      type: 'refused',
      code: 'version_unsupported',
      agent: { min: 7, max: 9 },
      console: { min: 1, max: 1 },
    });
    expect(await peer.closed).toMatchObject({ code: 4406 });
  });
});

describe('identity', () => {
  test('[UP1] other paths, browsers and peers without a certificate get no WebSocket', async () => {
    await expect(connectPeer(port, state, { path: '/agent' })).rejects.toThrow('404 not_found');
    await expect(connectPeer(port, state, { headers: { origin: 'https://localhost' } })).rejects.toThrow(
      '403 origin_refused',
    );
    await expect(connectPeer(port, undefined)).rejects.toThrow('401 certificate_missing');
  });

  test('[UP6] certificates of another CA, and server certificates of ours, are no identity', async () => {
    await using foreign = await startSigner();
    const { key, csr } = await createKeyAndRequest();
    const copied = await foreign.client.call('issue-endpoint-certificate', { csr, ...state.origin });
    const server = await signer.client.call('issue-gateway-certificate', { csr });
    if (!copied.ok || !server.ok) throw new Error('not issued');
    for (const certificate of [copied.value.certificate, server.value.certificate]) {
      await expect(connectPeer(port, { key, certificate })).rejects.toThrow('401 certificate_untrusted');
    }
  });

  test('[UP6] a good certificate that is not on record opens nothing', async () => {
    const { key, csr } = await createKeyAndRequest();
    const issued = await signer.client.call('issue-endpoint-certificate', { csr, ...state.origin });
    if (!issued.ok) throw new Error(issued.code);
    const peer = await connectPeer(port, { key, certificate: issued.value.certificate });
    expect(await peer.closed).toMatchObject({ code: 4403 });
  });

  test('[UP2] a frame that names another endpoint is refused, and what it reports is its own', async () => {
    const other = await enrolPeer(port, await running.createToken(await running.createTenant('Other')));
    const liar = await connectPeer(port, state);
    liar.sendFrame({ type: 'hello', ...other.origin });
    expect(await liar.closed).toMatchObject({ code: 4404 });
    const peer = await openSession(port, state);
    peer.sendBatch(batchOf(1, [itemOf(1)]));
    await peer.next();
    const rows = await running.store.read
      .selectFrom('events')
      .select(['tenant_id', 'endpoint_id'])
      .where('endpoint_id', 'in', [state.origin.endpointId, other.origin.endpointId])
      .execute();
    expect(rows).toEqual([{ tenant_id: tenantId, endpoint_id: state.origin.endpointId }]);
    await hangUp(peer);
  });

  test('[EN11] revocation ends the live session and refuses the next', async () => {
    const peer = await openSession(port, state);
    await running.fleet.revoke({ tenantId, userId: 'usr_1', name: 'admin', role: 'admin' }, state.origin.endpointId);
    expect(await peer.closed).toMatchObject({ code: 4403 });
    expect(await (await connectPeer(port, state)).closed).toMatchObject({ code: 4403 });
  });

  test('[EN11] a revocation by another process ends the session as well', async () => {
    const peer = await openSession(port, state);
    await running.store.write(({ db }) =>
      db
        .updateTable('certificates')
        .set({ revoked_at: 1 })
        .where('endpoint_id', '=', state.origin.endpointId)
        .execute(),
    );
    monotonicMs += 30_000;
    expect(await peer.closed).toMatchObject({ code: 4403 });
  });

  test('[UP9] of two live sessions of one identity neither goes on, and it is written down', async () => {
    const first = await openSession(port, state);
    const second = await connectPeer(port, state);
    expect(await second.hello()).toMatchObject({ type: 'refused', code: 'duplicate_session' });
    expect(await second.closed).toMatchObject({ code: 4409 });
    expect(await first.closed).toMatchObject({ code: 4409 });
    await expect.poll(auditActions).toContain('endpoint.duplicate_session');
  });

  test('[UP9] a session whose peer is gone gives way', async () => {
    const first = await connectPeer(port, state, { autoPong: false });
    await first.hello();
    const second = await openSession(port, state);
    expect(await first.closed).toMatchObject({ code: 1006 });
    second.sendBatch(batchOf(1, [itemOf(1)]));
    expect(await second.next()).toMatchObject({ type: 'ack' });
    await hangUp(second);
    expect(await auditActions()).not.toContain('endpoint.duplicate_session');
  });

  test('[UP9] a spool that has forgotten what was committed is a fork', async () => {
    const peer = await openSession(port, state, { lastSequence: 10 });
    peer.sendBatch(batchOf(1, [itemOf(9), itemOf(10)]));
    await peer.next();
    await hangUp(peer);
    const fork = await connectPeer(port, state);
    expect(await fork.hello({ lastSequence: 9 })).toMatchObject({ type: 'refused', code: 'sequence_fork' });
    expect(await fork.closed).toMatchObject({ code: 4409 });
    await expect.poll(auditActions).toContain('endpoint.sequence_fork');
    await hangUp(await openSession(port, state, { epoch: 'epoch-2', lastSequence: 0 }));
  });
});

describe('renewal', () => {
  test('[EN9] gives a certificate for the same identity, whatever the request says', async () => {
    const peer = await openSession(port, state);
    const fresh = await createKeyAndRequest('O=ten_evil, CN=ep_evil');
    peer.sendFrame({ type: 'renew', csr: fresh.csr });
    const answer = await peer.next();
    if (answer.type !== 'certificate') throw new Error(JSON.stringify(answer));
    expect(new X509Certificate(answer.certificate).subject).toBe(`O=${tenantId}\nCN=${state.origin.endpointId}`);
    await hangUp(peer);
    await hangUp(await openSession(port, { ...state, key: fresh.key, certificate: answer.certificate }));
    await hangUp(await openSession(port, state));
  });

  test('[EN10] an expired certificate can only be renewed, and after ninety days not even that', async () => {
    const start = signer.clock.time;
    try {
      signer.clock.time = start + 31 * DAY_MS;
      const wrong = await connectPeer(port, state);
      expect(await wrong.hello()).toMatchObject({ type: 'refused', code: 'certificate_expired' });
      wrong.sendBatch(batchOf(1, [itemOf(1)]));
      expect(await wrong.closed).toMatchObject({ code: 4404 });
      expect(await storedSequences()).toEqual([]);

      const peer = await connectPeer(port, state);
      expect(await peer.hello()).toMatchObject({ code: 'certificate_expired' });
      const fresh = await createKeyAndRequest();
      peer.sendFrame({ type: 'renew', csr: fresh.csr });
      const answer = await peer.next();
      if (answer.type !== 'certificate') throw new Error(JSON.stringify(answer));
      expect(await peer.closed).toMatchObject({ reason: 'certificate_renewed' });
      await hangUp(await openSession(port, { ...state, key: fresh.key, certificate: answer.certificate }));

      signer.clock.time = start + 121 * DAY_MS;
      await expect(connectPeer(port, state)).rejects.toThrow('401 certificate_expired');
    } finally {
      signer.clock.time = start;
    }
  });
});
