import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ItemBody } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itemOf } from '../../../../test/fakes/agent-peer.ts';
import { storyItem } from '../../../../test/fakes/items.ts';
import { createLog } from '../../platform/log.ts';
import { openStore, type Store } from '../../store/store.ts';
import type { Ingest, ReceivedBatch } from './api.ts';
import { createIngest } from './ingest.ts';
import { deleteExpired } from './retention.ts';

const DAY_MS = 86_400_000;
const log = createLog('test', 'silent');
let directory: string;
let store: Store;
let ingest: Ingest;
let now: number;
/** Stories that reached the alerts, in order; one named `bug` makes their handler throw. */
let stories: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'yagura-ingest-'));
  now = 1_800_000_000_000;
  stories = [];
  store = await openStore({
    path: join(directory, 'console.db'),
    now: () => now,
    onEffectError: (error) => {
      throw error;
    },
  });
  await store.write(async ({ db }) => {
    for (const tenant of ['ten_1', 'ten_2']) {
      await db.insertInto('tenants').values({ tenant_id: tenant, name: tenant, created_at: 1 }).execute();
      await db
        .insertInto('endpoints')
        .values({
          tenant_id: tenant,
          endpoint_id: 'ep_1',
          display_name: 'pc',
          hostname: 'pc',
          platform: 'linux',
          agent_version: '1',
          policy: 'balanced',
          enrolled_at: 1,
          last_seen_at: null,
          connected_since: null,
          revoked_at: null,
          degraded: 0,
          health_json: null,
          inventory_json: null,
        })
        .execute();
    }
  });
  ingest = open();
});
afterEach(async () => {
  await ingest.close();
  await store.close();
  rmSync(directory, { recursive: true });
});

function open(): Ingest {
  const nothing = (): Promise<void> => Promise.resolve();
  return createIngest({
    store,
    clock: { now: () => now },
    log,
    alerts: {
      applyStory: (_tx, _origin, { storyId }) => {
        if (storyId === 'bug') return Promise.reject(new Error('planted'));
        stories.push(storyId);
        return Promise.resolve();
      },
    },
    fleet: { applyHealth: nothing, applyInventory: nothing, touch: nothing },
    inventories: { apply: nothing },
    response: { applyOutcome: nothing, applyQuarantineItem: nothing },
    rules: { applyCatalogue: nothing },
  });
}

function batch(sequences: readonly number[], change: Partial<ReceivedBatch> = {}, body?: ItemBody): ReceivedBatch {
  return {
    origin: { tenantId: 'ten_1', endpointId: 'ep_1' },
    epoch: 'e1',
    items: sequences.map((sequence) => itemOf(sequence, body)),
    poisoned: [],
    receivedAt: now,
    clockOffsetMs: 0,
    ...change,
  };
}

async function stored(tenantId = 'ten_1'): Promise<number[]> {
  const rows = await store.read
    .selectFrom('events')
    .select('sequence')
    .where('tenant_id', '=', tenantId)
    .orderBy('sequence')
    .execute();
  return rows.map((row) => row.sequence);
}

describe('ingest', () => {
  test('[UP4] the same sequence counts once per tenant, endpoint and epoch, also within one group', async () => {
    const answers = await Promise.all([
      ingest.submit(batch([1, 2, 3])),
      ingest.submit(batch([2, 3, 4])),
      ingest.submit(batch([1], { origin: { tenantId: 'ten_2', endpointId: 'ep_1' } })),
      ingest.submit(batch([1], { epoch: 'e2' })),
    ]);
    expect(answers.map((answer) => answer.type)).toEqual(['ack', 'ack', 'ack', 'ack']);
    expect(await stored()).toEqual([1, 1, 2, 3, 4]);
    expect(await stored('ten_2')).toEqual([1]);
    expect(ingest.status()).toMatchObject({ committedItems: 6, duplicates: 2, waitingBatches: 0, waitingItems: 0 });
  });

  test('[UP4] what was committed is known after a restart', async () => {
    await ingest.submit(batch([1], {}, storyItem('s1')));
    await ingest.close();
    ingest = open();
    expect(await ingest.submit(batch([1], {}, storyItem('s1')))).toEqual({ type: 'ack', ranges: [[1, 1]] });
    expect(stories).toEqual(['s1']);
    expect(await ingest.highestSequence({ tenantId: 'ten_1', endpointId: 'ep_1' }, 'e1')).toBe(1);
  });

  test('a batch whose handler fails is rolled back alone; nothing of it is remembered as received', async () => {
    const good = batch([1, 2]);
    const bad = batch([5, 6], {}, storyItem('bug'));
    const [first, second, third] = await Promise.all([
      ingest.submit(good),
      ingest.submit(bad),
      ingest.submit(batch([7])),
    ]);
    expect([first?.type, third?.type]).toEqual(['ack', 'ack']);
    expect(second).toMatchObject({ type: 'nack', code: 'batch_failed' });
    expect(second).not.toHaveProperty('retryAfterMs');
    expect(await stored()).toEqual([1, 2, 7]);
    expect(await ingest.submit(batch([5, 6]))).toMatchObject({ type: 'ack' });
    expect(await stored()).toEqual([1, 2, 5, 6, 7]);
  });

  test('[UP8] poisoned items are named after the others were committed', async () => {
    const answer = await ingest.submit(batch([1, 3], { poisoned: [2] }));
    expect(answer).toMatchObject({ type: 'nack', code: 'item_malformed', poisoned: [2] });
    expect(await stored()).toEqual([1, 3]);
  });

  test('a closed ingest refuses with a time, and has answered all that came before', async () => {
    const before = ingest.submit(batch([1]));
    const closing = ingest.close();
    expect(await ingest.submit(batch([2]))).toMatchObject({ type: 'nack', code: 'console_busy', retryAfterMs: 3_000 });
    await closing;
    expect((await before).type).toBe('ack');
    expect(await stored()).toEqual([1]);
  });

  test.each([1, 4, 5, 49, 50, 51, 499, 500, 501, 555, 1_000])(
    '%i events of one batch arrive as they were',
    async (count) => {
      const sequences = Array.from({ length: count }, (_, index) => index + 1);
      await ingest.submit(batch(sequences));
      expect(await stored()).toEqual(sequences);
      const row = await store.read
        .selectFrom('events')
        .selectAll()
        .where('sequence', '=', count)
        .executeTakeFirstOrThrow();
      expect(JSON.parse(row.event_json)).toEqual(itemOf(count).body.type === 'event' ? eventIn(count) : undefined);
    },
  );
});

function eventIn(sequence: number): unknown {
  const { body } = itemOf(sequence);
  return body.type === 'event' ? body.event : undefined;
}

describe('retention', () => {
  test('deletes what arrived before the cutoff and nothing else, beyond one chunk too', async () => {
    await ingest.submit(batch(Array.from({ length: 1_000 }, (_, index) => index + 1)));
    await ingest.submit(batch(Array.from({ length: 1_000 }, (_, index) => index + 1_001)));
    now += 31 * DAY_MS;
    await ingest.submit(batch([2_001, 2_002]));
    const options = { store, clock: { now: () => now }, log, days: 30 };
    expect(await deleteExpired(options, new AbortController().signal)).toBe(2_000);
    expect(await stored()).toEqual([2_001, 2_002]);
    expect(await deleteExpired(options, new AbortController().signal)).toBe(0);
    // What was deleted does not come back when it is sent again.
    expect(await ingest.submit(batch([1, 2_000]))).toMatchObject({ type: 'ack' });
    expect(await stored()).toEqual([2_001, 2_002]);
  });
});
