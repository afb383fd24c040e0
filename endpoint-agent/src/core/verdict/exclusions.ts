import type { Event, Exclusion, ExclusionMatch, RuleFacts } from '@yagura/protocol';
import type { RuleMatch } from '../detection/evaluator.ts';
import { hashesOfEvent } from '../detection/indicators/hash-indicator.ts';
import { executedFiles, executionOf } from '../process/executed-files.ts';

/** One match that an exclusion took out; the agent counts these and reports the number. */
export interface SuppressedMatch {
  readonly exclusionId: string;
  readonly ruleId: string;
}

export interface ExclusionResult {
  readonly kept: readonly RuleMatch[];
  readonly suppressed: readonly SuppressedMatch[];
}

/** Takes out what people declared to be software that they use, before it can enter a story. `now` in wall milliseconds. */
export function applyExclusions(
  matches: readonly RuleMatch[],
  event: Event,
  exclusions: readonly Exclusion[],
  now: number,
): ExclusionResult {
  if (matches.length === 0 || exclusions.length === 0) return { kept: matches, suppressed: [] };
  const kept: RuleMatch[] = [];
  const suppressed: SuppressedMatch[] = [];
  for (const match of matches) {
    const exclusion = findExclusion(match.rule, event, exclusions, now);
    if (exclusion === undefined) kept.push(match);
    else suppressed.push({ exclusionId: exclusion.exclusionId, ruleId: match.rule.ruleId });
  }
  return { kept, suppressed };
}

/** The first exclusion in force that covers this rule on this event. */
export function findExclusion(
  rule: RuleFacts,
  event: Event,
  exclusions: readonly Exclusion[],
  now: number,
): Exclusion | undefined {
  return exclusions.find(({ match, expiresAt }) => expiresAt > now && covers(match, rule, event));
}

function covers(match: ExclusionMatch, rule: RuleFacts, event: Event): boolean {
  switch (match.by) {
    case 'sha256':
      return hashesOfEvent(event.fields).some(({ hash }) => hash === match.sha256);
    case 'rule':
      return match.ruleId === rule.ruleId;
    case 'rule-path':
      return match.ruleId === rule.ruleId && pathsOf(event).includes(match.path);
  }
}

/**
 * The files that an event is about: what it runs and what it touches. Compared exactly: an exclusion names
 * one file, never a folder.
 */
function pathsOf(event: Event): readonly string[] {
  const touched = event.fields['TargetFilename'];
  const run = executedFiles(executionOf(event));
  return typeof touched === 'string' ? [...run, touched] : run;
}
