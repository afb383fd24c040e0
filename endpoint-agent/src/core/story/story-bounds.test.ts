import { LIMITS, Story } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { eventOf, ruleMatch } from '../../../../test/fakes/detections.ts';
import { machine, ProcessTree } from '../../../../test/fakes/process-tree.ts';
import { createStoryTracker } from './create-story-tracker.ts';
import type { StoryBounds } from './story-tracker.ts';

const HOSTILE = ['a\nb', '\u202etxt.exe', '__proto__', 'constructor', '\u0000', '😀'.repeat(50), '\\x41', '../../etc'];

function setup(bounds: Partial<StoryBounds> = {}) {
  const m = machine();
  const clock = { time: 0, now: () => 1_700_000_000_000 + clock.time, monotonic: () => clock.time };
  let ids = 0;
  const make = (processes: ProcessTree) =>
    createStoryTracker({
      clock,
      newId: () => `id-${(ids += 1)}`,
      processes,
      protectedEntityIds: () => new Set(),
      bounds,
    });
  return { ...m, clock, make, tracker: make(m.tree) };
}

describe('bounds', () => {
  test('[LI1] a story of the largest possible parts is valid and fits into one frame', () => {
    const { tree, alice, tracker } = setup();
    const huge = '\u0001"日本\ud83d\ude00'.repeat(20_000);
    const root = tree.add(300, alice, `/tmp/${huge}`, { commandLine: huge, user: huge });
    for (let i = 0; i < 260; i += 1) {
      const child = tree.add(1_000 + i, root, `/tmp/${i}${huge}`, { commandLine: huge });
      const fields = Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`Field${n}`, huge.slice(0, 32_000)]));
      const match = ruleMatch(`r${i}`, { explanation: { ja: 'あ'.repeat(4_096), en: 'x' } });
      const matched = Array.from({ length: 60 }, (_, n) => ({ field: `Field${n}`, value: huge }));
      tracker.apply(eventOf('process_creation', tree.get(child), fields), [{ ...match, matched }]);
      const path = `/tmp/${i}${'\u0001'.repeat(8_000)}`;
      tracker.apply(eventOf('file_event', tree.get(child), { TargetFilename: path }), [match]);
    }
    const [story] = tracker.drain();
    expect(Story.safeParse(story).error?.issues).toBeUndefined();
    expect(new TextEncoder().encode(JSON.stringify(story)).length).toBeLessThan(900_000);
    expect(story).toMatchObject({ detectionCount: 520, processCount: 260 });
    expect(story?.detections.length).toBeGreaterThan(3);
    expect(story?.detections[0]?.event.truncated).toContain('CommandLine');
  });

  test('[ST2] keeps the gravest detections and true counts', () => {
    const { tree, alice, tracker } = setup();
    const root = tree.add(300, alice, '/tmp/x');
    for (let i = 0; i < 200; i += 1) {
      tracker.apply(eventOf('process_creation', tree.get(root)), [ruleMatch(`r${i}`, { severity: 'low' })]);
    }
    tracker.apply(eventOf('process_creation', tree.get(root)), [ruleMatch('grave', { severity: 'critical' })]);
    const [story] = tracker.drain();
    expect(story).toMatchObject({ severity: 'critical', detectionCount: 201 });
    expect(story?.detections).toHaveLength(LIMITS.detectionsPerStory);
    expect(story?.detections.map(({ rule }) => rule.ruleId)).toContain('grave');
    expect(tracker.counts.detectionsFolded).toBe(150);
  });

  test('the same rule on the same process over and over is counted, not repeated', () => {
    const { tree, alice, tracker } = setup({ revisionsPerSecond: 1_000_000, urgentPerSecond: 1_000_000 });
    const root = tree.add(300, alice, '/tmp/x');
    let revisions = 0;
    for (let i = 0; i < 5_000; i += 1) {
      revisions += tracker.apply(eventOf('file_event', tree.get(root), { TargetFilename: '/x' }), [
        ruleMatch('r'),
      ]).length;
    }
    expect(revisions).toBe(3);
    expect(tracker.drain()).toMatchObject([{ detectionCount: 5_000, revision: 4 }]);
    expect(tracker.drain()).toEqual([]);
  });

  test('a story speaks at most so often a second, and says the rest with the next drain', () => {
    const { tree, alice, tracker, clock } = setup({ revisionsPerSecond: 2 });
    const root = tree.add(300, alice, '/tmp/x');
    const hit = (rule: string) => tracker.apply(eventOf('process_creation', tree.get(root)), [ruleMatch(rule)]).length;
    expect([hit('a'), hit('b'), hit('c'), hit('d')]).toEqual([1, 1, 0, 0]);
    clock.time += 1_000;
    expect(tracker.drain()).toMatchObject([{ detectionCount: 4, revision: 3 }]);
    expect(hit('e')).toBe(1);
  });

  test('so do all together: what exceeds their pace goes out with the drain, in one piece', () => {
    const { tree, init, tracker, clock } = setup({ urgentPerSecond: 3 });
    const start = (pid: number) =>
      tracker.apply(eventOf('process_creation', tree.get(tree.add(pid, init, `/opt/${pid}`))), [ruleMatch('r')]).length;
    expect([300, 301, 302, 303, 304].map(start)).toEqual([1, 1, 1, 0, 0]);
    expect(tracker.drain()).toHaveLength(2);
    clock.time += 1_000;
    expect(start(305)).toBe(1);
  });

  test('the weakest story makes room, and is said a last time if it had news', () => {
    const { tree, init, tracker } = setup({ stories: 2, revisionsPerSecond: 0 });
    const start = (pid: number, severity: 'low' | 'high') =>
      tracker.apply(eventOf('process_creation', tree.get(tree.add(pid, init, `/opt/${pid}`))), [
        ruleMatch('r', { severity }),
      ]);
    start(300, 'high');
    start(301, 'low');
    start(302, 'high');
    expect(tracker.counts).toMatchObject({ open: 2, evicted: 1 });
    expect(tracker.drain().map(({ severity }) => severity)).toEqual(['low', 'high', 'high']);
  });

  test('an idle story closes; the wall clock has no say in it', () => {
    const { tree, alice, tracker, clock } = setup({ idleMilliseconds: 1_000 });
    const root = tree.add(300, alice, '/tmp/x');
    const hit = () => tracker.apply(eventOf('process_creation', tree.get(root), {}, { time: 5 }), [ruleMatch('r')]);
    const [first] = hit();
    clock.time += 1_001;
    expect(tracker.drain()).toEqual([]);
    expect(tracker.stories()).toEqual([]);
    expect(hit()[0]?.storyId).not.toBe(first?.storyId);
  });

  test('a fork bomb below a detected process leaves the detected ones and a true count', () => {
    const { tree, alice, tracker } = setup();
    const root = tree.add(300, alice, '/tmp/x');
    tracker.apply(eventOf('process_creation', tree.get(root)), [ruleMatch('r')]);
    for (let i = 0; i < 30_000; i += 1) {
      const child = { entityId: `c-${i}`, pid: 1_000 + (i % 30_000), parentEntityId: root, image: '/usr/bin/true' };
      tracker.apply(eventOf('process_creation', child), []);
    }
    const [story] = tracker.drain();
    expect(story?.processCount).toBe(30_001);
    expect(story?.processes).toHaveLength(LIMITS.processesPerStory);
    expect(story?.rootEntityId).toBe(root);
    expect(tracker.counts.linksEvicted).toBeGreaterThan(5_000);
  });
});

