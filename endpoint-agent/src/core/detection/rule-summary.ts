import { PLATFORMS, type Platform, type RuleFacts, type RuleSummary, type RuleSystem } from '@yagura/protocol';
import type { SigmaRule } from './sigma/rule-ast.ts';

/** Whether sensors of a system fill every field that the rule needs. */
export type CanFire = (rule: SigmaRule, system: Platform) => boolean;

/** Which system a rule is for, by its log source. */
export function systemOf({ logsource: { product } }: Pick<SigmaRule, 'logsource'>): RuleSystem {
  return product === undefined ? 'any' : (PLATFORMS.find((platform) => platform === product) ?? 'other');
}

/** Rules and correlations as people look them up. */
export function summariseRules(
  { rules, correlations }: { readonly rules: readonly SigmaRule[]; readonly correlations: readonly RuleFacts[] },
  canFire: CanFire,
): RuleSummary[] {
  return [
    ...rules.map((rule) => {
      const platform = PLATFORMS.find((each) => each === rule.logsource.product);
      return {
        ...rule.facts,
        system: systemOf(rule),
        ...(platform === undefined ? {} : { canFire: canFire(rule, platform) }),
      };
    }),
    // A correlation fires when the rules do that it refers to; nobody decides that for it.
    ...correlations.map((facts): RuleSummary => ({ ...facts, system: 'any' })),
  ];
}

/** Rules that are no Sigma rules, for the one system that their detectors watch. */
export function summariseFacts(facts: readonly RuleFacts[], system: Platform): RuleSummary[] {
  return facts.map((rule) => ({ ...rule, system, canFire: true }));
}
