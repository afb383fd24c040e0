import { z } from 'zod';
import { ActionOutcome } from '../action/action.ts';
import { LIMITS } from '../limits.ts';
import { FilePath, Id, Severity, Sha256, ShortText, WallTime } from '../vocabulary.ts';
import { Detection } from './detection.ts';

/** One process of a story as the endpoint's process table knows it. */
export const StoryProcess = z.strictObject({
  entityId: Id,
  parentEntityId: Id.optional(),
  pid: z.number().int().min(0),
  image: FilePath.optional(),
  commandLine: z.string().max(LIMITS.fieldValue).optional(),
  user: ShortText.optional(),
  startedAt: WallTime.optional(),
  endedAt: WallTime.optional(),
  /** An ancestor that is shown for orientation and is no part of the story. */
  context: z.boolean(),
  state: z.enum(['running', 'exited', 'frozen', 'killed']),
});
export type StoryProcess = z.infer<typeof StoryProcess>;

export const StoryFile = z.strictObject({
  path: FilePath,
  sha256: Sha256.optional(),
  size: z.number().int().min(0).optional(),
  writerEntityId: Id.optional(),
  state: z.enum(['present', 'quarantined', 'restored', 'deleted', 'gone']),
  quarantineId: Id.optional(),
});
export type StoryFile = z.infer<typeof StoryFile>;

/** `observed`: nothing was meant to be stopped; `complete`: tree ended and every file of it in the vault. */
export const CONTAINMENTS = ['observed', 'in-progress', 'partial', 'complete'] as const;
export const Containment = z.enum(CONTAINMENTS);
export type Containment = z.infer<typeof Containment>;

/**
 * The detections that hang together by process tree and files. `storyId` is stable; each change raises
 * `revision`, and a receiver keeps the highest one it has seen (SPEC ST1).
 */
export const Story = z.strictObject({
  storyId: Id,
  revision: z.number().int().min(1),
  severity: Severity,
  score: z.number().int().min(0).max(1_000_000),
  rootEntityId: Id.optional(),
  /** Set when the product's own harmless test caused it: such stories enter no statistics and no clock. */
  safeTest: z.boolean(),
  firstSeen: WallTime,
  lastSeen: WallTime,
  detections: z.array(Detection).min(1).max(LIMITS.detectionsPerStory),
  /** All detections, also those beyond `LIMITS.detectionsPerStory`. */
  detectionCount: z.number().int().min(1),
  processes: z.array(StoryProcess).max(LIMITS.processesPerStory),
  processCount: z.number().int().min(0),
  files: z.array(StoryFile).max(LIMITS.filesPerStory),
  actions: z.array(ActionOutcome).max(LIMITS.actionsPerStory),
  containment: Containment,
});
export type Story = z.infer<typeof Story>;
