import type { Event, RuleFacts } from '@yagura/protocol';
import type { Evaluator, RuleMatch } from '../evaluator.ts';
import { type CorrelationClock, CorrelationEngine } from './correlation/correlation-engine.ts';
import type { CorrelationCounters, CorrelationResult } from './correlation/correlator.ts';
import type { SavedCorrelations } from './correlation/saved-state.ts';
import { type BudgetLimits, RuleBudget, type Suspension } from './engine/rule-budget.ts';
import { RuleGroup } from './engine/rule-group.ts';
import { SearchMemory } from './engine/signal-index.ts';
import type { EvaluatedEvent } from './event-view.ts';
import { type LoadedRules, loadRules } from './load-rules.ts';
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
  /** What correlations measure time by; `boot` unless recorded events are replayed. */
  readonly correlationClock?: CorrelationClock;
}

/** An evaluator of Sigma rules. Also takes events of log sources that the protocol does not carry. */
export interface SigmaEvaluator extends Evaluator {
  /** Rules that the event matched, and correlations that it completed. */
  evaluate(event: Event | EvaluatedEvent): readonly RuleMatch[];
  readonly rules: readonly SigmaRule[];
  /** What its correlations say about themselves. */
  readonly correlations: readonly RuleFacts[];
  /**
   * Correlations that the passing of time has settled, each with the last event of its group. To be called now and
   * then with the time on the correlations' clock (milliseconds).
   */
  advance(time: number): readonly CorrelationResult[];
  /** Rules that took more time than they may; empty without a clock. */
  suspensions(): readonly Suspension[];
  correlationCounters(): CorrelationCounters;
  /** State of the correlations, to be kept over a restart. */
  saveState(): SavedCorrelations;
  /** False when it is no saved state; then the correlations begin anew. */
  restoreState(state: unknown): boolean;
}

/** Most log sources for which the rules are remembered; events name them, so there could be any number. */
const REMEMBERED_SOURCES = 512;

/** Loads rules and compiles them by log source. Rules that cannot be loaded are listed in `rejected`. */
export function createSigmaEvaluator(
  sources: readonly RuleSource[],
  options: SigmaEvaluatorOptions = {},
): SigmaEvaluator {
  return createEvaluatorOf(loadRules(sources, options.placeholders), options);
}

/** The same for rules that are loaded already. */
export function createEvaluatorOf(loaded: LoadedRules, options: SigmaEvaluatorOptions = {}): SigmaEvaluator {
  const { rules, correlations, rejected } = loaded;
  const budget = options.clock === undefined ? undefined : new RuleBudget(options.clock, options.budget);
  const engine = new CorrelationEngine(correlations, options.correlationClock ?? 'boot');
  const memory = new SearchMemory();
  const groups = new Map<string, RuleGroup | undefined>();
  let lastSource: EventLogSource = { product: '' };
  let lastGroup: RuleGroup | undefined;
  const groupOf = (logsource: EventLogSource): RuleGroup | undefined => {
    const { product, category, service } = logsource;
    if (product !== lastSource.product || category !== lastSource.category || service !== lastSource.service) {
      lastGroup = findGroup(logsource);
      lastSource = { product, category, service };
    }
    return lastGroup;
  };
  const findGroup = (logsource: EventLogSource): RuleGroup | undefined => {
    const key = `${logsource.product}\n${logsource.category ?? ''}\n${logsource.service ?? ''}`;
    if (groups.has(key)) return groups.get(key);
    const selected = rules.filter((rule) => logSourceMatches(rule.logsource, logsource));
    const group =
      selected.length === 0
        ? undefined
        : new RuleGroup(selected, { adaptive: options.adaptive !== false, budget, memory });
    if (groups.size >= REMEMBERED_SOURCES) groups.clear();
    groups.set(key, group);
    return group;
  };
  return {
    rules,
    correlations: correlations.map(({ correlation }) => correlation.facts),
    rejected,
    loaded: rules.length + correlations.length,
    evaluate(event) {
      const matches = groupOf(event.logsource)?.evaluate(event.fields) ?? [];
      if (matches.length === 0 || correlations.length === 0) return matches;
      const completed = engine.process(event, matches);
      return [...matches.filter(({ rule }) => !engine.isSilent(rule.ruleId)), ...completed.map(({ match }) => match)];
    },
    advance: (time) => engine.advance(time),
    suspensions: () => budget?.suspensions() ?? [],
    correlationCounters: () => engine.counters(),
    saveState: () => engine.save(),
    restoreState: (state) => engine.restore(state),
  };
}
