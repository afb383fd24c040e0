import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RulePackReference } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { linuxRule, packFrom, packOf, type TestPack } from '../../../test/fakes/rule-pack.ts';
import { type ManualClock, manualClock } from '../../../test/fakes/time.ts';
import type { FetchedPack } from './fetch-pack.ts';
import { openRulePacks, type RulePacks, type RulePacksOptions } from './rule-packs.ts';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const MINUTE = 60_000;

let dir = '';
let clock: ManualClock;
/** What the gateway has, by hash; each is handed out in two pieces. */
let offered: Map<string, Buffer>;
let fetches = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'yagura-packs-'));
  clock = manualClock();
  offered = new Map();
  fetches = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const fetch = (reference: RulePackReference): Promise<FetchedPack> => {
  fetches += 1;
  const bytes = offered.get(reference.sha256);
  if (bytes === undefined) return Promise.resolve({ ok: false, code: 'pack_unavailable', detail: '404' });
  async function* pieces(content: Buffer): AsyncIterable<Uint8Array> {
    yield content.subarray(0, content.length >> 1);
    yield content.subarray(content.length >> 1);
  }
  return Promise.resolve({ ok: true, content: pieces(bytes) });
};

/** The packs as the agent's next start finds them. */
function start(change: Partial<RulePacksOptions> = {}): RulePacks {
  const { signal } = new AbortController();
  return openRulePacks({ dir, endpointId: 'ep-1', platform: 'linux', clock, log, fetch, signal, ...change });
}

function offer(pack: TestPack, bytes = pack.bytes): RulePackReference {
  offered.set(pack.reference.sha256, bytes);
  return pack.reference;
}

const detects = (packs: RulePacks, name: string): boolean =>
  packs.evaluator.evaluate({
    logsource: { product: 'linux', category: 'process_creation' },
    fields: { Image: `/usr/bin/${name}` },
  }).length > 0;

const GOOD = packOf('rules', '1', linuxRule('old'));
const NEXT = packOf('rules', '2', linuxRule('new'));

describe('a pack that was ordered', () => {
  test('[RP3] is fetched, in force at once, and still after a restart', async () => {
    const packs = start();
    expect(await packs.install(offer(GOOD), 'ep-1')).toEqual({ ok: true, code: 'done' });
    expect(detects(packs, 'old')).toBe(true);
    expect(packs.health()).toEqual({ active: GOOD.reference });
    expect(await packs.install(GOOD.reference, 'ep-1')).toEqual({ ok: true, code: 'already_done' });
    packs.endTrial();
    offered.clear();
    const again = start();
    expect([detects(again, 'old'), again.health(), fetches]).toEqual([true, { active: GOOD.reference }, 1]);
  });

  test('[CM11] gives way to the next one, and to none', async () => {
    const packs = start();
    await packs.install(offer(GOOD), 'ep-1');
    expect(await packs.install(offer(NEXT), 'ep-1')).toMatchObject({ code: 'done' });
    expect([detects(packs, 'old'), detects(packs, 'new')]).toEqual([false, true]);
    expect(packs.clear('ep-1')).toEqual({ ok: true, code: 'done' });
    expect([detects(packs, 'new'), packs.health(), packs.clear('ep-1').code]).toEqual([false, {}, 'already_done']);
    expect(readdirSync(dir)).toEqual(['packs.json']);
    expect(detects(start(), 'new')).toBe(false);
  });

  test('is asked for again when the gateway has trouble', async () => {
    const packs = start();
    const installing = packs.install(GOOD.reference, 'ep-1');
    await expect.poll(() => fetches).toBe(1);
    offer(GOOD);
    clock.advance(2_000);
    expect(await installing).toMatchObject({ ok: true });
  });

  test('that is not to be had is `pack_unavailable`, and the agent’s end stops the asking', async () => {
    const stop = new AbortController();
    const packs = start({ signal: stop.signal });
    const installing = packs.install(GOOD.reference, 'ep-1');
    await expect.poll(() => fetches).toBe(1);
    stop.abort();
    expect(await installing).toMatchObject({ ok: false, code: 'pack_unavailable' });
  });

  test('is dropped when the machine belongs to somebody else now, and kept while that is unknown', async () => {
    const packs = start();
    await packs.install(offer(GOOD), 'ep-1');
    packs.endTrial();
    expect(detects(start({ endpointId: undefined }), 'old')).toBe(true);
    const moved = start({ endpointId: 'ep-2' });
    expect([detects(moved, 'old'), moved.health()]).toEqual([false, {}]);
    expect(readdirSync(dir)).toEqual(['packs.json']);
  });
});