describe('restart', () => {
  test('[ST1] goes on with the same ids and higher revisions, and makes no second incident', () => {
    const { tree, alice, bob, tracker, make } = setup();
    const root = tree.add(300, alice, '/tmp/x');
    const child = tree.add(301, root, '/usr/bin/id');
    const [before] = tracker.apply(eventOf('process_creation', tree.get(root)), [ruleMatch('r')]);
    tracker.apply(eventOf('process_creation', tree.get(child)), []);
    tracker.apply(eventOf('file_event', tree.get(root), { TargetFilename: '/tmp/y' }), []);
    const saved: unknown = JSON.parse(JSON.stringify(tracker.snapshot()));
    tree.end(child, 1_700_000_009_000);

    const next = make(tree);
    expect(next.restore(saved as unknown[])).toEqual([]);
    const [changed] = next.drain();
    expect(changed?.processes.find(({ entityId }) => entityId === child)?.state).toBe('exited');
    const [after] = next.apply(eventOf('process_creation', tree.get(tree.add(302, root, '/usr/bin/w'))), [
      ruleMatch('q'),
    ]);
    expect(Story.parse(after)).toMatchObject({ storyId: before?.storyId, detectionCount: 2 });
    expect(after?.revision).toBeGreaterThan(before?.revision ?? 0);
    const [byFile] = next.apply(eventOf('process_creation', tree.get(tree.add(303, bob, '/tmp/y'))), [ruleMatch('s')]);
    expect(byFile?.storyId).toBe(before?.storyId);
    expect(next.restore(saved as unknown[])).toEqual([{ index: 0, code: 'story_known' }]);
  });

  test('takes up a containment that was interrupted', () => {
    const { tree, alice, tracker, make } = setup();
    const root = tree.add(300, alice, '/tmp/x');
    const [story] = tracker.apply(eventOf('process_creation', tree.get(root)), [ruleMatch('r')]);
    const verdict = {
      decision: 'contain',
      reason: 'severe_story',
      furtherRootEntityIds: [],
      files: ['/tmp/x'],
      isCounted: true,
    } as const;
    tracker.beginContainment(story?.storyId ?? '', { ...verdict, rootEntityId: root });
    const next = make(tree);
    next.restore(tracker.snapshot());
    expect(next.drain()).toMatchObject([{ containment: 'observed' }]);
  });

  test('refuses damaged records one by one', () => {
    const { tree, alice, tracker, make } = setup();
    tracker.apply(eventOf('process_creation', tree.get(tree.add(300, alice, '/tmp/x'))), [ruleMatch('r')]);
    const [good] = tracker.snapshot();
    const records = [null, 1, {}, { ...good, version: 2 }, { ...good, extra: 1 }, good];
    expect(
      make(tree)
        .restore(records)
        .map(({ index, code }) => `${index} ${code}`),
    ).toEqual([0, 1, 2, 3, 4].map((index) => `${index} record_invalid`));
  });

  test('processes of a former boot are over', () => {
    const { tree, alice, tracker, make } = setup();
    tracker.apply(eventOf('process_creation', tree.get(tree.add(300, alice, '/tmp/x'))), [ruleMatch('r')]);
    const next = make(new ProcessTree());
    next.restore(tracker.snapshot());
    expect(new Set(next.drain()[0]?.processes.map(({ state }) => state))).toEqual(new Set(['exited']));
  });
});

