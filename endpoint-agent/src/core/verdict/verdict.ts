import type { Exclusion, PolicyMode, Story } from '@yagura/protocol';
import type { RuleTuner } from './tunings.ts';

/** Why the verdict is what it is; stable codes, words come on the screen. */
export const VERDICT_REASONS = [
  'policy_observes',
  'below_threshold',
  'severe_story',
  'ordered_by_person',
  'already_contained',
  'nothing_to_contain',
  'cap_reached',
] as const;
export type VerdictReason = (typeof VERDICT_REASONS)[number];

/**
 * What is to be done about a story. `rootEntityId` is the highest ancestor with a detection of its own;
 * the responder's guards may still refuse single steps, and say so in their outcomes.
 */
export interface Verdict {
  readonly decision: 'observe' | 'contain';
  readonly reason: VerdictReason;
  /** Root of the tree to freeze and kill; absent when only files are concerned. */
  readonly rootEntityId?: string;
  /** Roots of trees beside the first one: a story may run in several places that share no guilty ancestor. */
  readonly furtherRootEntityIds: readonly string[];
  /** Files to quarantine, in this order. */
  readonly files: readonly string[];
  /**
   * Whether it uses up one of the containments that an hour has. What a person ordered does not, nor does a
   * listed hash: else ten harmless test files would buy an hour in which nothing else is stopped.
   */
  readonly isCounted: boolean;
}

export interface VerdictInput {
  readonly story: Story;
  readonly mode: PolicyMode;
  readonly exclusions: readonly Exclusion[];
  /** Rules that people disabled or gave another level; none where it is absent. */
  readonly tuner?: RuleTuner;
  /** How many stories with a verdict that `isCounted` were contained within the last hour, for the cap. */
  readonly containedLastHour: number;
  /** Wall time, in milliseconds: exclusions and tunings past their end do not count. */
  readonly now: number;
  /** Processes that are never stopped: the agent's own and all of their ancestors. */
  readonly protectedEntityIds: ReadonlySet<string>;
  /** Former paths of the story's files, and where they lie now. */
  readonly renames?: ReadonlyMap<string, string>;
  /** Set when a person ordered it: neither mode nor threshold nor cap are asked then. */
  readonly ordered?: boolean;
}
