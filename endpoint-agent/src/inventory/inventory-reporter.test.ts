import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InventoryChange, type InventoryItem, ItemBody, LIMITS } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openInventoryRecord } from '../state/inventory-record.ts';
import type { InventoryPart } from './inventory-parts.ts';
import { createInventoryReporter } from './inventory-reporter.ts';
import { InventoryTracker, reportsOf, snapshotOf } from './inventory-tracker.ts';

const MINUTE = 60_000;
const software = (name: string, version = '1'): InventoryItem => ({
  category: 'software',
  key: name,
  facts: { name, version },
});

/** What a console knows after these reports (SPEC IV1). */
function apply(changes: readonly InventoryChange[], known = new Map<string, InventoryItem['facts']>()) {
  let named = new Set<string>();
  for (const { snapshot, present, gone } of changes.map((change) => InventoryChange.parse(change))) {
    if (snapshot?.part === 1) named = new Set();
    for (const { category, key, facts } of present) {
      known.set(`${category} ${key}`, facts);
      named.add(`${category} ${key}`);
    }
    for (const { category, key } of gone) known.delete(`${category} ${key}`);
    if (snapshot && snapshot.part === snapshot.parts)
      for (const key of known.keys()) if (!named.has(key)) known.delete(key);
  }
  return known;
}

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yagura-inventory-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function machine() {
  const sent: InventoryChange[] = [];
  const state = {
    now: 1_000_000,
    monotonic: 0,
    recipient: 'epoch-1 ep-1',
    shed: 0,
    items: [software('bash')],
    version: 'a',
    reads: 0,
    bugs: 0,
  };
  const parts: InventoryPart[] = [
    {
      categories: ['software'],
      everyMs: MINUTE,
      version: () => state.version,
      read: () => {
        state.reads += 1;
        return Promise.resolve(state.items);
      },
    },
    {
      categories: ['usb-device'],
      everyMs: MINUTE,
      read: () => {
        throw new Error('a device that answers nonsense');
      },
    },
  ];
  const start = () => {
    const reporter = createInventoryReporter({
      clock: { now: () => state.now, monotonic: () => state.monotonic, after: () => () => {} },
      newId: () => `s-${sent.length}`,
      parts,
      record: openInventoryRecord(join(folder, 'inventory.json')),
      recipient: () => state.recipient,
      shed: () => state.shed,
      send: (changes) => void sent.push(...changes),
      onBug: () => void (state.bugs += 1),
    });
    return async (milliseconds: number) => {
      state.monotonic += milliseconds;
      state.now += milliseconds;
      reporter.tick();
      await reporter.idle();
      return sent.splice(0);
    };
  };
  return { state, start };
}

describe('the reporter', () => {
  test('[IV1] tells everything once, then only what became different', async () => {
    const { state, start } = machine();
    const after = start();
    expect(await after(0)).toEqual([]);
    const known = apply(await after(6_000));
    expect([...known]).toEqual([['software bash', { name: 'bash', version: '1' }]]);
    expect(await after(MINUTE)).toEqual([]);
    expect(state.reads).toBe(1);
    Object.assign(state, { version: 'b', items: [software('bash', '2'), software('curl')] });
    const [difference] = await after(MINUTE);
    expect(difference).toMatchObject({
      present: [{ key: 'bash', facts: { version: '2' } }, { key: 'curl' }],
      gone: [],
    });
    expect(difference?.snapshot).toBeUndefined();
    Object.assign(state, { version: 'c', items: [software('curl')] });
    expect((await after(MINUTE))[0]).toMatchObject({ present: [], gone: [{ category: 'software', key: 'bash' }] });
    expect(state.bugs).toBeGreaterThan(0);
  });

  test('[IV1] goes on after a restart, and tells what changed meanwhile', async () => {
    const { state, start } = machine();
    apply(await start()(6_000));
    Object.assign(state, { version: 'b', items: [software('bash'), software('nmap')] });
    const changes = await start()(6_000);
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({ present: [{ key: 'nmap' }] });
    expect(changes[0]?.snapshot).toBeUndefined();
    writeFileSync(join(folder, 'inventory.json'), '{"damaged');
    expect((await start()(6_000))[0]?.snapshot).toMatchObject({ part: 1, parts: 1 });
  });

  test('[IV1] tells everything anew to another console, after shedding, and once a week', async () => {
    const { state, start } = machine();
    const after = start();
    await after(6_000);
    state.recipient = 'epoch-2 ep-1';
    expect((await after(MINUTE))[0]?.snapshot).toBeDefined();
    expect(await after(MINUTE)).toEqual([]);
    state.shed = 5;
    expect(await after(MINUTE)).toEqual([]);
    expect((await after(61 * MINUTE))[0]?.snapshot).toBeDefined();
    expect(await after(MINUTE)).toEqual([]);
    expect((await after(7 * 24 * 60 * MINUTE))[0]?.snapshot).toBeDefined();
    state.now -= 400 * 24 * 60 * MINUTE;
    expect((await after(MINUTE))[0]?.snapshot).toBeDefined();
    expect(await after(MINUTE)).toEqual([]);
  });
});

test('[IV1] a machine with very much is told in parts that each fit into an item, whatever came before', () => {
  const items = Array.from({ length: 9_000 }, (_, n) => software(`package-${n}`, 'x'.repeat(n % 300)));
  const parts = snapshotOf(items, 'id', 1);
  expect(parts.length).toBeGreaterThan(4);
  for (const change of parts) {
    expect(ItemBody.safeParse({ type: 'inventory-change', change }).success).toBe(true);
    expect(JSON.stringify(change).length).toBeLessThan(900_000 / 3);
    expect(change.present.length).toBeLessThanOrEqual(LIMITS.inventoryItems);
  }
  const before = apply([{ time: 1, present: [software('stale')], gone: [] }]);
  expect(apply(parts, before).size).toBe(9_000);
  expect(apply(snapshotOf([], 'id', 1), before).size).toBe(0);
  const tracker = new InventoryTracker(items);
  const gone = reportsOf(tracker.update(['software'], []), 1);
  for (const change of gone) expect(InventoryChange.safeParse(change).success).toBe(true);
  expect(gone.flatMap((change) => change.gone)).toHaveLength(9_000);
});

test('what is beyond the bound is counted, and takes no place from what is known', () => {
  const tracker = new InventoryTracker();
  const many = Array.from({ length: 20_100 }, (_, n) => software(`p${n}`));
  expect(tracker.update(['software'], many).present).toHaveLength(20_000);
  expect(tracker.dropped).toBe(100);
  expect(tracker.update(['user'], []).gone).toEqual([]);
  expect(tracker.all()).toHaveLength(20_000);
});
