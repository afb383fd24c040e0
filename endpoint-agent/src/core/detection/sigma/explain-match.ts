import { LIMITS } from '@yagura/protocol';
import { compileFieldTest, compileValueTest, type Test } from './compile-predicate.ts';
import type { EventView, FieldTable } from './event-view.ts';
import type { Expression } from './rule-ast.ts';
import type { Scalar } from './scalar.ts';

/** Most fields that a match reports (the protocol's bound). */
const REPORTED = 32;

export interface MatchedField {
  readonly field: string;
  readonly value: Scalar;
}

/**
 * The fields that made an expression true: those whose tests hold and do not stand under a negation. Compiled
 * when first asked for, because most rules never match.
 */
export function createExplanation(expression: Expression, table: FieldTable): (view: EventView) => MatchedField[] {
  let explain: Explain | undefined;
  return (view) => {
    explain ??= compile(expression, table);
    const found = new Map<string, Scalar>();
    explain(view, found);
    return [...found].slice(0, REPORTED).map(([field, value]) => ({
      field: field.slice(0, LIMITS.fieldName),
      value: typeof value === 'string' && value.length > LIMITS.fieldValue ? value.slice(0, LIMITS.fieldValue) : value,
    }));
  };
}

/** Whether the expression holds; adds to `found` what it holds by. */
type Explain = (view: EventView, found: Map<string, Scalar>) => boolean;

function compile(expression: Expression, table: FieldTable): Explain {
  switch (expression.kind) {
    case 'not': {
      const operand = compile(expression.operand, table);
      return (view) => !operand(view, new Map());
    }
    case 'and':
    case 'or': {
      const operands = expression.operands.map((operand) => compile(operand, table));
      const all = expression.kind === 'and';
      return (view, found) => {
        const held = new Map<string, Scalar>();
        let count = 0;
        for (const operand of operands) if (operand(view, held)) count += 1;
        if (all ? count < operands.length : count === 0) return false;
        for (const [field, value] of held) found.set(field, value);
        return true;
      };
    }
    case 'test': {
      const { field, predicate } = expression;
      if (field === undefined) {
        const test = compileValueTest(predicate);
        return (view, found) => {
          const hit = view.entries().find(([, value]) => test(value));
          if (hit !== undefined) found.set(hit[0], hit[1]);
          return hit !== undefined;
        };
      }
      const test: Test = compileFieldTest(field, predicate, table);
      const slot = table.slotOf(field);
      return (view, found) => {
        if (!test(view)) return false;
        const value = view.value(slot);
        if (value !== undefined) found.set(field, value);
        return true;
      };
    }
  }
}
