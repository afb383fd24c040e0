import { type Exclusion, type ExclusionMatch, LIMITS } from '@yagura/protocol';

export interface ExclusionSet {
  readonly version: number;
  readonly exclusions: readonly Exclusion[];
}

/** Without what has run out: an expired exclusion is not carried into the next version. */
function inForce(set: ExclusionSet, now: number): Exclusion[] {
  return set.exclusions.filter((exclusion) => exclusion.expiresAt > now);
}

/** The set with one more; `exclusion_limit` when the endpoint could not hold it. */
export function withExclusion(
  set: ExclusionSet,
  exclusion: Exclusion,
  now: number,
): { ok: true; exclusions: Exclusion[] } | { ok: false; code: 'exclusion_limit' } {
  const kept = inForce(set, now).filter((known) => !sameMatch(known.match, exclusion.match));
  if (kept.length >= LIMITS.exclusions) return { ok: false, code: 'exclusion_limit' };
  return { ok: true, exclusions: [...kept, exclusion] };
}

/** The set without one; `exclusion_unknown` when it is not in it. */
export function withoutExclusion(
  set: ExclusionSet,
  exclusionId: string,
  now: number,
): { ok: true; exclusions: Exclusion[] } | { ok: false; code: 'exclusion_unknown' } {
  const kept = inForce(set, now);
  const left = kept.filter((known) => known.exclusionId !== exclusionId);
  if (left.length === kept.length) return { ok: false, code: 'exclusion_unknown' };
  return { ok: true, exclusions: left };
}

/** Whether two exclusions suppress exactly the same: the newer one then takes the older one's place. */
export function sameMatch(a: ExclusionMatch, b: ExclusionMatch): boolean {
  return matchKey(a) === matchKey(b);
}

export function matchKey(match: ExclusionMatch): string {
  switch (match.by) {
    case 'sha256':
      return JSON.stringify(['sha256', match.sha256]);
    case 'rule':
      return JSON.stringify(['rule', match.ruleId]);
    case 'rule-path':
      return JSON.stringify(['rule-path', match.ruleId, match.path]);
  }
}
