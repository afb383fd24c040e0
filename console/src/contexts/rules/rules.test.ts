import { Readable } from 'node:stream';
import type { RuleCatalogue, RuleSummary, Story } from '@yagura/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aHealth, aStory } from '../../../../test/fakes/items.ts';
import { linuxRule, packOf } from '../../../../test/fakes/rule-pack.ts';
import { type Person, startTestConsole, type TestConsole } from '../../../../test/fakes/running-console.ts';
import { ROUTES } from '../../api/index.ts';
import type { Origin } from '../fleet/api.ts';

let console_: TestConsole;
let person: Person;
let origin: Origin;
let customers = 0;

beforeAll(async () => {
  console_ = await startTestConsole();
});
afterAll(() => console_[Symbol.asyncDispose]());
beforeEach(async () => {
  customers += 1;
  person = await console_.person(await console_.tenant(`customer ${customers}`), 'admin');
  origin = await console_.enrol(person.actor.tenantId, 'pc');
});

const summary = (ruleId: string, rest: Partial<RuleSummary> = {}): RuleSummary => ({
  ruleId,
  title: `Title of ${ruleId}`,
  source: 'sigma',
  severity: 'high',
  confidence: 'high',
  techniques: ['T1059.004'],
  tactics: ['execution'],
  system: 'linux',
  canFire: true,
  ...rest,
});
const tell = (rules: RuleCatalogue['rules'], at = origin) =>
  console_.domain.store.write((tx) => console_.domain.rules.applyCatalogue(tx, at, { rules, omitted: 0 }));
const page = async (query: Record<string, string> = {}, by = person) =>
  ROUTES.listRules.response.parse((await by.call('listRules', { query })).json);
const ids = async (query: Record<string, string> = {}) => (await page(query)).items.map(({ ruleId }) => ruleId);

async function runPack(...texts: string[]) {
  const { bytes, reference } = packOf('SigmaHQ', '2026-11', ...texts);
  const added = await console_.domain.rulePacks.add(person.actor, Readable.from([bytes]));
  if (!added.ok) throw new Error(added.code);
  return reference;
}
const inForce = (reference: Awaited<ReturnType<typeof runPack>>) =>
  console_.domain.store.write((tx) =>
    console_.domain.fleet.applyHealth(tx, origin, { ...aHealth(), rulePack: { active: reference } }, 1),
  );

