import type { Event, RuleFacts } from '@yagura/protocol';
import type { Evaluator, RuleMatch, RuleRejection } from '../evaluator.ts';
import { EICAR_INDICATOR } from './eicar.ts';
import { type HashIndicator, hashesOfEvent, parseHash } from './hash-indicator.ts';

/** Most hashes that are held; what exceeds it is rejected, and so counted. About 150 bytes each. */
export const INDICATOR_HASHES = 200_000;

export interface IndicatorOptions {
  /** `false` leaves out the EICAR test file. */
  readonly eicar?: boolean;
  readonly maxHashes?: number;
}

/**
 * Matches events that carry the hash of a listed file: started images, written files, loaded libraries. One
 * match for each indicator, however many of its hashes the event carries.
 */
export function createIndicatorEvaluator(
  indicators: readonly HashIndicator[],
  options: IndicatorOptions = {},
): Evaluator {
  const maxHashes = options.maxHashes ?? INDICATOR_HASHES;
  const rules = new Map<string, RuleFacts>();
  const rejected: RuleRejection[] = [];
  const all = options.eicar === false ? indicators : [EICAR_INDICATOR, ...indicators];
  for (const indicator of all) {
    const reject = (code: string, message: string): void => {
      rejected.push({ file: indicator.rule.ruleId, line: 1, code, message });
    };
    let refused = 0;
    for (const written of indicator.hashes) {
      const parsed = parseHash(written.trim());
      if (parsed === undefined) reject('invalid_value', `no SHA-256, SHA-1 or MD5: ${written.slice(0, 80)}`);
      else if (rules.has(parsed.hash)) continue;
      else if (rules.size >= maxHashes) refused += 1;
      else rules.set(parsed.hash, indicator.rule);
    }
    if (refused > 0) reject('limit_exceeded', `${refused} hashes are past the limit of ${maxHashes}`);
  }
  return {
    rejected,
    loaded: all.length,
    evaluate(event: Event): readonly RuleMatch[] {
      // Where its writer is known, the same write was judged as a `file_event`.
      if (event.logsource.category === 'persistence' && event.fields['ProcessId'] !== undefined) return [];
      const matches: RuleMatch[] = [];
      for (const { field, hash } of hashesOfEvent(event.fields)) {
        const rule = rules.get(hash);
        if (rule === undefined || matches.some((match) => match.rule === rule)) continue;
        matches.push({ rule, matched: [{ field, value: event.fields[field] ?? hash }] });
      }
      return matches;
    },
  };
}
