import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gap, type Item, type ItemBody, Item as ItemSchema } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aStory, eventItem, healthItem, storyItem } from '../../../test/fakes/items.ts';
import { manualClock, seededRandom } from '../../../test/fakes/time.ts';
import { createSpool } from './create-spool.ts';
import type { SpoolLimits } from './limits.ts';
import type { Spool } from './spool.ts';

const EVERYTHING = { items: 1_000_000, bytes: 1e9 };
const NOTHING: ReadonlySet<number> = new Set();

let dir: string;
let open: Spool[] = [];
const clock = manualClock();

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'yagura-spool-'));
});
afterEach(() => {
  for (const spool of open) spool[Symbol.dispose]();
  open = [];
  rmSync(dir, { recursive: true, force: true });
});

function spoolOf(limits: Partial<SpoolLimits> = {}, seed = 1): Spool {
  const spool = createSpool({ dir, clock, random: seededRandom(seed), limits: { ballastBytes: 0, ...limits } });
  open.push(spool);
  return spool;
}
function close(spool: Spool): void {
  spool[Symbol.dispose]();
  open = open.filter((other) => other !== spool);
}
const pending = (spool: Spool): readonly Item[] => spool.next(EVERYTHING, NOTHING);
const gaps = (spool: Spool): Gap[] => pending(spool).flatMap(({ body }) => (body.type === 'gap' ? [body.gap] : []));
const events = (from: number, count: number) => Array.from({ length: count }, (_, index) => eventItem(from + index));

describe('order and durability', () => {
  test('[SP3] sequences start at 1, rise by one, and go on after a restart under the same epoch', () => {
    const first = spoolOf();
    expect(first.append(events(0, 3)).map((item) => item.sequence)).toEqual([1, 2, 3]);
    const { epoch } = first.status();
    first.acknowledge([[1, 3]]);
    close(first);
    const second = spoolOf({}, 2);
    expect(second.status()).toMatchObject({ epoch, lastSequence: 3 });
    expect(second.append(events(3, 1))[0]?.sequence).toBe(4);
  });

  test('what it gives out is what the protocol accepts, alerts before detail before telemetry', () => {
    const spool = spoolOf();
    spool.append([eventItem(1), healthItem(), storyItem('s-1')]);
    const items = pending(spool);
    expect(items.map((item) => item.body.type)).toEqual(['story', 'health', 'event']);
    for (const item of items) expect(ItemSchema.parse(item)).toEqual(item);
  });

  test('next respects both limits, gives at least one item, and skips what is in flight', () => {
    const spool = spoolOf();
    spool.append(events(0, 10));
    expect(spool.next({ items: 3, bytes: 1e9 }, NOTHING).map((item) => item.sequence)).toEqual([1, 2, 3]);
    expect(spool.next({ items: 3, bytes: 1 }, new Set([1, 2]))).toHaveLength(1);
    expect(spool.next({ items: 3, bytes: 1 }, new Set([1, 2]))[0]?.sequence).toBe(3);
  });

  test('[SP2] only acknowledged ranges are removed', () => {
    const spool = spoolOf();
    spool.append(events(0, 10));
    spool.acknowledge([
      [2, 4],
      [9, 9],
    ]);
    expect(pending(spool).map((item) => item.sequence)).toEqual([1, 5, 6, 7, 8, 10]);
    close(spool);
    const again = spoolOf();
    expect(pending(again).map((item) => item.sequence)).toEqual([1, 5, 6, 7, 8, 10]);
    expect(again.status().pending).toEqual({ alerts: 0, detail: 0, telemetry: 6 });
  });

  test('listeners hear of every append that stored something', () => {
    const spool = spoolOf();
    let heard = 0;
    spool.onAppend(() => {
      heard += 1;
    });
    spool.append(events(0, 2));
    spool.append([]);
    expect(heard).toBe(1);
  });
});

