import type { RuleFacts, RuleTuning } from '@yagura/protocol';
import type { RuleMatch } from '../detection/evaluator.ts';

/** What people set for this endpoint alone, and what for the whole tenant. */
export interface TuningSets {
  readonly endpoint: readonly RuleTuning[];
  readonly tenant: readonly RuleTuning[];
}

/** Finds the tuning of a rule. `now` in wall milliseconds, as the service judges time (SPEC CM15). */
export interface RuleTuner {
  /** The one in force: the endpoint's own before the tenant's. */
  find(ruleId: string, now: number): RuleTuning | undefined;
  /** Tunings that have not ended. */
  inForce(now: number): number;
}

export const NO_TUNINGS: RuleTuner = createRuleTuner({ endpoint: [], tenant: [] });

export function createRuleTuner({ endpoint, tenant }: TuningSets): RuleTuner {
  const byRule = new Map<string, RuleTuning[]>();
  for (const tuning of [...endpoint, ...tenant]) {
    const known = byRule.get(tuning.ruleId);
    if (known === undefined) byRule.set(tuning.ruleId, [tuning]);
    else known.push(tuning);
  }
  return {
    find: (ruleId, now) => byRule.get(ruleId)?.find(({ expiresAt }) => expiresAt > now),
    inForce: (now) => [...endpoint, ...tenant].filter(({ expiresAt }) => expiresAt > now).length,
  };
}

/** The rule as people want it judged; nothing when they disabled it. */
export function tuneRule(rule: RuleFacts, tuning: RuleTuning | undefined): RuleFacts | undefined {
  if (tuning === undefined) return rule;
  if (tuning.change.kind === 'disable') return undefined;
  const own = rule.tunedFrom ?? rule.severity;
  const { tunedFrom: _, ...rest } = rule;
  const { level } = tuning.change;
  return level === own ? { ...rest, severity: own } : { ...rest, severity: level, tunedFrom: own };
}

export interface TuningResult {
  readonly kept: readonly RuleMatch[];
  /** The tuning of each match that was taken out or changed; the agent counts these by tuning. */
  readonly applied: readonly RuleTuning[];
}

/** Applies tunings to what rules say of an event, before it can enter a story. */
export function applyTunings(matches: readonly RuleMatch[], tuner: RuleTuner, now: number): TuningResult {
  const applied: RuleTuning[] = [];
  const kept = matches.flatMap((match) => {
    const tuning = tuner.find(match.rule.ruleId, now);
    if (tuning === undefined) return [match];
    applied.push(tuning);
    const rule = tuneRule(match.rule, tuning);
    return rule === undefined ? [] : [{ ...match, rule }];
  });
  return applied.length === 0 ? { kept: matches, applied } : { kept, applied };
}
