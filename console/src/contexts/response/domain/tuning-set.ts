import { LIMITS, type RuleTuning } from '@yagura/protocol';

/** Without what has ended: a tuning past its end is not carried into the next version. */
function inForce(tunings: readonly RuleTuning[], now: number): RuleTuning[] {
  return tunings.filter(({ expiresAt }) => expiresAt > now);
}

export type TuningChange =
  | { readonly ok: true; readonly tunings: RuleTuning[] }
  | { readonly ok: false; readonly code: 'tuning_limit' | 'tuning_unknown' };

/** The set with one more; it takes the place of the rule's former one. */
export function withTuning(set: readonly RuleTuning[], tuning: RuleTuning, now: number): TuningChange {
  const kept = inForce(set, now).filter(({ ruleId }) => ruleId !== tuning.ruleId);
  if (kept.length >= LIMITS.ruleTunings) return { ok: false, code: 'tuning_limit' };
  return { ok: true, tunings: [...kept, tuning] };
}

/** The set without one. */
export function withoutTuning(set: readonly RuleTuning[], tuningId: string, now: number): TuningChange {
  const kept = inForce(set, now);
  const left = kept.filter((known) => known.tuningId !== tuningId);
  return left.length === kept.length ? { ok: false, code: 'tuning_unknown' } : { ok: true, tunings: left };
}