describe('[SP6] superseding', () => {
  test('a newer revision replaces older unsent ones of the same story and leaves no gap', () => {
    const spool = spoolOf();
    spool.append([storyItem('s-1', 1), storyItem('s-2', 1)]);
    spool.append([storyItem('s-1', 2)]);
    spool.append([storyItem('s-1', 3)]);
    const stories = pending(spool).map(({ body }) =>
      body.type === 'story' ? [body.story.storyId, body.story.revision] : [],
    );
    expect(stories).toEqual([
      ['s-2', 1],
      ['s-1', 3],
    ]);
    expect(spool.status()).toMatchObject({ shed: 0, pending: { alerts: 2 } });
  });

  test('a late older revision does not remove a newer one', () => {
    const spool = spoolOf();
    spool.append([storyItem('s-1', 5)]);
    spool.append([storyItem('s-1', 4)]);
    const revisions = pending(spool).map(({ body }) => (body.type === 'story' ? body.story.revision : 0));
    expect(revisions).toContain(5);
  });

  test('[HE1] only the newest unsent health is kept', () => {
    const spool = spoolOf();
    for (let minute = 0; minute < 5; minute += 1) spool.append([healthItem(clock.now() + minute)]);
    expect(spool.status().pending.detail).toBe(1);
  });
});

