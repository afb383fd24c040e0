import { InventoryChange, type InventoryItem } from '@yagura/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Person, startTestConsole, type TestConsole } from '../../../../test/fakes/running-console.ts';
import { ROUTES } from '../../api/index.ts';
import type { Origin } from '../fleet/api.ts';

let console_: TestConsole;
let person: Person;
let sequence = 0;

beforeAll(async () => {
  console_ = await startTestConsole();
  person = await console_.person(await console_.tenant('customer'), 'admin');
});
afterAll(() => console_[Symbol.asyncDispose]());

const endpoint = () => console_.enrol(person.actor.tenantId, `host-${(sequence += 1)}`);
const package_ = (name: string, version = '1'): InventoryItem => ({
  category: 'software',
  key: name,
  facts: { name, version },
});
const user = (name: string, sudo?: string): InventoryItem => ({
  category: 'user',
  key: name,
  facts: sudo ? { sudo } : {},
});

async function report(origin: Origin, change: Partial<InventoryChange>, at = console_.clock.now()): Promise<void> {
  sequence += 1;
  const whole = InventoryChange.parse({ time: 1, present: [], gone: [], ...change });
  const source = { epoch: 'e', sequence, receivedAt: at };
  await console_.domain.store.write((tx) => console_.domain.inventories.apply(tx, origin, whole, source));
}

async function shown(origin: Origin, query: Record<string, string> = {}) {
  const answer = await person.call('getEndpointInventory', { params: { endpointId: origin.endpointId }, query });
  return ROUTES.getEndpointInventory.response.parse(answer.json);
}

const keysOf = ({ items }: Awaited<ReturnType<typeof shown>>) => items.map(({ key }) => key);
const whole = (id: string, part = 1, parts = 1) => ({ id, part, parts });

describe('[IV1] reports of what a machine is made of', () => {
  test('the first one is no news; differences are, with what was before', async () => {
    const origin = await endpoint();
    await report(origin, { snapshot: whole('a'), present: [package_('bash'), user('taro')] });
    expect((await shown(origin)).changes).toEqual([]);
    await report(
      origin,
      { present: [package_('bash', '2'), package_('nmap')], gone: [{ category: 'user', key: 'taro' }] },
      5_000,
    );
    const now = await shown(origin);
    expect(now.counts).toEqual({ software: 2 });
    expect(now.items.find(({ key }) => key === 'bash')?.facts['version']).toBe('2');
    expect(now.changes.map(({ kind, key, before, after }) => [kind, key, before, after])).toEqual([
      ['changed', 'bash', { name: 'bash', version: '1' }, { name: 'bash', version: '2' }],
      ['added', 'nmap', undefined, { name: 'nmap', version: '1' }],
      ['removed', 'taro', {}, undefined],
    ]);
    expect((await shown(origin, { category: 'user' })).changes).toHaveLength(1);
  });

  test('what a snapshot in parts does not name is gone, once every part has come', async () => {
    const origin = await endpoint();
    await report(origin, { snapshot: whole('a'), present: ['a', 'b', 'c', 'd'].map((name) => package_(name)) });
    await report(origin, { snapshot: whole('b', 1, 2), present: [package_('a')] });
    expect(keysOf(await shown(origin))).toEqual(['a', 'b', 'c', 'd']);
    await report(origin, { snapshot: whole('b', 2, 2), present: [package_('c')] });
    expect(keysOf(await shown(origin))).toEqual(['a', 'c']);
    expect((await shown(origin)).changes.map(({ kind, key }) => [kind, key])).toEqual([
      ['removed', 'b'],
      ['removed', 'd'],
    ]);
  });

  test('a snapshot of which a part was lost takes nothing away', async () => {
    const origin = await endpoint();
    await report(origin, { snapshot: whole('a'), present: [package_('a'), package_('b')] });
    await report(origin, { snapshot: whole('b', 2, 2), present: [package_('b', '2')] });
    expect(keysOf(await shown(origin))).toEqual(['a', 'b']);
    await report(origin, { snapshot: whole('c'), present: [package_('b', '2')] });
    expect(keysOf(await shown(origin))).toEqual(['b']);
  });

  test('the first look stays no news when it comes in parts', async () => {
    const origin = await endpoint();
    await report(origin, { snapshot: whole('a', 1, 2), present: [package_('a')] });
    await report(origin, { snapshot: whole('a', 2, 2), present: [package_('b')] });
    const now = await shown(origin);
    expect([keysOf(now), now.changes]).toEqual([['a', 'b'], []]);
  });

  test('to be told again what is known is no change, and keeps since when it is known', async () => {
    const origin = await endpoint();
    await report(origin, { snapshot: whole('a'), present: [package_('a')] }, 1_000);
    await report(origin, { present: [package_('a')], gone: [{ category: 'user', key: 'nobody' }] }, 2_000);
    await report(origin, { present: [package_('a', '2')] }, 3_000);
    const { items, changes } = await shown(origin);
    expect(items).toMatchObject([{ firstSeenAt: 1_000, changedAt: 3_000 }]);
    expect(changes).toHaveLength(1);
  });

  test('hostile names and facts are data: they are found, shown and compared as they are', async () => {
    const origin = await endpoint();
    const name = `'; DROP TABLE inventory_items; -- <img src=x onerror=alert(1)> %_\u202e`;
    await report(origin, { snapshot: whole('a'), present: [package_(name), package_('other')] });
    expect(keysOf(await shown(origin, { search: '%_' }))).toEqual([name]);
    await report(origin, { gone: [{ category: 'software', key: name }] });
    expect(keysOf(await shown(origin))).toEqual(['other']);
  });

  test('very much comes in pages that hold together, and old changes go', async () => {
    const origin = await endpoint();
    const many = Array.from({ length: 1_500 }, (_, n) => package_(`p-${String(n).padStart(5, '0')}`));
    await report(origin, { snapshot: whole('a'), present: [...many, user('taro')] });
    const seen: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page = await shown(origin, { limit: '400', ...(cursor ? { cursor } : {}) });
      seen.push(...keysOf(page));
      cursor = page.next;
    }
    expect(seen).toEqual([...many.map(({ key }) => key), 'taro']);
    const start = console_.clock.now();
    await report(origin, { present: many.map((item) => ({ ...item, facts: { version: '2' } })) }, start);
    await report(origin, { present: [user('hanako', 'all')] }, start + 1);
    const rows = await console_.domain.store.read
      .selectFrom('inventory_changes')
      .select('received_at')
      .where('endpoint_id', '=', origin.endpointId)
      .execute();
    // All of one report stay together, so that the newest thousand may be more.
    expect(rows.length).toBe(1_501);
    await report(origin, { present: many.map((item) => ({ ...item, facts: { version: '3' } })) }, start + 2);
    const left = await console_.domain.store.read
      .selectFrom('inventory_changes')
      .select('received_at')
      .where('endpoint_id', '=', origin.endpointId)
      .execute();
    expect(new Set(left.map((row) => row.received_at))).toEqual(new Set([start + 2]));
  });

  test('an endpoint that is not there is not found', async () => {
    const answer = await person.call('getEndpointInventory', { params: { endpointId: 'nobody' } });
    expect(answer).toMatchObject({ status: 404, code: 'not_found' });
    const origin = await endpoint();
    expect(
      await person.call('getEndpointInventory', { params: { endpointId: origin.endpointId }, query: { cursor: 'x' } }),
    ).toMatchObject({ status: 400 });
  });
});