describe('[RP3] a poisoned pack never replaces the good one', () => {
  const [head = '', catalogue = '', body = ''] = NEXT.bytes.toString().split('\n');
  const header = `${head}\n${catalogue}`;
  const newerLayout = packFrom(`${header.replace('"layout":2', '"layout":3')}\n${body}`, 'rules', '2');
  const newerBody = packFrom(`${header}\n${body.replace('"version":2', '"version":3')}`, 'rules', '2');
  const otherName = packFrom(NEXT.bytes.toString(), 'trusted rules', '2');
  const parsed = JSON.parse(body) as { tests: unknown[]; documents: unknown[] };
  const [rule, tests] = [JSON.stringify(parsed.documents[0]), JSON.stringify(parsed.tests)];
  const deep = `${'["not",'.repeat(5_000)}0${']'.repeat(5_000)}`;
  const nested = packFrom(
    `${header}\n{"format":"yagura-rules","version":2,"tests":[],"documents":[${rule.replace(/"expression":.*\}/, `"expression":${deep}}`)}]}`,
    'rules',
    '2',
  );

  const rejected: readonly (readonly [string, TestPack, Buffer, string, string])[] = [
    ['another content', NEXT, GOOD.bytes, 'pack_damaged', ''],
    ['one flipped bit', NEXT, flipped(NEXT.bytes), 'pack_damaged', ''],
    ['a cut one', NEXT, NEXT.bytes.subarray(0, -1), 'pack_damaged', ''],
    ['one with more behind it', NEXT, Buffer.concat([NEXT.bytes, Buffer.from(' ')]), 'pack_damaged', ''],
    ['a newer layout', newerLayout, newerLayout.bytes, 'pack_rejected', 'pack_version_unknown'],
    ['a newer format of rules', newerBody, newerBody.bytes, 'pack_rejected', 'pack_version_unknown'],
    ['another name than was approved', otherName, otherName.bytes, 'pack_rejected', 'pack_mislabelled'],
    ['endless nesting', nested, nested.bytes, 'pack_rejected', 'pack_invalid'],
    ...['', 'x', '\n', '{}\n{}', `${header}\n`, `${header}\n[]`, `${'x'.repeat(40_000)}\n`].map((text) => {
      const pack = packFrom(text === '' ? ' ' : text, 'rules', '2');
      return [`no pack: ${JSON.stringify(text.slice(0, 20))}`, pack, pack.bytes, 'pack_rejected', 'pack_'] as const;
    }),
  ];
  test.each(rejected)('%s', async (_name, pack, bytes, code, detail) => {
    const packs = start();
    await packs.install(offer(GOOD), 'ep-1');
    const outcome = await packs.install(offer(pack, bytes), 'ep-1');
    expect(outcome).toMatchObject({ ok: false, code });
    expect(outcome.detail ?? '').toContain(detail);
    expect(detects(packs, 'old')).toBe(true);
    expect(packs.health()).toEqual({ active: GOOD.reference, failed: { ...pack.reference, code } });
    // Nothing of it stays, and the next start knows only the good one.
    expect(readdirSync(dir).toSorted()).toEqual([`${GOOD.reference.sha256}.pack`, 'packs.json'].toSorted());
    expect(detects(start(), 'old')).toBe(true);
  });

  test('nor does one that takes more memory than it may', async () => {
    const many = Array.from({ length: 40_000 }, (_, index) => rule.replace('runs-new', `runs-${index}`)).join(',');
    const bomb = packFrom(
      `${header}\n{"format":"yagura-rules","version":2,"tests":${tests},"documents":[${many}]}`,
      'rules',
      '2',
    );
    const packs = start({ bounds: { milliseconds: 60_000, heapMegabytes: 24 } });
    expect(await packs.install(offer(GOOD), 'ep-1')).toMatchObject({ ok: true });
    expect(await packs.install(offer(bomb), 'ep-1')).toMatchObject({
      code: 'pack_rejected',
      detail: expect.stringContaining('pack_over_budget'),
    });
    expect(detects(packs, 'old')).toBe(true);
  });

  test('nor one that is not loaded in time', async () => {
    const roomy = start();
    await roomy.install(offer(GOOD), 'ep-1');
    const packs = start({ bounds: { milliseconds: 1, heapMegabytes: 384 } });
    expect(await packs.install(offer(NEXT), 'ep-1')).toMatchObject({
      code: 'pack_rejected',
      detail: expect.stringContaining('within 1 ms'),
    });
    expect(detects(packs, 'old')).toBe(true);
  });

  function flipped(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    copy[copy.length >> 1] = (copy[copy.length >> 1] ?? 0) ^ 1;
    return copy;
  }
});

