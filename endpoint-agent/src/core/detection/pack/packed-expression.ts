import { isRecord, isText } from '../plain-data.ts';
import type { Expression, Predicate } from '../sigma/rule-ast.ts';
import { isPredicate } from './check-predicate.ts';

/**
 * Expressions as they stand in a pack: a test is its number in the pack's list of tests, since most tests are made
 * by many rules; anything else is a list of its kind and its operands.
 */
export type PackedExpression = number | readonly ['and' | 'or' | 'not', ...PackedExpression[]];

export type ExpressionTest = Extract<Expression, { readonly kind: 'test' }>;

/** Bounds of one rule's expression, those of the parser with room to spare. */
const NODES = 200_000;
const DEPTH = 200;

/** Gathers the tests of all expressions that it packs, each different one once. */
export class ExpressionPacker {
  readonly #numbers = new Map<string, number>();
  readonly tests: ExpressionTest[] = [];

  pack(expression: Expression): PackedExpression {
    switch (expression.kind) {
      case 'not':
        return ['not', this.pack(expression.operand)];
      case 'and':
      case 'or':
        return [expression.kind, ...expression.operands.map((operand) => this.pack(operand))];
      case 'test':
        return this.#numberOf(expression);
    }
  }

  #numberOf(test: ExpressionTest): number {
    const key = JSON.stringify([test.field ?? null, test.predicate]);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.tests.length;
    this.#numbers.set(key, number);
    this.tests.push(test);
    return number;
  }
}

/**
 * The tests of a pack, or undefined when one is none. Written by hand because a pack has tens of thousands of them
 * and an endpoint is to start quickly. Names of fields become one string each: JSON has a copy for every test.
 */
export function readTests(value: unknown): readonly ExpressionTest[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const names = new Map<string, string>();
  const tests: ExpressionTest[] = [];
  for (const each of value) {
    if (!isRecord(each) || each['kind'] !== 'test') return undefined;
    const { field, predicate } = each;
    if (field !== undefined && !isText(field)) return undefined;
    if (!isPredicate(predicate, field !== undefined)) return undefined;
    const name = field === undefined ? undefined : (names.get(field) ?? field);
    if (name !== undefined) names.set(name, name);
    tests.push({ kind: 'test', field: name, predicate: predicate as Predicate });
  }
  return tests;
}

/** An expression of a pack with these tests, or undefined when it is none. Rules share the objects of their tests. */
export function readExpression(value: unknown, tests: readonly ExpressionTest[]): Expression | undefined {
  return read(value, tests, { nodes: 0 }, 0);
}

function read(
  value: unknown,
  tests: readonly ExpressionTest[],
  budget: { nodes: number },
  depth: number,
): Expression | undefined {
  budget.nodes += 1;
  if (budget.nodes > NODES || depth > DEPTH) return undefined;
  if (typeof value === 'number') return tests[value];
  if (!Array.isArray(value)) return undefined;
  const operands: Expression[] = [];
  for (let i = 1; i < value.length; i += 1) {
    const operand = read(value[i], tests, budget, depth + 1);
    if (operand === undefined) return undefined;
    operands.push(operand);
  }
  const [kind] = value as unknown[];
  if (kind === 'and' || kind === 'or') return { kind, operands };
  const [operand] = operands;
  return kind === 'not' && operand !== undefined && operands.length === 1 ? { kind, operand } : undefined;
}
