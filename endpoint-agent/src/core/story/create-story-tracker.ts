import type { ActionOutcome, Event, Story } from '@yagura/protocol';
import type { RuleMatch } from '../detection/evaluator.ts';
import type { Verdict } from '../verdict/verdict.ts';
import { beginContainment, foldOutcome } from './containment.ts';
import { followEvent } from './follow-event.ts';
import { type Ancestor, ancestry, locateStory } from './locate-story.ts';
import { OpenStories } from './open-stories.ts';
import { indexStory, placeDetection } from './place-detection.ts';
import { recordOf, renderStory } from './render-story.ts';
import { SafeTests } from './safe-tests.ts';
import { addDetection } from './story-detections.ts';
import { addFile } from './story-files.ts';
import { addProcess } from './story-processes.ts';
import { StoryRecord, type StoryState, stateOfRecord } from './story-state.ts';
import {
  DEFAULT_STORY_BOUNDS,
  type RestoreRefusal,
  type StoryBounds,
  type StoryCounts,
  type StoryRecordData,
  type StoryTracker,
  type StoryTrackerOptions,
} from './story-tracker.ts';

/** Revisions that a crash may have kept from being saved. */
const REVISION_GAP = 1_000;

/** A tracker with no open stories. */
export function createStoryTracker(options: StoryTrackerOptions): StoryTracker {
  return new Tracker(options);
}

class Tracker implements StoryTracker {
  readonly #options: StoryTrackerOptions;
  readonly #bounds: StoryBounds;
  readonly #stories: OpenStories;
  readonly #safeTests: SafeTests;
  #detectionsFolded = 0;

  constructor(options: StoryTrackerOptions) {
    this.#options = options;
    this.#bounds = { ...DEFAULT_STORY_BOUNDS, ...options.bounds };
    this.#stories = new OpenStories(this.#bounds, options.clock);
    this.#safeTests = new SafeTests(this.#bounds.safeTests);
  }

  get counts(): StoryCounts {
    return {
      open: this.#stories.size,
      evicted: this.#stories.evicted,
      linksEvicted: this.#stories.index.evicted,
      detectionsFolded: this.#detectionsFolded,
    };
  }

