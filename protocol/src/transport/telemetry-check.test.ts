import { describe, expect, test } from 'vitest';
import { anEvent, eventItem, healthItem, storyItem } from '../../../test/fakes/items.ts';
import { seededRandom } from '../../../test/fakes/time.ts';
import { EVENT_CATEGORIES } from '../event/event.ts';
import { Item } from './batch.ts';
import { isTelemetryItem } from './telemetry-check.ts';

const item = (number: number): Item => ({ sequence: number + 1, spooledAt: number, body: eventItem(number) });

test('ordinary events of every category take the short way', () => {
  for (const category of EVENT_CATEGORIES) {
    const event = anEvent(1, { logsource: { product: 'linux', category, service: 'auditd' } });
    const value = { sequence: 1, spooledAt: 1, body: { type: 'event', event } };
    expect(isTelemetryItem(value)).toBe(true);
    expect(Item.safeParse(value).success).toBe(true);
  }
});

test('everything else is left to the schema', () => {
  const bodies = [storyItem('s-1'), healthItem(), { type: 'event', event: anEvent(1, { truncated: ['CommandLine'] }) }];
  for (const body of bodies) expect(isTelemetryItem({ sequence: 1, spooledAt: 1, body })).toBe(false);
});

describe('[VN3] it accepts nothing that the schema refuses', () => {
  const STRANGE: readonly string[] = [
    'null',
    'true',
    '-1',
    '0',
    '1.5',
    '1e999',
    '1e300',
    '9007199254740993',
    '""',
    '"x"',
    '"a b"',
    '"\\n"',
    '[]',
    '{}',
    '[1]',
    '{"__proto__":1}',
    '{"product":"linux"}',
    '{"a":{}}',
    `"${'x'.repeat(65)}"`,
    `"${'x'.repeat(257)}"`,
    `"${'x'.repeat(32_769)}"`,
  ];
  const NAMES: readonly string[] = [
    '__proto__',
    'constructor',
    'prototype',
    'extra',
    '',
    '9a',
    'a b',
    'truncated',
    'fields',
    'x'.repeat(65),
  ];

  /** Every path in a JSON value, as lists of keys. */
  function paths(value: unknown, prefix: readonly string[] = []): (readonly string[])[] {
    if (typeof value !== 'object' || value === null) return [prefix];
    return [prefix, ...Object.entries(value).flatMap(([key, entry]) => paths(entry, [...prefix, key]))];
  }

  /** The JSON text of `value` with one thing changed: a value, a key more, a key less, or a key renamed. */
  function mutate(
    value: unknown,
    at: readonly string[],
    how: 'value' | 'add' | 'drop' | 'rename',
    strange: string,
    name: string,
  ): string {
    const [key, ...rest] = at;
    if (key === undefined) {
      const text = JSON.stringify(value);
      return how === 'add' && text.startsWith('{')
        ? text.replace('{', `{${JSON.stringify(name)}:${strange},`).replace(',}', '}')
        : strange;
    }
    const entries = Object.entries(value as object).flatMap(([own, entry]) => {
      if (own !== key) return [`${JSON.stringify(own)}:${JSON.stringify(entry)}`];
      if (rest.length > 0) return [`${JSON.stringify(own)}:${mutate(entry, rest, how, strange, name)}`];
      if (how === 'drop') return [];
      if (how === 'rename') return [`${JSON.stringify(name)}:${JSON.stringify(entry)}`];
      return [`${JSON.stringify(own)}:${mutate(entry, [], how, strange, name)}`];
    });
    return `{${entries.join(',')}}`;
  }

  test('20,000 seeded mutations', () => {
    const random = seededRandom(20_260_402);
    const pick = <Entry>(list: readonly Entry[]): Entry => list[Math.floor(random.fraction() * list.length)] as Entry;
    const all = paths(item(1));
    const outcome = { both: 0, neither: 0, schemaOnly: 0 };
    for (let round = 0; round < 20_000; round += 1) {
      const text = mutate(item(round), pick(all), pick(['value', 'add', 'drop', 'rename']), pick(STRANGE), pick(NAMES));
      const value: unknown = JSON.parse(text);
      const quick = isTelemetryItem(value);
      const lawful = Item.safeParse(value).success;
      if (quick && !lawful) throw new Error(`accepted what the schema refuses: ${text.slice(0, 500)}`);
      if (quick) outcome.both += 1;
      else if (lawful) outcome.schemaOnly += 1;
      else outcome.neither += 1;
    }
    // The test means something only if it meets both kinds, and if it refuses next to nothing that is good.
    expect(outcome.both).toBeGreaterThan(1_000);
    expect(outcome.neither).toBeGreaterThan(5_000);
    expect(outcome.schemaOnly).toBeLessThan(500);
  });

  test('bounds of fields', () => {
    const withFields = (count: number) => ({
      ...item(1),
      body: {
        type: 'event',
        event: anEvent(1, { fields: Object.fromEntries(Array.from({ length: count }, (_, n) => [`F${n}`, n])) }),
      },
    });
    for (const count of [0, 95, 96, 97])
      expect(isTelemetryItem(withFields(count))).toBe(Item.safeParse(withFields(count)).success);
  });
});