test('random events, hostile ones among them: every story is valid, revisions rise, nothing throws', () => {
  const seed = Date.now() % 2 ** 32;
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const { tree, tracker, clock, alice, init } = setup({
    stories: 5,
    members: 40,
    files: 20,
    recentWrites: 20,
    links: 10,
  });
  const ids = [alice, init];
  const categories = ['process_creation', 'process_termination', 'file_event', 'file_rename', 'file_delete'] as const;
  const revisions = new Map<string, number>();
  const path = (): string => `/tmp/${HOSTILE[random(HOSTILE.length)] ?? ''}${random(5)}`;
  for (let round = 0; round < 3_000; round += 1) {
    clock.time += random(50);
    if (random(3) === 0) ids.push(tree.add(2_000 + random(200), ids[random(ids.length)], path()));
    const process = tree.get(ids[random(ids.length)] ?? alice);
    const fields = { TargetFilename: path(), SourceFilename: path() };
    const event = eventOf(categories[random(categories.length)] ?? 'file_event', process, fields, {
      time: random(1e9),
    });
    const stories = [...tracker.apply(event, random(4) === 0 ? [ruleMatch(`r${random(9)}`)] : [])];
    if (random(20) === 0) stories.push(...tracker.drain());
    for (const story of stories) {
      const problem = Story.safeParse(story).error?.issues[0];
      expect(problem, `seed ${seed}, round ${round}`).toBeUndefined();
      expect(story.revision, `seed ${seed}, round ${round}`).toBeGreaterThan(revisions.get(story.storyId) ?? 0);
      revisions.set(story.storyId, story.revision);
    }
  }
  expect(revisions.size).toBeGreaterThan(5);
});