describe('[SP4] bounds', () => {
  const small = { bytes: 200_000, alertBytes: 80_000, rows: 10_000, alertRows: 1_000 };

  test('[SP5] telemetry over its share is shed oldest first, and gaps count exactly what is missing', () => {
    const spool = spoolOf(small);
    for (let round = 0; round < 50; round += 1) spool.append(events(round * 20, 20));
    const kept = pending(spool).filter((item) => item.body.type === 'event');
    const counted = gaps(spool).reduce((sum, gap) => sum + gap.count, 0);
    expect(counted).toBeGreaterThan(0);
    expect(kept.length + counted).toBe(1_000);
    expect(spool.status().shed).toBe(counted);
    expect(spool.status().bytes).toBeLessThanOrEqual(small.bytes);
    expect(gaps(spool)).toHaveLength(1);
    expect(gaps(spool)[0]).toMatchObject({ lane: 'telemetry', fromSequence: 1 });
    const oldestKept = Math.min(...kept.map((item) => item.sequence));
    expect(gaps(spool)[0]?.toSequence).toBeLessThan(oldestKept);
  });

  test('a flood of one user sheds his own telemetry, not that of others nor what was done to the agent', () => {
    const spool = spoolOf(small);
    const of = (from: number, count: number, user: string, service?: string): ItemBody[] =>
      events(from, count).flatMap((body) => {
        if (body.type !== 'event') return [];
        const { event } = body;
        const logsource = service === undefined ? event.logsource : { product: 'linux' as const, service };
        return [{ ...body, event: { ...event, logsource, fields: { ...event.fields, User: user } } }];
      });
    spool.append([...of(0, 40, 'alice'), ...of(40, 5, 'root', 'sensor_tamper'), ...of(45, 40, 'bob')]);
    for (let round = 0; round < 50; round += 1) spool.append(of(100 + round * 20, 20, 'flood'));
    const kept = Map.groupBy(pending(spool), ({ body }) =>
      body.type === 'event' ? String(body.event.fields['User']) : body.type,
    );
    const counts = ['alice', 'root', 'bob'].map((user) => kept.get(user)?.length);
    expect(counts).toEqual([40, 5, 40]);
    const counted = gaps(spool).reduce((sum, gap) => sum + gap.count, 0);
    expect((kept.get('flood')?.length ?? 0) + counted).toBe(1_000);
    const newest = kept.get('flood')?.at(-1)?.body;
    expect(newest?.type === 'event' && newest.event.eventId).toBe(
      of(100 + 49 * 20 + 19, 1, 'flood').flatMap((body) => (body.type === 'event' ? body.event.eventId : []))[0],
    );
  });

  test('users who have as much as each other shed alike', () => {
    const spool = spoolOf({ rows: 120, alertRows: 20 });
    for (let round = 0; round < 100; round += 1) {
      for (const user of ['a', 'b']) {
        spool.append(
          events(round, 1).flatMap((body) =>
            body.type === 'event' ? [{ ...body, event: { ...body.event, fields: { User: user } } }] : [],
          ),
        );
      }
    }
    const users = pending(spool).flatMap(({ body }) =>
      body.type === 'event' ? [String(body.event.fields['User'])] : [],
    );
    const [a, b] = ['a', 'b'].map((user) => users.filter((each) => each === user).length);
    expect(Math.abs((a ?? 0) - (b ?? 0))).toBeLessThan(5);
    expect(users.length).toBeGreaterThan(90);
  });

  test('detail is shed only when no telemetry is left, and alerts stay whole', () => {
    const spool = spoolOf(small);
    spool.append([healthItem(), ...events(0, 200)]);
    for (let number = 0; number < 130; number += 1)
      spool.append([storyItem(`s-${number}`, 1, 'high', `rule-${number}`)]);
    const { pending: lanes } = spool.status();
    expect(lanes.telemetry).toBeLessThan(200);
    expect(pending(spool).filter((item) => item.body.type === 'story')).toHaveLength(130);
    const shedLanes = new Set(gaps(spool).map((gap) => gap.lane));
    if (lanes.telemetry > 0) expect(shedLanes).toEqual(new Set(['telemetry']));
  });

  test('alerts that fill it alone are aggregated by rule, the newest stays, and it says so', () => {
    const spool = spoolOf(small);
    for (let number = 0; number < 500; number += 1) spool.append([storyItem(`s-${number}`, 1, 'high', 'same-rule')]);
    const kept = pending(spool).flatMap(({ body }) => (body.type === 'story' ? [body.story.storyId] : []));
    const { aggregated, shed, bytes } = spool.status();
    expect(kept).toContain('s-499');
    expect(aggregated).toBeGreaterThan(0);
    expect(shed).toBe(aggregated);
    expect(kept.length + gaps(spool).reduce((sum, gap) => sum + gap.count, 0)).toBe(500);
    expect(bytes).toBeLessThanOrEqual(small.bytes);
  });

  test('different alerts beyond the bound go weakest and oldest first', () => {
    const spool = spoolOf(small);
    for (let number = 0; number < 400; number += 1) {
      const severity = number % 4 === 0 ? 'critical' : 'low';
      spool.append([storyItem(`s-${number}`, 1, severity, `rule-${number}`)]);
    }
    const kept = pending(spool).flatMap(({ body }) => (body.type === 'story' ? [body.story] : []));
    expect(kept.filter((story) => story.severity === 'critical')).toHaveLength(100);
    const lost = 400 - kept.length;
    expect(lost).toBeGreaterThan(0);
    expect(gaps(spool).reduce((sum, gap) => sum + (gap.lane === 'alerts' ? gap.count : 0), 0)).toBe(lost);
  });

  test('rows are bounded as well', () => {
    const spool = spoolOf({ rows: 100, alertRows: 20 });
    for (let round = 0; round < 30; round += 1) spool.append(events(round * 10, 10));
    expect(spool.status().pending.telemetry).toBeLessThanOrEqual(80);
  });

  test('items on their way are not shed, and a marker that was given out is not merged again', () => {
    const spool = spoolOf(small);
    spool.append(events(0, 300));
    const sent = spool.next({ items: 50, bytes: 1e9 }, NOTHING);
    const marker = gaps(spool).length;
    const inFlight = new Set(sent.map((item) => item.sequence));
    spool.next({ items: 1, bytes: 1 }, inFlight);
    for (let round = 0; round < 40; round += 1) spool.append(events(300 + round * 20, 20));
    const left = new Set(pending(spool).map((item) => item.sequence));
    for (const item of sent) expect(left.has(item.sequence)).toBe(true);
    expect(gaps(spool).length).toBeGreaterThanOrEqual(marker);
  });
});

