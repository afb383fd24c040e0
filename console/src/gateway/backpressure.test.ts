import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { batchOf, enrolPeer, hangUp, itemOf, openSession } from '../../../test/fakes/agent-peer.ts';
import { type RunningGateway, startGateway } from '../../../test/fakes/running-gateway.ts';
import { type RunningSigner, startSigner } from '../../../test/fakes/running-signer.ts';
import type { Ingest } from '../contexts/ingest/api.ts';
import type { GatewayLimits } from './limits.ts';

let signer: RunningSigner;
let running: RunningGateway;
/** Batches wait here while `hold` is set. */
let hold: Promise<void> | undefined;

let pace: GatewayLimits['pace'] | undefined;

const start = (): Promise<RunningGateway> =>
  startGateway({
    signer: signer.client,
    clock: signer.clock,
    limits: { waitingBytes: 2_000, ...(pace === undefined ? {} : { pace }) },
    wrapIngest: (ingest): Ingest => ({
      ...ingest,
      async submit(batch) {
        await hold;
        return await ingest.submit(batch);
      },
    }),
  });

/** Another gateway, with the limits that the test has set. */
async function restart(): Promise<RunningGateway> {
  await running[Symbol.asyncDispose]();
  return await start();
}

beforeEach(async () => {
  signer = await startSigner();
  hold = undefined;
  pace = undefined;
  running = await start();
});
afterEach(async () => {
  await running[Symbol.asyncDispose]();
  await signer[Symbol.asyncDispose]();
});

async function enrol() {
  const tenantId = await running.createTenant('Hinode');
  return await enrolPeer(running.gateway.port, await running.createToken(tenantId));
}

describe('a slow or broken database', () => {
  test('stops the reading instead of filling memory, and everything is acknowledged afterwards', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    hold = promise;
    const peers = [];
    for (let index = 0; index < 4; index += 1) {
      peers.push(await openSession(running.gateway.port, await enrol()));
    }
    for (const peer of peers) {
      for (let batchId = 1; batchId <= 4; batchId += 1)
        peer.sendBatch(batchOf(batchId, [itemOf(batchId), itemOf(batchId + 100)]), 'json');
    }
    await expect.poll(() => running.gateway.status().pausedSessions).toBeGreaterThan(0);
    expect(running.gateway.status().waitingBytes).toBeLessThan(4_000 + 4 * 700);
    resolve();
    hold = undefined;
    for (const peer of peers) {
      const acknowledged = [];
      for (let batchId = 1; batchId <= 4; batchId += 1) acknowledged.push((await peer.next()).type);
      expect(acknowledged).toEqual(['ack', 'ack', 'ack', 'ack']);
      await hangUp(peer);
    }
    expect(running.gateway.status()).toMatchObject({ waitingBytes: 0, pausedSessions: 0 });
  });

  test('[UP8] a locked database is store_unavailable with a time, and the same batch is taken later', async () => {
    const peer = await openSession(running.gateway.port, await enrol());
    const other = await holdLock(running.databasePath);
    peer.sendBatch(batchOf(1, [itemOf(1)]));
    expect(await peer.next()).toMatchObject({
      type: 'nack',
      code: 'store_unavailable',
      message: 'database_busy',
      retryAfterMs: 3_000,
    });
    other.kill();
    await once(other, 'exit');
    peer.sendBatch(batchOf(2, [itemOf(1)]));
    expect(await peer.next()).toMatchObject({ type: 'ack', batchId: 2, ranges: [[1, 1]] });
    await hangUp(peer);
  });

  test('[UP8] a full disk acknowledges nothing that is not stored, and recovers by itself', async () => {
    const peer = await openSession(running.gateway.port, await enrol());
    const limitPages = (pages: number) =>
      running.store.write((tx) => sql.raw(`PRAGMA max_page_count = ${pages}`).execute(tx.db));
    await limitPages(1);
    const acknowledged: number[] = [];
    let refusals = 0;
    for (let sequence = 1; sequence <= 200 && refusals === 0; sequence += 1) {
      peer.sendBatch(batchOf(sequence, [itemOf(sequence)]));
      const answer = await peer.next();
      if (answer.type === 'ack') acknowledged.push(sequence);
      else {
        expect(answer).toMatchObject({ type: 'nack', code: 'store_unavailable', message: 'database_full' });
        refusals += 1;
      }
    }
    expect(refusals).toBe(1);
    const rows = await running.store.read.selectFrom('events').select('sequence').orderBy('sequence').execute();
    expect(rows.map((row) => row.sequence)).toEqual(acknowledged);
    await limitPages(1_000_000);
    peer.sendBatch(batchOf(1_000, [itemOf(acknowledged.length + 1)]));
    expect(await peer.next()).toMatchObject({ type: 'ack' });
    await hangUp(peer);
  });
});

describe('a session that brings too much', () => {
  test('is read later, and all that it brought is acknowledged', async () => {
    pace = { batchesPerSecond: 20, burstBatches: 3, bytesPerSecond: 1e9, burstBytes: 1e9 };
    running = await restart();
    const peer = await openSession(running.gateway.port, await enrol());
    const began = performance.now();
    for (let batchId = 1; batchId <= 13; batchId += 1) {
      peer.sendBatch(batchOf(batchId, [itemOf(batchId)]));
      expect(await peer.next()).toMatchObject({ type: 'ack', batchId });
    }
    // Thirteen of which three are free take half a second at twenty a second; the last one's debt is yet to be paid.
    expect(performance.now() - began).toBeGreaterThan(400);
    await hangUp(peer);
  });

  test('[UP8] beyond that is refused with a time, without an end of the session, and costs no other one anything', async () => {
    pace = { batchesPerSecond: 1e6, burstBatches: 1e6, bytesPerSecond: 100, burstBytes: 100 };
    running = await restart();
    const hasty = await openSession(running.gateway.port, await enrol());
    // In one piece: what was read with the first cannot be left for later.
    const connection = Reflect.get(hasty.socket, '_socket') as Duplex;
    connection.cork();
    for (const batchId of [1, 2]) hasty.sendBatch(batchOf(batchId, [itemOf(batchId), itemOf(batchId + 10)]), 'json');
    connection.uncork();
    const answers = [await hasty.next(), await hasty.next()];
    expect(answers).toContainEqual(expect.objectContaining({ type: 'ack', batchId: 1 }));
    const answer = answers.find(({ type }) => type === 'nack');
    expect(answer).toMatchObject({ type: 'nack', batchId: 2, code: 'rate_limited' });
    expect(answer?.type === 'nack' && answer.retryAfterMs).toBeGreaterThan(1_000);
    const other = await openSession(running.gateway.port, await enrol());
    other.sendBatch(batchOf(1, [itemOf(1)]));
    expect(await other.next()).toMatchObject({ type: 'ack' });
    const rows = await running.store.read.selectFrom('events').select('sequence').execute();
    expect(rows.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual([1, 1, 11]);
    await hangUp(other);
    await hangUp(hasty);
  });
});

/** Another process that holds the database's write lock: locks do not hold within one process. */
async function holdLock(path: string): Promise<ChildProcess> {
  const script = `const { DatabaseSync } = require('node:sqlite');
    const db = new DatabaseSync(process.argv[1]); db.exec('BEGIN IMMEDIATE'); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}
