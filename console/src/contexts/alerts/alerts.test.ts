import type { Story } from '@yagura/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aStory, EPOCH_TIME } from '../../../../test/fakes/items.ts';
import { type Person, startTestConsole, type TestConsole } from '../../../../test/fakes/running-console.ts';
import { INCIDENT_SORTS, ROUTES } from '../../api/index.ts';
import type { Origin } from '../fleet/api.ts';
import type { StoryTimes } from './api.ts';

let console_: TestConsole;
let person: Person;
let origin: Origin;

beforeAll(async () => {
  console_ = await startTestConsole();
  person = await console_.person(await console_.tenant('t'), 'admin');
  origin = await console_.enrol(person.actor.tenantId, 'pc');
});
afterAll(() => console_[Symbol.asyncDispose]());

let stories = 0;
const newStory = (rest: Partial<Story> = {}): Story => {
  stories += 1;
  return { ...aStory(`story-${stories}`, 1), ...rest };
};

function apply(story: Story, at: Origin = origin, times: Partial<StoryTimes> = {}): Promise<void> {
  const receivedAt = times.receivedAt ?? console_.clock.now();
  return console_.domain.store.write((tx) =>
    console_.domain.alerts.applyStory(tx, at, story, { receivedAt, clockOffsetMs: times.clockOffsetMs ?? 0 }),
  );
}

async function incidentOf(story: Story, at: Origin = origin) {
  const row = await console_.domain.store.read
    .selectFrom('incidents')
    .select('incident_id')
    .where('story_id', '=', story.storyId)
    .where('endpoint_id', '=', at.endpointId)
    .executeTakeFirstOrThrow();
  const detail = await console_.domain.alerts.detail(at.tenantId, row.incident_id);
  if (!detail) throw new Error('no incident');
  return detail;
}

describe('[ST3] one incident for each (endpoint, storyId)', () => {
  test('revisions revise it; the same story id elsewhere is another', async () => {
    const other = await console_.enrol(person.actor.tenantId, 'other-pc');
    const story = newStory();
    await apply(story);
    await apply(story, other);
    await apply({ ...story, revision: 2, severity: 'critical', detectionCount: 7 });
    expect(await incidentOf(story)).toMatchObject({ severity: 'critical', detectionCount: 7, story: { revision: 2 } });
    expect(await incidentOf(story, other)).toMatchObject({ severity: 'high', story: { revision: 1 } });
    const rows = await console_.domain.store.read
      .selectFrom('incidents')
      .select('incident_id')
      .where('story_id', '=', story.storyId)
      .execute();
    expect(rows).toHaveLength(2);
  });

  test('[ST1] the highest revision stays, in whatever order they arrive and however often', async () => {
    const story = newStory();
    for (const revision of [3, 1, 2, 3, 5, 4, 5]) await apply({ ...story, revision, detectionCount: revision });
    expect(await incidentOf(story)).toMatchObject({ detectionCount: 5, story: { revision: 5 } });
  });
});

describe('times', () => {
  test('are all kept, the endpoint clock corrected by its offset', async () => {
    const receivedAt = EPOCH_TIME + 90_000_000;
    const story = newStory();
    await apply(story, origin, { receivedAt, clockOffsetMs: 86_400_000 });
    const incident = await incidentOf(story);
    expect(incident.times).toEqual({
      endpoint: EPOCH_TIME,
      corrected: EPOCH_TIME + 86_400_000,
      received: receivedAt,
      judged: console_.clock.now(),
    });
    expect(incident.occurredAt).toBe(incident.times.corrected);
  });

  test('a clock that runs ahead makes nothing happen after it was received', async () => {
    const story = newStory();
    await apply(story, origin, { receivedAt: EPOCH_TIME - 5_000 });
    expect((await incidentOf(story)).times.corrected).toBe(EPOCH_TIME - 5_000);
  });

  test('a later revision keeps the first arrival; a lane that changes is judged anew', async () => {
    const story = newStory({ severity: 'medium' });
    await apply(story);
    const first = (await incidentOf(story)).times;
    console_.clock.time += 10_000;
    await apply({ ...story, revision: 2 });
    expect((await incidentOf(story)).times).toEqual(first);
    await apply({ ...story, revision: 3, severity: 'critical' });
    expect((await incidentOf(story)).times).toEqual({ ...first, judged: console_.clock.now() });
  });
});

