import type { ActionOutcome, Story } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { eventOf, ruleMatch } from '../../../test/fakes/detections.ts';
import { machine } from '../../../test/fakes/process-tree.ts';
import { manualClock } from '../../../test/fakes/time.ts';
import { createStoryTracker } from '../core/index.ts';
import type { ProcessFacts } from '../core/process/process-lookup.ts';
import { CONTAINMENT_CAP_PER_HOUR } from '../core/verdict/decide-verdict.ts';
import type { ActionContext, Responder } from '../responses/responder.ts';
import type { ProcessRecord } from '../state/process-table.ts';
import { createContainment } from './containment.ts';
import { createSettings } from './settings.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined };

function recordOf(facts: ProcessFacts | undefined): ProcessRecord | undefined {
  if (facts === undefined) return undefined;
  const { entityId, pid, endedAt } = facts;
  return { entityId, pid, ...(endedAt === undefined ? {} : { endedAt }) };
}

/** The agent from the story to the responder, which only takes notes and says that it is done. */
function endpoint() {
  const { tree, alice } = machine();
  const clock = manualClock();
  let ids = 0;
  const newId = (): string => `id-${(ids += 1)}`;
  const tracker = createStoryTracker({ clock, newId, processes: tree, protectedEntityIds: () => new Set() });
  const killed: number[] = [];
  const done = (
    kind: ActionOutcome['kind'],
    target: ActionOutcome['target'],
    context: ActionContext,
  ): Promise<ActionOutcome> =>
    Promise.resolve({ ...context, kind, target, ok: true, code: 'done', startedAt: clock.now(), endedAt: clock.now() });
  const responder: Responder = {
    freezeTree: ({ entityId }, _members, context) => done('freeze-tree', { entityId }, context),
    killTree: ({ entityId, pid }, _members, context) => {
      killed.push(pid);
      tree.end(entityId, clock.now());
      return done('kill-tree', { entityId }, context);
    },
    releaseTree: ({ entityId }, _members, context) => done('release-tree', { entityId }, context),
    quarantineFile: (path, _expected, context) => done('quarantine-file', { path }, context),
    restoreFile: (quarantineId, context) => done('restore-file', { quarantineId }, context),
    deleteQuarantined: (quarantineId, context) => done('delete-quarantined', { quarantineId }, context),
    listQuarantine: () => Promise.resolve([]),
    reconcile: () => Promise.resolve([]),
    takeLocalOutcomes: () => Promise.resolve([]),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const containment = createContainment({
    clock,
    newId,
    processes: {
      get: (entityId) => recordOf(tree.get(entityId)),
      descendants: (entityId) => tree.descendants(entityId).flatMap((facts) => recordOf(facts) ?? []),
    },
    tracker,
    responder,
    settings: createSettings('balanced', clock),
    protectedEntityIds: () => new Set(),
    report: (outcome) => void tracker.applyOutcome(outcome),
    publish: () => undefined,
    onQuarantined: () => undefined,
    log: silent,
  });

  /** A process of its own session does something that is certainly evil. */
  async function attack(pid: number, source: 'indicator' | 'sigma'): Promise<Story | undefined> {
    const shell = tree.add(pid, alice, '/usr/bin/bash', { commandLine: 'bash -i' });
    const entityId = tree.add(pid + 1, shell, `/tmp/x${pid}`);
    const event = eventOf('process_creation', tree.get(entityId));
    const [story] = tracker.apply(event, [ruleMatch(`r-${pid}`, { source })]);
    if (story) containment.consider(story);
    await containment.idle();
    return story;
  }
  return { attack, containment, killed, clock };
}

describe('the cap of containments in an hour', () => {
  test('is not used up by listed hashes, so that test files buy nobody an hour without response', async () => {
    const { attack, killed } = endpoint();
    for (let pid = 1_000; pid < 1_000 + 10 * (CONTAINMENT_CAP_PER_HOUR + 2); pid += 10) await attack(pid, 'indicator');
    expect(killed).toHaveLength(CONTAINMENT_CAP_PER_HOUR + 2);
    await attack(9_000, 'sigma');
    expect(killed).toContain(9_001);
  });

  test('holds for everything else, is no obstacle to a person, and ends with the hour whatever the wall clock says', async () => {
    const { attack, containment, killed, clock } = endpoint();
    for (let pid = 1_000; pid < 1_000 + 10 * CONTAINMENT_CAP_PER_HOUR; pid += 10) await attack(pid, 'sigma');
    expect(killed).toHaveLength(CONTAINMENT_CAP_PER_HOUR);
    const story = await attack(9_000, 'sigma');
    expect(killed).not.toContain(9_001);
    await containment.order(story?.storyId ?? '', 'order-1');
    expect(killed).toContain(9_001);
    clock.jump(-24 * 3_600_000);
    clock.advance(3_600_001);
    await attack(9_100, 'sigma');
    expect(killed).toContain(9_101);
  });
});
