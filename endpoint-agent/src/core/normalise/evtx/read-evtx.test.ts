import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { absent, readWindowsEvents, TESTDATA } from '../../../../../test/fakes/public-test-data.ts';
import { seededRandom } from '../../../../../test/fakes/sigma-generator.ts';
import { normaliseWindowsEvent, type WindowsEvent } from '../windows-event.ts';
import { readEvtx } from './read-evtx.ts';

const missing = absent('sigma-regression') || absent('evtx');
const logs = (part: string): readonly string[] =>
  globSync('**/*.evtx', { cwd: join(TESTDATA, part) })
    .sort()
    .map((file) => join(TESTDATA, part, file));

function readLog(path: string): { readonly events: WindowsEvent[]; readonly damage: string[] } {
  const events: WindowsEvent[] = [];
  const damage: string[] = [];
  for (const record of readEvtx(readFileSync(path))) {
    const result = record.ok ? normaliseWindowsEvent(record.record) : record;
    if (result.ok) events.push(result.event);
    else damage.push(result.code);
  }
  return { events, damage };
}

/** The published JSON was made by a tool that trims values. */
const trimmed = (event: WindowsEvent): Record<string, string> =>
  Object.fromEntries(Object.entries(event.fields).map(([name, value]) => [name, String(value).trim()]));

describe.skipIf(missing !== '')(`real logs${missing}`, () => {
  test('are read as their published JSON says, field by field', () => {
    let compared = 0;
    for (const path of logs('sigma-regression')) {
      const folder = dirname(path);
      const published = globSync('*.json', { cwd: folder }).flatMap((file) =>
        readWindowsEvents(readFileSync(join(folder, file), 'utf8')),
      );
      const read = new Map(readLog(path).events.map((event) => [event.recordId, event]));
      for (const expected of published) {
        const event = read.get(expected.recordId);
        expect(event && trimmed(event)).toEqual(trimmed(expected));
        expect(event).toMatchObject({ logsource: expected.logsource, time: expected.time });
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(100);
  });
  test('are read without damage', () => {
    let count = 0;
    for (const path of logs('evtx')) {
      const { events, damage } = readLog(path);
      expect([path, damage]).toEqual([path, []]);
      count += events.length;
    }
    expect(count).toBeGreaterThan(5_000);
  });
  test('with bytes changed are read or said to be damaged, in bounded time', () => {
    const random = seededRandom(7);
    const paths = logs('evtx');
    for (let round = 0; round < 60; round += 1) {
      const bytes = Uint8Array.from(readFileSync(random.pick(paths)).subarray(0, 4_096 + 65_536));
      for (let i = 0; i < 200; i += 1) bytes[4_096 + random.below(bytes.length - 4_096)] = random.below(256);
      const start = performance.now();
      for (const record of readEvtx(bytes)) if (record.ok) normaliseWindowsEvent(record.record);
      expect(performance.now() - start).toBeLessThan(3_000);
    }
  });
  test('cut off anywhere are read as far as they go', () => {
    const bytes = readFileSync(logs('evtx')[0] as string);
    for (let length = 0; length < 20_000; length += 517) {
      for (const record of readEvtx(bytes.subarray(0, length))) expect(typeof record.ok).toBe('boolean');
    }
  });
});

test('what is no event log is said', () => {
  expect([...readEvtx(new Uint8Array(10))]).toEqual([{ ok: false, code: 'not_an_event_log', offset: 0 }]);
  const empty = new Uint8Array(4_096 + 65_536);
  empty.set(new TextEncoder().encode('ElfFile\0'));
  expect([...readEvtx(empty)]).toEqual([]);
  empty[5_000] = 1;
  expect([...readEvtx(empty)]).toEqual([{ ok: false, code: 'damaged_chunk', offset: 4_096 }]);
});
