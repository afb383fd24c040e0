import type { ActionOutcome, Event, Story } from '@yagura/protocol';
import type { RuleMatch } from '../detection/evaluator.ts';
import type { ProcessLookup } from '../process/process-lookup.ts';
import type { Verdict } from '../verdict/verdict.ts';
import type { IndexBounds } from './story-index.ts';

/** Time as the core sees it; `monotonic` in milliseconds, never jumping. */
export interface CoreClock {
  now(): number;
  monotonic(): number;
}

export interface StoryBounds extends IndexBounds {
  /** Open stories; beyond it the weakest and oldest is closed, and counted. */
  readonly stories: number;
  /** A story to which nothing was added for so long is closed. Milliseconds. */
  readonly idleMilliseconds: number;
  /** How long an undetected ancestor leads siblings to a story after it last changed. Milliseconds. */
  readonly linkMilliseconds: number;
  /** Revisions of one story that go out at once within a second; the rest waits for `drain`. */
  readonly revisionsPerSecond: number;
  /**
   * The same for all stories together. Each that goes out at once is synced to the disk by itself; those of a
   * drain are synced as one: a hundred noisy processes must not keep the agent waiting for its disk.
   */
  readonly urgentPerSecond: number;
  readonly safeTests: number;
}

export const DEFAULT_STORY_BOUNDS: StoryBounds = {
  stories: 128,
  members: 20_000,
  links: 5_000,
  files: 10_000,
  recentWrites: 16_384,
  idleMilliseconds: 6 * 3_600_000,
  linkMilliseconds: 10 * 60_000,
  revisionsPerSecond: 5,
  urgentPerSecond: 40,
  safeTests: 64,
};

export interface StoryTrackerOptions {
  readonly clock: CoreClock;
  /** A new identifier, unique on this endpoint over restarts. */
  readonly newId: () => string;
  readonly processes: ProcessLookup;
  /** The agent's own processes and all of their ancestors: never part of a story's tree. Asked anew each time. */
  readonly protectedEntityIds: () => ReadonlySet<string>;
  readonly bounds?: Partial<StoryBounds>;
}

/** What was given up to stay within bounds; each only rises. */
export interface StoryCounts {
  readonly open: number;
  /** Stories closed before their time. */
  readonly evicted: number;
  /** Links from processes and files to stories that were forgotten. */
  readonly linksEvicted: number;
  /** Detections that were counted in a story but not kept in it. */
  readonly detectionsFolded: number;
}

export const RESTORE_REFUSALS = ['record_invalid', 'story_known', 'limit_exceeded'] as const;
export type RestoreRefusal = (typeof RESTORE_REFUSALS)[number];

/**
 * Groups detections into stories by process tree and files. Every returned story is a new revision that is
 * to be stored and sent; none is returned twice. No method throws for any event.
 */
export interface StoryTracker {
  /**
   * Takes in an event (each one, also without matches: starts, exits and files of known stories) with what
   * matched it after exclusions. Returns the stories to judge and send now.
   */
  apply(event: Event, matches: readonly RuleMatch[]): readonly Story[];
  /** Stories with changes that were not urgent. Call about once a second. Also closes idle stories. */
  drain(): readonly Story[];
  /** Call before acting on a verdict `contain`: the story is `in-progress` then. */
  beginContainment(storyId: string, verdict: Verdict): Story | undefined;
  /** Folds in what became of an action, found by its story or its quarantined file; undefined if no open story knows it. */
  applyOutcome(outcome: ActionOutcome): Story | undefined;
  /** Whether an open story has this file: its content is wanted soon. */
  followsFile(path: string): boolean;
  /** The content of a written or executed file became known. */
  applyHash(path: string, sha256: string, size?: number): void;
  /** The process is the product's own harmless test: what it and its children do becomes a story of its own. */
  markSafeTest(entityId: string): void;
  /** The story at its present revision. */
  story(storyId: string): Story | undefined;
  stories(): readonly Story[];
  /** Former paths of the story's files, and where they lie now. */
  renames(storyId: string): ReadonlyMap<string, string>;
  /** One story (or all) as plain data for `restore`. Store it before the story is sent. */
  record(storyId: string): StoryRecordData | undefined;
  snapshot(): readonly StoryRecordData[];
  /**
   * Takes up stories of a former run under the same ids, their revisions rising on. Call before the first
   * event, when the process table knows the running processes. Damaged records are refused one by one; what
   * changed meanwhile comes with the next `drain`.
   */
  restore(records: readonly unknown[]): readonly { readonly index: number; readonly code: RestoreRefusal }[];
  readonly counts: StoryCounts;
}

/** Plain data; its shape is the tracker's own business. */
export type StoryRecordData = Readonly<Record<string, unknown>>;