describe('the list of rules', () => {
  test('is what agents bring, once whoever brings it, with everything a rule says about itself', async () => {
    const full = summary('own', {
      author: 'A. Author',
      reference: 'https://example.com',
      licence: 'DRL-1.1',
      localTitle: { ja: '不審なシェル', en: 'Title of own' },
    });
    await tell([full]);
    await tell([full], await console_.enrol(origin.tenantId, 'second'));
    expect(await page()).toEqual({ total: 1, items: [{ ...full, origin: { kind: 'built-in' }, detections: 0 }] });
  });

  test('has the rules of a pack while an endpoint runs it', async () => {
    await tell([summary('own')]);
    const reference = await runPack(linuxRule('one'), linuxRule('two'));
    expect(await ids()).toEqual(['own']);
    await inForce(reference);
    console_.clock.time += 10_000;
    expect((await ids()).toSorted()).toEqual(['own', 'runs-one', 'runs-two']);
    const { sha256, name, version } = reference;
    const [found] = (await page({ search: 'runs-one' })).items;
    expect(found).toMatchObject({ origin: { kind: 'pack', sha256, name, version }, canFire: true, system: 'linux' });
    expect(found).toMatchObject({ author: 'A. Author', reference: 'https://example.com/rule' });
  });

  test('lists a rule that agents and a pack have once, as the agents’', async () => {
    const reference = await runPack(linuxRule('one'));
    await tell([summary('runs-one')]);
    await inForce(reference);
    console_.clock.time += 10_000;
    expect(await page()).toMatchObject({ total: 1, items: [{ origin: { kind: 'built-in' } }] });
  });

  test('can be searched, filtered, sorted and paged', async () => {
    await tell([
      summary('a', {
        severity: 'low',
        system: 'windows',
        techniques: ['T1003'],
        localTitle: { ja: '認証情報', en: 'x' },
      }),
      summary('b', { severity: 'critical' }),
      summary('c', { severity: 'medium', author: 'Nextron' }),
      summary('d', { severity: 'high' }),
    ]);
    expect(await ids()).toEqual(['b', 'd', 'c', 'a']);
    expect(await ids({ search: 'T1003' })).toEqual(['a']);
    expect(await ids({ search: '認証' })).toEqual(['a']);
    expect(await ids({ search: 'title NEXTRON' })).toEqual(['c']);
    expect(await ids({ search: '%' })).toEqual([]);
    expect(await ids({ system: 'linux', sort: 'title' })).toEqual(['b', 'c', 'd']);
    expect(await ids({ level: 'high' })).toEqual(['d']);
    const first = await page({ limit: '3', sort: 'title' });
    expect(first.items).toHaveLength(3);
    expect(await ids({ limit: '3', sort: 'title', cursor: first.next ?? '' })).toEqual(['d']);
    expect(await person.call('listRules', { query: { sort: 'rm' } })).toMatchObject({ status: 400 });
  });

  test('forgets an agent’s former rules, and is bounded', async () => {
    await tell([summary('old')]);
    await tell([summary('new')]);
    expect(await ids()).toEqual(['new']);
    for (let index = 0; index < 40; index += 1) {
      await tell([summary(`r${index}`)], await console_.enrol(origin.tenantId, `pc ${index}`));
    }
    expect((await page({ limit: '100' })).total).toBe(32);
  });

  test('is the tenant’s own', async () => {
    await tell([summary('own')]);
    const other = await console_.person(await console_.tenant('others'), 'admin');
    expect(await page({}, other)).toEqual({ total: 0, items: [] });
    expect(await other.call('getRule', { params: { ruleId: 'own' } })).toMatchObject({ status: 404 });
  });
});

describe('one rule', () => {
  const story = (revision: number, detections: number, rest: Partial<Story>): Story => {
    const base = aStory('s1', revision);
    const [detection] = base.detections;
    if (!detection) throw new Error('no detection');
    const list = Array.from({ length: detections }, (_, index) => ({
      ...detection,
      detectionId: `d-${index}`,
      rule: { ...detection.rule, ruleId: 'own' },
    }));
    return { ...base, ...rest, detections: list, detectionCount: detections };
  };
  const enter = (revision: number, detections: number, receivedAt: number, rest: Partial<Story> = {}) =>
    console_.domain.store.write((tx) =>
      console_.domain.alerts.applyStory(tx, origin, story(revision, detections, rest), {
        receivedAt,
        clockOffsetMs: 0,
      }),
    );
  const detail = async () =>
    ROUTES.getRule.response.parse((await person.call('getRule', { params: { ruleId: 'own' } })).json);

  test('counts the detections of 30 days without counting revisions twice, and names the incidents', async () => {
    await tell([summary('own')]);
    const now = console_.clock.now();
    await enter(1, 2, now - 40 * 86_400_000);
    expect(await detail()).toMatchObject({ detections: 0, incidents: [{ endpointName: 'pc' }] });
    await enter(2, 3, now - 1_000);
    await enter(2, 3, now - 1_000);
    await enter(3, 3, now);
    expect(await detail()).toMatchObject({ detections: 3, incidents: [{ receivedAt: now - 1_000 }] });
    expect((await page()).items).toMatchObject([{ ruleId: 'own', detections: 3 }]);
  });

  test('[ST4] the product’s own test counts for nothing', async () => {
    await tell([summary('own')]);
    await enter(1, 1, console_.clock.now(), { safeTest: true });
    expect(await detail()).toMatchObject({ detections: 0, incidents: [] });
  });
});
