import { describe, expect, test } from 'vitest';
import { anEvent, aStory } from '../../../test/fakes/items.ts';
import { Event } from '../event/event.ts';
import { LIMITS } from '../limits.ts';
import { Batch, Item, ItemBody, LANE_OF } from './batch.ts';

const itemOf = (event: unknown): unknown => ({ sequence: 1, spooledAt: 1, body: { type: 'event', event } });

describe('[VN3] strictness', () => {
  test('an unknown key at any depth is refused', () => {
    const event = anEvent(1);
    expect(Item.safeParse(itemOf(event)).success).toBe(true);
    expect(Item.safeParse(itemOf({ ...event, extra: 1 })).success).toBe(false);
    expect(Item.safeParse(itemOf({ ...event, logsource: { ...event.logsource, extra: 1 } })).success).toBe(false);
    expect(Item.safeParse({ ...(itemOf(event) as object), tenantId: 'other' }).success).toBe(false);
  });

  test.each(['__proto__', 'constructor', 'prototype'])('a field named %s never gets through', (name) => {
    const text = JSON.stringify(anEvent(1)).replace('"fields":{', `"fields":{"${name}":"x",`);
    const result = Event.safeParse(JSON.parse(text));
    expect(result.success).toBe(false);
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });

  test('__proto__ as a key of the item itself is refused', () => {
    const text = JSON.stringify(itemOf(anEvent(1))).replace('{', '{"__proto__":{"admin":true},');
    expect(Item.safeParse(JSON.parse(text)).success).toBe(false);
  });
});

describe('[LI1] bounds', () => {
  test('what is at the bound is taken, what is beyond is refused', () => {
    const withFields = (count: number) =>
      anEvent(1, { fields: Object.fromEntries(Array.from({ length: count }, (_, n) => [`F${n}`, n])) });
    expect(Event.safeParse(withFields(LIMITS.fieldsPerEvent)).success).toBe(true);
    expect(Event.safeParse(withFields(LIMITS.fieldsPerEvent + 1)).success).toBe(false);
    const withValue = (length: number) => anEvent(1, { fields: { CommandLine: 'x'.repeat(length) } });
    expect(Event.safeParse(withValue(LIMITS.fieldValue)).success).toBe(true);
    expect(Event.safeParse(withValue(LIMITS.fieldValue + 1)).success).toBe(false);
  });

  test('a batch holds one to 1,000 items', () => {
    const batch = (count: number) => ({
      batchId: 1,
      epoch: 'e-1',
      sentAt: 1,
      items: Array.from({ length: count }, (_, n) => ({
        sequence: n + 1,
        spooledAt: 1,
        body: { type: 'event', event: anEvent(n) },
      })),
    });
    expect([0, 1, 1_000, 1_001].map((count) => Batch.safeParse(batch(count)).success)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test.each([0, -1, 1.5, Number.MAX_SAFE_INTEGER + 1, Number.NaN])('%d is no sequence', (sequence) => {
    expect(Item.safeParse({ ...(itemOf(anEvent(1)) as object), sequence }).success).toBe(false);
  });
});

test('every kind of item has a lane, and stories travel with the alerts', () => {
  const kinds = ItemBody.options.map((option) => option.shape.type.value);
  expect(Object.keys(LANE_OF).sort()).toEqual([...kinds].sort());
  expect(LANE_OF.story).toBe('alerts');
  expect(LANE_OF.gap).toBe('alerts');
});

test('[ST1] a story must have a revision', () => {
  const story = aStory('s-1', 1);
  expect(ItemBody.safeParse({ type: 'story', story }).success).toBe(true);
  expect(ItemBody.safeParse({ type: 'story', story: { ...story, revision: 0 } }).success).toBe(false);
});