  apply(event: Event, matches: readonly RuleMatch[]): readonly Story[] {
    const { processes, protectedEntityIds } = this.#options;
    followEvent(event, { stories: this.#stories, processes, protectedEntityIds });
    if (matches.length > 0) this.#detect(event, matches);
    return this.#stories.takeUrgent().map((state) => this.#emit(state));
  }

  drain(): readonly Story[] {
    this.#stories.closeIdle();
    return this.#stories.takeAll().map((state) => this.#emit(state));
  }

  beginContainment(storyId: string, verdict: Verdict): Story | undefined {
    const state = this.#stories.get(storyId);
    if (state === undefined) return undefined;
    beginContainment(state, verdict);
    this.#stories.touch(state, 'later');
    return this.#emit(state);
  }

  applyOutcome(outcome: ActionOutcome): Story | undefined {
    const state = this.#stories.get(outcome.storyId) ?? this.#storyOfQuarantined(outcome.target.quarantineId);
    if (state === undefined || !foldOutcome(state, outcome)) return undefined;
    this.#stories.touch(state, 'later');
    return this.#emit(state);
  }

  followsFile(path: string): boolean {
    for (const { files } of this.#stories.all()) if (files.has(path)) return true;
    return false;
  }

  applyHash(path: string, sha256: string, size?: number): void {
    for (const state of this.#stories.all()) {
      if (!state.files.has(path)) continue;
      const facts = { path, sha256, ...(size === undefined ? {} : { size }) };
      if (addFile(state, facts, false)) this.#stories.touch(state, 'later');
    }
  }

  markSafeTest(entityId: string): void {
    this.#safeTests.mark(entityId);
  }

  story(storyId: string): Story | undefined {
    const state = this.#stories.get(storyId);
    return state === undefined ? undefined : this.#render(state);
  }

  stories(): readonly Story[] {
    return [...this.#stories.all()].map((state) => this.#render(state));
  }

  renames(storyId: string): ReadonlyMap<string, string> {
    return new Map(this.#stories.get(storyId)?.renames);
  }

  record(storyId: string): StoryRecordData | undefined {
    const state = this.#stories.get(storyId);
    return state === undefined ? undefined : recordOf(state, this.#options.protectedEntityIds());
  }

  snapshot(): readonly StoryRecordData[] {
    const protectedIds = this.#options.protectedEntityIds();
    return [...this.#stories.all()].map((state) => recordOf(state, protectedIds));
  }

  restore(records: readonly unknown[]): readonly { readonly index: number; readonly code: RestoreRefusal }[] {
    return records.flatMap((record, index) => {
      const code = this.#restoreOne(record);
      return code === undefined ? [] : [{ index, code }];
    });
  }

  #restoreOne(data: unknown): RestoreRefusal | undefined {
    const record = StoryRecord.safeParse(data);
    if (!record.success) return 'record_invalid';
    if (this.#stories.get(record.data.story.storyId) !== undefined) return 'story_known';
    const state = stateOfRecord(record.data, this.#options.clock.monotonic(), REVISION_GAP);
    if (!this.#stories.adopt(state)) return 'limit_exceeded';
    const before = [...state.processes.values()];
    for (const process of before) {
      const facts = this.#options.processes.get(process.entityId);
      // Who is not there any more ended while nobody looked; when, nobody knows.
      if (facts !== undefined) addProcess(state, facts, process.context);
      else if (process.endedAt === undefined) state.processes.set(process.entityId, { ...process, state: 'exited' });
    }
    indexStory(state, this.#stories.index, this.#options.processes);
    const changed = before.some((process) => state.processes.get(process.entityId)?.state !== process.state);
    if (changed || record.data.story.containment === 'in-progress') this.#stories.touch(state, 'later');
    return undefined;
  }

  #detect(event: Event, matches: readonly RuleMatch[]): void {
    const protectedIds = this.#options.protectedEntityIds();
    const { entityId } = event;
    const ancestors = entityId === undefined ? [] : ancestry(entityId, this.#options.processes, protectedIds);
    const state = this.#storyFor(event, ancestors, matches);
    let kept = false;
    for (const match of matches) {
      if (addDetection(state, this.#options.newId(), match, event)) kept = true;
      else this.#detectionsFolded += 1;
      // The test does one harmless thing. Whatever is critical is no part of it.
      if (match.rule.severity === 'critical') state.safeTest = false;
    }
    placeDetection(state, event, ancestors, {
      index: this.#stories.index,
      processes: this.#options.processes,
      protectedEntityIds: protectedIds,
    });
    this.#stories.touch(state, kept ? 'urgent' : 'later');
  }

  #storyFor(event: Event, ancestors: readonly Ancestor[], matches: readonly RuleMatch[]): StoryState {
    const { index } = this.#stories;
    const { entityId } = event;
    const testRoot = entityId === undefined ? undefined : this.#safeTests.rootOf(entityId, ancestors);
    if (testRoot !== undefined) {
      const known = this.#stories.get(this.#safeTests.storyOf(testRoot));
      if (known !== undefined) return known;
      const state = this.#stories.open(this.#options.newId(), event.time);
      state.safeTest = true;
      this.#safeTests.setStory(testRoot, state.storyId);
      return state;
    }
    const located = this.#stories.get(
      locateStory(event, ancestors, index, this.#stories.isRecent, this.#options.processes),
    );
    if (located !== undefined && !located.safeTest) return located;
    const anonymousKey = entityId === undefined ? anonymousKeyOf(event, matches) : undefined;
    const anonymous = anonymousKey === undefined ? undefined : this.#stories.get(index.anonymous.get(anonymousKey));
    if (anonymous !== undefined) return anonymous;
    const state = this.#stories.open(this.#options.newId(), event.time);
    if (anonymousKey !== undefined) index.anonymous.set(anonymousKey, state.storyId);
    return state;
  }

  #storyOfQuarantined(quarantineId: string | undefined): StoryState | undefined {
    if (quarantineId === undefined) return undefined;
    for (const state of this.#stories.all()) {
      for (const { file } of state.files.values()) if (file.quarantineId === quarantineId) return state;
    }
    return undefined;
  }

  #emit(state: StoryState): Story {
    state.revision += 1;
    state.pending = 'none';
    return this.#render(state);
  }

  #render(state: StoryState): Story {
    return renderStory(state, this.#options.protectedEntityIds());
  }
}

/** Detections that name no process hang together by rule and file. */
function anonymousKeyOf(event: Event, matches: readonly RuleMatch[]): string {
  const { TargetFilename } = event.fields;
  return `${matches[0]?.rule.ruleId ?? ''}\n${typeof TargetFilename === 'string' ? TargetFilename : ''}`;
}
