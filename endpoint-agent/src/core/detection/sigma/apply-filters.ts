import type { RuleRejection } from '../evaluator.ts';
import type { RuleLogSource, SigmaFilter, SigmaRule } from './rule-ast.ts';

/** Narrows the rules that filters refer to. A filter that fits no rule is rejected: it would silently do nothing. */
export function applyFilters(
  rules: readonly SigmaRule[],
  filters: readonly SigmaFilter[],
): { readonly rules: readonly SigmaRule[]; readonly rejected: readonly RuleRejection[] } {
  const rejected: RuleRejection[] = [];
  let narrowed = rules;
  for (const filter of filters) {
    const fits = (rule: SigmaRule): boolean =>
      isWithin(rule.logsource, filter.logsource) &&
      (filter.rules === 'any' ||
        filter.rules.includes(rule.facts.ruleId) ||
        (rule.name !== undefined && filter.rules.includes(rule.name)));
    if (!narrowed.some(fits)) {
      const message = 'none of its rules is loaded for its log source';
      rejected.push({ ...filter.place, code: 'reference_unresolved', message });
      continue;
    }
    narrowed = narrowed.map((rule) =>
      fits(rule)
        ? Object.assign({}, rule, { expression: { kind: 'and', operands: [rule.expression, filter.condition] } })
        : rule,
    );
  }
  return { rules: narrowed, rejected };
}

/** Each attribute that the filter gives must be the rule's. */
function isWithin(rule: RuleLogSource, filter: RuleLogSource): boolean {
  return (['product', 'category', 'service'] as const).every(
    (key) => filter[key] === undefined || filter[key] === rule[key],
  );
}
