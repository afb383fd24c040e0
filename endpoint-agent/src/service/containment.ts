import type { ActionOutcome, QuarantineItem, Story } from '@yagura/protocol';
import { decideVerdict, type StoryTracker, treeOf, type Verdict } from '../core/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { ActionContext, ProcessTarget, Responder } from '../responses/responder.ts';
import type { ProcessTable } from '../state/process-table.ts';
import type { Settings } from './settings.ts';

const HOUR_MS = 3_600_000;
const MAX_REMEMBERED = 1_000;
/** Rounds in a row for one story: a tree that keeps growing is taken up again by its next event. */
const MAX_ROUNDS = 5;

export interface ContainmentParts {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly processes: Pick<ProcessTable, 'get' | 'descendants'>;
  readonly tracker: StoryTracker;
  readonly responder: Responder;
  readonly settings: Settings;
  readonly protectedEntityIds: () => ReadonlySet<string>;
  /** Reports outcomes and changed stories; both must be durable when it returns. */
  readonly report: (outcome: ActionOutcome) => void;
  readonly publish: (stories: readonly Story[]) => void;
  readonly onQuarantined: (items: readonly QuarantineItem[]) => void;
  readonly log: Log;
}

/** Judges stories and acts on the verdict: freeze, quarantine, kill, report. One story at a time acts once. */
export interface Containment {
  /** Judges a story that changed. Returns at once; the acting goes on by itself. */
  consider(story: Story): void;
  /** A person asked for it: resolves when everything was tried. */
  order(storyId: string, orderId: string): Promise<Pick<ActionOutcome, 'ok' | 'code' | 'processes'>>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

export function createContainment(parts: ContainmentParts): Containment {
  const { clock, newId, processes, tracker, responder, settings, log } = parts;
  const underWay = new Map<string, Promise<readonly ActionOutcome[]>>();
  /** Monotonic times: a wall clock that is set does not make the hour longer. */
  const counted = new Map<string, number>();

  function verdictOn(story: Story, ordered: boolean): Verdict {
    const hourAgo = clock.monotonic() - HOUR_MS;
    for (const [storyId, at] of counted) if (at < hourAgo) counted.delete(storyId);
    return decideVerdict({
      story,
      mode: settings.policy(),
      exclusions: settings.exclusions(),
      tuner: settings.tuner(),
      containedLastHour: counted.size,
      now: settings.now(),
      renames: tracker.renames(story.storyId),
      protectedEntityIds: parts.protectedEntityIds(),
      ordered,
    });
  }

  /** The story's processes below the root, and whatever the table knows below them by now. */
  function membersOf(root: string, story: Story): readonly ProcessTarget[] {
    const ids = new Set(treeOf(root, story.processes).map((process) => process.entityId));
    for (const id of Array.from(ids)) for (const below of processes.descendants(id)) ids.add(below.entityId);
    ids.delete(root);
    return [...ids].flatMap((id) => targetOf(id) ?? []);
  }

  function targetOf(entityId: string): ProcessTarget | undefined {
    const record = processes.get(entityId);
    if (record === undefined || record.endedAt !== undefined) return undefined;
    return {
      entityId,
      pid: record.pid,
      ...(record.startTicks === undefined ? {} : { startTicks: record.startTicks }),
      ...(record.image === undefined ? {} : { image: record.image }),
    };
  }

  async function act(story: Story, verdict: Verdict, orderId?: string): Promise<readonly ActionOutcome[]> {
    const { storyId } = story;
    const outcomes: ActionOutcome[] = [];
    const context = (): ActionContext => ({
      actionId: newId(),
      storyId,
      ...(orderId === undefined ? { origin: 'policy' } : { origin: 'order', orderId }),
    });
    const done = (outcome: ActionOutcome): void => {
      outcomes.push(outcome);
      parts.report(outcome);
    };
    if (verdict.isCounted && counted.size < MAX_REMEMBERED) counted.set(storyId, clock.monotonic());
    const roots = [
      ...(verdict.rootEntityId === undefined ? [] : [verdict.rootEntityId]),
      ...verdict.furtherRootEntityIds,
    ];
    const trees: { readonly root: ProcessTarget; readonly members: readonly ProcessTarget[] }[] = [];
    for (const entityId of roots) {
      const root = targetOf(entityId);
      if (root !== undefined) trees.push({ root, members: membersOf(entityId, story) });
      else done(goneOutcome(entityId, context(), clock.now()));
    }
    for (const { root, members } of trees) done(await responder.freezeTree(root, members, context()));
    for (const path of verdict.files) {
      const sha256 = story.files.find((file) => file.path === path)?.sha256;
      done(await responder.quarantineFile(path, sha256 === undefined ? {} : { sha256 }, context()));
    }
    for (const { root } of trees) {
      done(await responder.killTree(root, membersOf(root.entityId, tracker.story(storyId) ?? story), context()));
    }
    if (verdict.files.length > 0) parts.onQuarantined(await responder.listQuarantine());
    return outcomes;
  }

  async function rounds(storyId: string, orderId?: string): Promise<readonly ActionOutcome[]> {
    const outcomes: ActionOutcome[] = [];
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const story = tracker.story(storyId);
      if (story === undefined) break;
      const verdict = verdictOn(story, orderId !== undefined);
      if (verdict.decision === 'observe') break;
      log.info(
        { storyId, reason: verdict.reason, root: verdict.rootEntityId, files: verdict.files.length },
        'containing a story',
      );
      const begun = tracker.beginContainment(storyId, verdict);
      if (begun) parts.publish([begun]);
      outcomes.push(...(await act(story, verdict, orderId)));
    }
    return outcomes;
  }

  function start(storyId: string, orderId?: string): Promise<readonly ActionOutcome[]> {
    const work = rounds(storyId, orderId)
      .catch((error: unknown): readonly ActionOutcome[] => {
        // A bug here must not end the agent: the story stays visible as not contained.
        log.warn({ storyId, error: String(error) }, 'containment failed unexpectedly');
        return [];
      })
      .finally(() => {
        if (underWay.get(storyId) === work) underWay.delete(storyId);
      });
    underWay.set(storyId, work);
    return work;
  }

  return {
    consider(story) {
      if (underWay.has(story.storyId)) return; // Its next round sees the change.
      if (verdictOn(story, false).decision === 'contain') void start(story.storyId);
    },
    async order(storyId, orderId) {
      await underWay.get(storyId);
      if (tracker.story(storyId) === undefined) return { ok: false, code: 'not_found' };
      const outcomes = await start(storyId, orderId);
      const failed = outcomes.find((outcome) => !outcome.ok);
      if (failed) return { ok: false, code: failed.code };
      const reached = outcomes.reduce(
        (sum, outcome) => sum + (outcome.kind === 'kill-tree' ? (outcome.processes ?? 0) : 0),
        0,
      );
      return { ok: true, code: outcomes.length === 0 ? 'already_done' : 'done', processes: reached };
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay.values());
    },
  };
}

/** A tree whose root ended before anything was done about it: the story must not wait for it. */
function goneOutcome(entityId: string, context: ActionContext, now: number): ActionOutcome {
  return {
    ...context,
    kind: 'kill-tree',
    target: { entityId },
    ok: false,
    code: 'process_gone',
    startedAt: now,
    endedAt: now,
  };
}
