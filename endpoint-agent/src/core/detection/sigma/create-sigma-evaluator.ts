import type { Evaluator, RuleMatch } from '../evaluator.ts';
import { compileFieldTest, compileKeywordTest, type Test } from './compile-predicate.ts';
import { type EvaluatedEvent, EventView, FieldTable } from './event-view.ts';
import { createExplanation } from './explain-match.ts';
import { loadRules } from './load-rules.ts';
import { type EventLogSource, logSourceMatches } from './log-source.ts';
import type { RuleSource } from './parse-rule.ts';
import type { Placeholders } from './placeholders.ts';
import type { Expression, SigmaRule } from './rule-ast.ts';

export interface SigmaEvaluatorOptions {
  /** Values for rules with the `expand` modifier, by name without percent signs. */
  readonly placeholders?: Placeholders;
}

/** An evaluator of Sigma rules. Also takes events of log sources that the protocol does not carry. */
export interface SigmaEvaluator extends Evaluator {
  evaluate(event: EvaluatedEvent): readonly RuleMatch[];
  readonly rules: readonly SigmaRule[];
}

/** Most log sources for which the rules are remembered; events name them, so there could be any number. */
const REMEMBERED_SOURCES = 512;

/** Loads rules and compiles them by log source. Rules that cannot be loaded are listed in `rejected`. */
export function createSigmaEvaluator(
  sources: readonly RuleSource[],
  options: SigmaEvaluatorOptions = {},
): SigmaEvaluator {
  const { rules, rejected } = loadRules(sources, options.placeholders);
  const table = new FieldTable();
  const view = new EventView(table);
  const compiled = rules.map((rule) => compileRule(rule, table));
  const bySource = new Map<string, readonly CompiledRule[]>();
  const rulesFor = (logsource: EventLogSource): readonly CompiledRule[] => {
    const key = `${logsource.product}\n${logsource.category ?? ''}\n${logsource.service ?? ''}`;
    const known = bySource.get(key);
    if (known !== undefined) return known;
    const selected = compiled.filter((rule) => logSourceMatches(rule.rule.logsource, logsource));
    if (bySource.size < REMEMBERED_SOURCES) bySource.set(key, selected);
    return selected;
  };
  return {
    rules,
    rejected,
    loaded: rules.length,
    evaluate(event) {
      const candidates = rulesFor(event.logsource);
      if (candidates.length === 0) return [];
      view.load(event.fields);
      const matches: RuleMatch[] = [];
      for (const candidate of candidates) {
        if (candidate.test(view)) matches.push({ rule: candidate.rule.facts, matched: candidate.explain(view) });
      }
      return matches;
    },
  };
}

interface CompiledRule {
  readonly rule: SigmaRule;
  readonly test: Test;
  readonly explain: ReturnType<typeof createExplanation>;
}

function compileRule(rule: SigmaRule, table: FieldTable): CompiledRule {
  return {
    rule,
    test: compileExpression(rule.expression, table),
    explain: createExplanation(rule.expression, table),
  };
}

function compileExpression(expression: Expression, table: FieldTable): Test {
  switch (expression.kind) {
    case 'not': {
      const operand = compileExpression(expression.operand, table);
      return (view) => !operand(view);
    }
    case 'and': {
      const operands = expression.operands.map((operand) => compileExpression(operand, table));
      return (view) => operands.every((operand) => operand(view));
    }
    case 'or': {
      const operands = expression.operands.map((operand) => compileExpression(operand, table));
      return (view) => operands.some((operand) => operand(view));
    }
    case 'test':
      return expression.field === undefined
        ? compileKeywordTest(expression.predicate)
        : compileFieldTest(expression.field, expression.predicate, table);
  }
}