describe('closing and reopening', () => {
  const close = (incidentId: string) =>
    person.call('closeIncident', { params: { incidentId }, body: { resolution: 'handled', note: 'looked at it' } });

  test('is done by people, once, with their name and reason', async () => {
    const story = newStory();
    await apply(story);
    const { incidentId } = await incidentOf(story);
    expect(await close(incidentId)).toMatchObject({
      status: 200,
      json: { status: 'closed', resolution: 'handled', closedBy: 'admin', closeNote: 'looked at it' },
    });
    expect(await close(incidentId)).toMatchObject({ status: 409, code: 'already_closed' });
    const reopened = await person.call('reopenIncident', { params: { incidentId } });
    expect(reopened).toMatchObject({ status: 200, json: { status: 'open' } });
    expect(reopened.json).not.toHaveProperty('closedBy');
    expect(await person.call('reopenIncident', { params: { incidentId } })).toMatchObject({ code: 'already_open' });
  });

  test('a story that became worse opens its incident again and says so in the audit log', async () => {
    const story = newStory({ severity: 'medium', containment: 'complete' });
    await apply(story);
    const { incidentId } = await incidentOf(story);
    await close(incidentId);
    await apply({ ...story, revision: 2 });
    expect((await incidentOf(story)).status).toBe('closed');
    await apply({ ...story, revision: 3, containment: 'partial' });
    const again = await incidentOf(story);
    expect(again).toMatchObject({ status: 'open', incidentId });
    expect(again).not.toHaveProperty('resolution');
    const audit = await console_.domain.audit.page(person.actor.tenantId, { search: 'incident.reopen' });
    expect(audit.ok && audit.value.items[0]).toMatchObject({ actor: 'console', target: incidentId });
  });
});

describe('the list', () => {
  test('counts what is open by lane, filters and searches', async () => {
    const customer = await console_.person(await console_.tenant('list'), 'admin');
    const pc = await console_.enrol(customer.actor.tenantId, '経理-01');
    const titled = (ja: string): Story => {
      const story = newStory({ severity: 'critical' });
      const [first] = story.detections;
      if (!first) throw new Error('no detection');
      const rule = { ...first.rule, localTitle: { ja, en: 'Reverse shell' } };
      return { ...story, detections: [{ ...first, rule }] };
    };
    await apply(titled('外部への不審な接続'), pc);
    await apply(newStory({ severity: 'high', containment: 'complete' }), pc);
    await apply(newStory({ severity: 'critical', safeTest: true }), pc);
    const list = async (query: Record<string, string> = {}) =>
      ROUTES.listIncidents.response.parse((await customer.call('listIncidents', { query })).json);
    expect((await list()).open).toEqual({ severe: 1, attention: 1, information: 1 });
    expect((await list({ lane: 'severe' })).items).toHaveLength(1);
    expect((await list({ search: '不審な' })).items).toMatchObject([{ title: { ja: '外部への不審な接続' } }]);
    expect((await list({ search: '経理' })).items).toHaveLength(3);
    expect((await list({ endpointId: 'ep_none' })).items).toEqual([]);
    expect((await list({ status: 'closed' })).items).toEqual([]);
    const endpoint = await console_.domain.fleet.detail(pc.tenantId, pc.endpointId);
    expect(endpoint).toMatchObject({ openIncidents: 3, severeIncidents: 1 });
    for (const sort of INCIDENT_SORTS.flatMap((name) => [name, `-${name}`])) {
      const first = await list({ sort, limit: '2' });
      const second = await list({ sort, limit: '2', cursor: first.next ?? '' });
      const ids = [...first.items, ...second.items].map((item) => item.incidentId);
      expect(new Set(ids).size, sort).toBe(3);
    }
  });
});
