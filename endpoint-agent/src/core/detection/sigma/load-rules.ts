import type { RuleRejection } from '../evaluator.ts';
import { parseRules, type RuleSource } from './parse-rule.ts';
import type { Placeholders } from './placeholders.ts';
import type { SigmaRule } from './rule-ast.ts';

export interface LoadedRules {
  readonly rules: readonly SigmaRule[];
  readonly rejected: readonly RuleRejection[];
}

/** Parses all sources. Of two rules with one id the first stays. */
export function loadRules(sources: readonly RuleSource[], placeholders: Placeholders = new Map()): LoadedRules {
  const rules: SigmaRule[] = [];
  const rejected: RuleRejection[] = [];
  const places = new Map<string, string>();
  for (const source of sources) {
    const parsed = parseRules(source, placeholders);
    rejected.push(...parsed.rejected);
    for (const rule of parsed.rules) {
      const first = places.get(rule.facts.ruleId);
      if (first === undefined) {
        places.set(rule.facts.ruleId, `${rule.place.file}:${rule.place.line}`);
        rules.push(rule);
      } else {
        const message = `id ${rule.facts.ruleId} belongs to the rule at ${first}`.slice(0, 300);
        rejected.push({ ...rule.place, code: 'duplicate_rule_id', message });
      }
    }
  }
  return { rules, rejected };
}
