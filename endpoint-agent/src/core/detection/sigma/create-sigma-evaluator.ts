import type { Evaluator, RuleMatch } from '../evaluator.ts';
import { type BudgetLimits, RuleBudget, type Suspension } from './engine/rule-budget.ts';
import { RuleGroup } from './engine/rule-group.ts';
import type { EvaluatedEvent } from './event-view.ts';
import { loadRules } from './load-rules.ts';
import { type EventLogSource, logSourceMatches } from './log-source.ts';
import type { RuleSource } from './parse-rule.ts';
import type { Placeholders } from './placeholders.ts';
import type { SigmaRule } from './rule-ast.ts';

export interface SigmaEvaluatorOptions {
  /** Values for rules with the `expand` modifier, by name without percent signs. */
  readonly placeholders?: Placeholders;
  /** `false` keeps the order of tests that is chosen before any event was seen. */
  readonly adaptive?: boolean;
  /** Milliseconds that never go back. With it, rules are timed and those past their budget are suspended. */
  readonly clock?: () => number;
  readonly budget?: BudgetLimits;
}

/** An evaluator of Sigma rules. Also takes events of log sources that the protocol does not carry. */
export interface SigmaEvaluator extends Evaluator {
  evaluate(event: EvaluatedEvent): readonly RuleMatch[];
  readonly rules: readonly SigmaRule[];
  /** Rules that took more time than they may; empty without a clock. */
  suspensions(): readonly Suspension[];
}

/** Most log sources for which the rules are remembered; events name them, so there could be any number. */
const REMEMBERED_SOURCES = 512;

/** Loads rules and compiles them by log source. Rules that cannot be loaded are listed in `rejected`. */
export function createSigmaEvaluator(
  sources: readonly RuleSource[],
  options: SigmaEvaluatorOptions = {},
): SigmaEvaluator {
  const { rules, rejected } = loadRules(sources, options.placeholders);
  const budget = options.clock === undefined ? undefined : new RuleBudget(options.clock, options.budget);
  const groups = new Map<string, RuleGroup | undefined>();
  const groupOf = (logsource: EventLogSource): RuleGroup | undefined => {
    const key = `${logsource.product}\n${logsource.category ?? ''}\n${logsource.service ?? ''}`;
    if (groups.has(key)) return groups.get(key);
    const selected = rules.filter((rule) => logSourceMatches(rule.logsource, logsource));
    const group =
      selected.length === 0 ? undefined : new RuleGroup(selected, { adaptive: options.adaptive !== false, budget });
    if (groups.size >= REMEMBERED_SOURCES) groups.clear();
    groups.set(key, group);
    return group;
  };
  return {
    rules,
    rejected,
    loaded: rules.length,
    evaluate(event) {
      const matches = groupOf(event.logsource)?.evaluate(event.fields) ?? [];
      return matches.map(({ rule, matched }) => ({ rule: rule.facts, matched }));
    },
    suspensions: () => budget?.suspensions() ?? [],
  };
}