describe('[RP5] trial', () => {
  /** A pack that stood its trial, then another one under which the agent is killed. */
  async function killedWith(next: TestPack): Promise<void> {
    const packs = start();
    await packs.install(offer(GOOD), 'ep-1');
    clock.advance(MINUTE);
    packs.tick();
    await packs.install(offer(next), 'ep-1');
  }

  test('after two starts that ended badly the last good pack is back, and health says so', async () => {
    await killedWith(NEXT);
    expect(detects(start(), 'new')).toBe(true);
    const third = start();
    expect([detects(third, 'new'), detects(third, 'old')]).toEqual([false, true]);
    expect(third.health()).toEqual({ active: GOOD.reference, failed: { ...NEXT.reference, code: 'pack_crashed' } });
    // Its order again tries it again; the next pack that works clears the record.
    expect(await third.install(offer(packOf('rules', '3', linuxRule('third'))), 'ep-1')).toMatchObject({ ok: true });
    expect(third.health().failed).toBeUndefined();
  });

  test('a minute with it, or an orderly end, ends the trial', async () => {
    for (const end of [(packs: RulePacks) => packs.endTrial(), (packs: RulePacks) => packs.tick()]) {
      await killedWith(NEXT);
      for (let run = 0; run < 5; run += 1) {
        const packs = start();
        expect(detects(packs, 'new')).toBe(true);
        clock.advance(MINUTE);
        end(packs);
      }
      start().clear('ep-1');
    }
  });

  test('a first pack that crashes leaves the agent with its own rules', async () => {
    await start().install(offer(GOOD), 'ep-1');
    start();
    const third = start();
    expect([third.evaluator.loaded, third.health()]).toEqual([
      0,
      { failed: { ...GOOD.reference, code: 'pack_crashed' } },
    ]);
    expect(detects(start(), 'old')).toBe(false);
  });

  test('a stored pack that was changed or removed is set aside', async () => {
    await killedWith(NEXT);
    writeFileSync(join(dir, `${NEXT.reference.sha256}.pack`), GOOD.bytes);
    const packs = start();
    expect([detects(packs, 'old'), packs.health().failed?.code]).toEqual([true, 'pack_damaged']);
    rmSync(join(dir, `${GOOD.reference.sha256}.pack`));
    expect(start().health()).toEqual({ failed: { ...GOOD.reference, code: 'pack_damaged' } });
  });

  test('a damaged record is as good as none', async () => {
    await start().install(offer(GOOD), 'ep-1');
    writeFileSync(join(dir, 'packs.json'), '{');
    const packs = start();
    expect(packs.health()).toEqual({});
    expect(await packs.install(offer(GOOD), 'ep-1')).toMatchObject({ ok: true });
  });
});

test('[RP4] a correlation that the old rules began is completed by the new ones', async () => {
  const correlation = [
    'title: Three times',
    'id: three-times',
    'correlation: { type: event_count, rules: [runs-old], group-by: [Image], timespan: 1m, condition: { gte: 3 } }',
  ].join('\n');
  const packs = start();
  await packs.install(offer(packOf('rules', '1', linuxRule('old'), correlation)), 'ep-1');
  const send = (bootTime: number): string[] =>
    packs.evaluator
      .evaluate({
        logsource: { product: 'linux', category: 'process_creation' },
        bootTime,
        fields: { Image: '/bin/old' },
      })
      .map(({ rule }) => rule.ruleId);
  expect([send(1_000), send(2_000)]).toEqual([[], []]);
  await packs.install(offer(packOf('rules', '2', linuxRule('old'), linuxRule('new'), correlation)), 'ep-1');
  expect(send(3_000)).toEqual(['three-times']);
});
