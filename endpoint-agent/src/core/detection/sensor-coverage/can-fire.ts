import { type EventLogSource, logSourceMatches } from '../sigma/log-source.ts';
import type { Expression, SigmaRule } from '../sigma/rule-ast.ts';
import { excludedValue, isTrueWithoutField, type Test } from './test-values.ts';

/** A stream of events that a sensor declares, and the fields that it fills. `any`: whatever the source writes. */
export interface DeclaredSource extends EventLogSource {
  readonly sensor: string;
  readonly fields: ReadonlySet<string> | 'any';
  /** Fields that every event of the source has, with all values that they can take. */
  readonly values?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** Whether a rule can match at all on a system, given what its sensors declare. */
export type Coverage =
  /** `blunt`: fields that only narrow the rule and are not filled, so that it matches more than it should. */
  | { readonly canFire: true; readonly sensors: readonly string[]; readonly blunt: readonly string[] }
  /** No sensor delivers the log source, or `fields` are not filled, or never with the value that the rule wants. */
  | { readonly canFire: false; readonly blocker: 'collector' | 'field'; readonly fields: readonly string[] };

/** Decides through alternatives and negations; of several sources the one that lets the rule fire counts. */
export function decideCoverage(rule: SigmaRule, sources: readonly DeclaredSource[]): Coverage {
  const fitting = sources.filter((source) => logSourceMatches(rule.logsource, source));
  if (fitting.length === 0) return { canFire: false, blocker: 'collector', fields: [] };
  const verdicts = fitting.map((source) => ({ source, missing: missingToHold(rule.expression, source) }));
  const firing = verdicts.filter(({ missing }) => missing.length === 0);
  if (firing.length > 0) {
    const blunt = firing.map(({ source }) => unfilledNegations(rule.expression, source, false));
    const least = blunt.reduce((a, b) => (b.length < a.length ? b : a));
    return { canFire: true, sensors: [...new Set(firing.map(({ source }) => source.sensor))], blunt: least };
  }
  const closest = verdicts.reduce((a, b) => (b.missing.length < a.missing.length ? b : a));
  return { canFire: false, blocker: 'field', fields: closest.missing };
}

/** Fields without which the expression can never be true; the fewest, where there is a choice. */
function missingToHold(expression: Expression, source: DeclaredSource): readonly string[] {
  switch (expression.kind) {
    case 'and':
      return union(expression.operands.map((operand) => missingToHold(operand, source)));
    case 'or':
      return fewest(expression.operands.map((operand) => missingToHold(operand, source)));
    case 'not':
      return missingToFail(expression.operand, source);
    case 'test':
      if (isTrueWithoutField(expression.predicate)) return [];
      return [...missingFields(expression, source), ...excludedValue(expression, source, true)];
  }
}

/** Fields without which the expression can never be false. */
function missingToFail(expression: Expression, source: DeclaredSource): readonly string[] {
  switch (expression.kind) {
    case 'and':
      return fewest(expression.operands.map((operand) => missingToFail(operand, source)));
    case 'or':
      return union(expression.operands.map((operand) => missingToFail(operand, source)));
    case 'not':
      return missingToHold(expression.operand, source);
    case 'test':
      if (isTrueWithoutField(expression.predicate)) return missingFields(expression, source);
      return excludedValue(expression, source, false);
  }
}

function missingFields(test: Test, { fields }: DeclaredSource): readonly string[] {
  if (fields === 'any' || test.field === undefined) return [];
  const needed = test.predicate.kind === 'reference' ? [test.field, test.predicate.field] : [test.field];
  return needed.filter((field) => !fields.has(field));
}

/** Fields of tests under a negation that are not filled: what they should exclude is not excluded. */
function unfilledNegations(expression: Expression, source: DeclaredSource, negated: boolean): readonly string[] {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return union(expression.operands.map((operand) => unfilledNegations(operand, source, negated)));
    case 'not':
      return unfilledNegations(expression.operand, source, !negated);
    case 'test':
      return negated && !isTrueWithoutField(expression.predicate) ? missingFields(expression, source) : [];
  }
}

function union(sets: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(sets.flat())];
}

function fewest(sets: readonly (readonly string[])[]): readonly string[] {
  return sets.reduce((a, b) => (b.length < a.length ? b : a), sets[0] ?? []);
}
