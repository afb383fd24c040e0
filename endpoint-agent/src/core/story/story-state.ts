import {
  ActionOutcome,
  type Detection,
  FilePath,
  Id,
  LIMITS,
  RuleFacts,
  type Severity,
  Story,
  type StoryFile,
  type StoryProcess,
} from '@yagura/protocol';
import { z } from 'zod';

/** A file of a story, and how much it would be missed if there were no room for all. */
export interface TrackedFile {
  file: StoryFile;
  /** Whether it ran, was named by a detection or was meant to be quarantined; else it was merely written. */
  notable: boolean;
}

/** One open story as the tracker works on it. */
export interface StoryState {
  readonly storyId: string;
  revision: number;
  severity: Severity;
  safeTest: boolean;
  firstSeen: number;
  lastSeen: number;
  detections: Detection[];
  detectionCount: number;
  /** Every rule that ever matched, for the score; also of detections that were not kept. */
  readonly rules: Map<string, RuleFacts>;
  /** How often each (rule, process) was kept. */
  readonly kept: Map<string, number>;
  readonly processes: Map<string, StoryProcess>;
  processCount: number;
  readonly files: Map<string, TrackedFile>;
  /** Former paths of files, and where they lie now: processes and events go on to name the former ones. */
  readonly renames: Map<string, string>;
  actions: ActionOutcome[];
  containment: Story['containment'];
  /** What a verdict wanted ended and moved; absent from the wire. */
  readonly intendedRoots: Set<string>;
  readonly intendedFiles: Set<string>;
  /** Roots and files whose outcome has not come yet. */
  readonly awaited: Set<string>;
  /** Undetected ancestors that lead here. */
  readonly links: Set<string>;
  /** Monotonic time of the last detection, outcome, process or file. */
  lastActivity: number;
  /** `urgent` goes out with the present event, `later` with the next drain. */
  pending: 'none' | 'later' | 'urgent';
  /** Monotonic times of the latest revisions, for pacing. */
  recentRevisions: number[];
}

/** Bounds of one story beyond what `LIMITS` says. */
export const STORY_BOUNDS = { rules: 500, keptPerRuleAndProcess: 3, keptKeys: 2_000, renames: 200 } as const;

/** A story as it survives a restart of the agent. */
export const StoryRecord = z.strictObject({
  version: z.literal(1),
  story: Story,
  rules: z.array(RuleFacts).max(STORY_BOUNDS.rules),
  intendedRoots: z.array(Id).max(LIMITS.processesPerStory),
  intendedFiles: z.array(FilePath).max(LIMITS.filesPerStory),
  links: z.array(Id).max(LIMITS.processesPerStory),
  renames: z
    .array(z.tuple([FilePath, FilePath]))
    .max(STORY_BOUNDS.renames)
    .default([]),
});
export type StoryRecord = z.infer<typeof StoryRecord>;

export function newStoryState(storyId: string, time: number, monotonic: number): StoryState {
  return {
    storyId,
    revision: 0,
    severity: 'informational',
    safeTest: false,
    firstSeen: time,
    lastSeen: time,
    detections: [],
    detectionCount: 0,
    rules: new Map(),
    kept: new Map(),
    processes: new Map(),
    processCount: 0,
    files: new Map(),
    renames: new Map(),
    actions: [],
    containment: 'observed',
    intendedRoots: new Set(),
    intendedFiles: new Set(),
    awaited: new Set(),
    links: new Set(),
    lastActivity: monotonic,
    pending: 'none',
    recentRevisions: [],
  };
}

/** The state that a record was made of; revisions go on `revisionGap` higher, in case the newest was not saved. */
export function stateOfRecord(record: StoryRecord, monotonic: number, revisionGap: number): StoryState {
  const { story } = record;
  const intendedFiles = new Set(record.intendedFiles);
  return {
    ...newStoryState(story.storyId, story.firstSeen, monotonic),
    revision: story.revision + revisionGap,
    severity: story.severity,
    safeTest: story.safeTest,
    lastSeen: story.lastSeen,
    detections: [...story.detections],
    detectionCount: story.detectionCount,
    rules: new Map(record.rules.map((rule) => [rule.ruleId, rule])),
    kept: new Map(story.detections.map(({ rule, event }) => [keptKey(rule.ruleId, event.entityId), 1])),
    processes: new Map(story.processes.map((process) => [process.entityId, process])),
    processCount: story.processCount,
    files: new Map(story.files.map((file) => [file.path, { file, notable: intendedFiles.has(file.path) }])),
    renames: new Map(record.renames),
    actions: [...story.actions],
    containment: containmentAfterRestart(story),
    intendedRoots: new Set(record.intendedRoots),
    intendedFiles,
    links: new Set(record.links),
  };
}

/** What a restart interrupted is not in progress any more: the next verdict takes it up again. */
function containmentAfterRestart({ containment, actions }: Story): Story['containment'] {
  if (containment !== 'in-progress') return containment;
  return actions.length > 0 ? 'partial' : 'observed';
}

export function keptKey(ruleId: string, entityId: string | undefined): string {
  return `${ruleId}\n${entityId ?? ''}`;
}