describe('items of any size', () => {
  test('[ST2] a story beyond one frame is cut, keeps its true counts and stays valid', () => {
    const spool = spoolOf({ itemBytes: 20_000 });
    const [detection] = aStory('s-1', 1).detections;
    if (detection === undefined) throw new Error('the fake story has a detection');
    const fields = { CommandLine: 'x'.repeat(30_000) };
    const detections = Array.from({ length: 40 }, () => ({ ...detection, event: { ...detection.event, fields } }));
    spool.append([{ type: 'story', story: { ...aStory('s-1', 1), detections, detectionCount: 40 } }]);
    const [item] = pending(spool);
    const { body } = ItemSchema.parse(item);
    if (body.type !== 'story') throw new Error('not a story');
    expect(body.story.detectionCount).toBe(40);
    expect(body.story.detections.length).toBeLessThan(40);
    expect(body.story.detections[0]?.event.truncated).toEqual(['CommandLine']);
    expect(JSON.stringify(body).length).toBeLessThanOrEqual(20_000);
  });

  test('anything else beyond the limit is refused and counted', () => {
    const spool = spoolOf({ itemBytes: 100 });
    expect(spool.append(events(0, 2))).toEqual([]);
    expect(spool.status()).toMatchObject({ refused: 2, lastSequence: 0 });
  });
});

describe('trouble', () => {
  test('[SP7] a file that is no database is kept under another name and a new epoch begins', () => {
    writeFileSync(join(dir, 'spool.db'), Buffer.alloc(20_000, 'not a database '));
    const spool = spoolOf();
    expect(spool.status()).toMatchObject({ problem: 'spool_damaged', lastSequence: 0 });
    expect(spool.append(events(0, 1))).toHaveLength(1);
    expect(readdirSync(dir).filter((name) => name.startsWith('spool.damaged-'))).toHaveLength(1);
  });

  test('[SP7] damage inside a real database is found at start', () => {
    const before = spoolOf();
    before.append(events(0, 2_000));
    const { epoch } = before.status();
    close(before);
    const file = join(dir, 'spool.db');
    writeFileSync(file, Buffer.alloc(40_000, 0xa5), { flag: 'r+' });
    const after = spoolOf({}, 2);
    expect(after.status().problem).toBe('spool_damaged');
    expect(after.status().epoch).not.toBe(epoch);
  });

  test('[SP7] damaged databases do not pile up', () => {
    for (let run = 0; run < 6; run += 1) {
      writeFileSync(join(dir, 'spool.db'), Buffer.alloc(8_192, 7));
      clock.advance(1);
      close(spoolOf({}, run));
      rmSync(join(dir, 'spool.db'));
    }
    expect(readdirSync(dir).filter((name) => name.startsWith('spool.damaged-'))).toHaveLength(3);
  });

  test('[SP7] a second spool on the same directory is refused', () => {
    spoolOf();
    expect(() => spoolOf()).toThrow(expect.objectContaining({ code: 'spool_locked' }));
  });

  test('[SP7] where no directory can be made it works in memory and says so', () => {
    writeFileSync(join(dir, 'file'), '');
    const spool = createSpool({ dir: join(dir, 'file', 'spool'), clock, random: seededRandom(1) });
    open.push(spool);
    expect(spool.append(events(0, 1))).toHaveLength(1);
    expect(spool.status().problem).toBe('spool_volatile');
  });

  test('[SP9] an item set aside is kept apart, counted and not sent again', () => {
    const spool = spoolOf({ setAsideRows: 2 });
    spool.append(events(0, 5));
    for (const sequence of [2, 3, 4]) spool.quarantine(sequence, 'item_malformed');
    spool.quarantine(99, 'item_malformed');
    expect(pending(spool).map((item) => item.sequence)).toEqual([1, 5]);
    expect(spool.status().setAside).toBe(2);
    close(spool);
    expect(spoolOf().status().setAside).toBe(2);
  });

  test('[SP8] ballast is laid down and is as large as it says', () => {
    spoolOf({ ballastBytes: 1_000_000 });
    expect(existsSync(join(dir, 'spool.ballast'))).toBe(true);
  });
});
