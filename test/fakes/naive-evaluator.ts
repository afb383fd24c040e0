import {
  compileFieldTest,
  compileKeywordTest,
  type Test,
} from '../../endpoint-agent/src/core/detection/sigma/compile-predicate.ts';
import { EventView, FieldTable } from '../../endpoint-agent/src/core/detection/sigma/event-view.ts';
import type { Expression, SigmaRule } from '../../endpoint-agent/src/core/detection/sigma/rule-ast.ts';

/** Every rule as a closure, tried in turn on every event: what the indexed engine is measured against. */
export function createNaiveEvaluator(rules: readonly SigmaRule[]): (fields: Record<string, unknown>) => number {
  const table = new FieldTable();
  const view = new EventView(table);
  const tests = rules.map((rule) => compile(rule.expression, table));
  return (fields) => {
    view.load(fields);
    return tests.reduce((matches, test) => matches + (test(view) ? 1 : 0), 0);
  };
}

function compile(expression: Expression, table: FieldTable): Test {
  switch (expression.kind) {
    case 'not': {
      const operand = compile(expression.operand, table);
      return (view) => !operand(view);
    }
    case 'and': {
      const operands = expression.operands.map((operand) => compile(operand, table));
      return (view) => operands.every((operand) => operand(view));
    }
    case 'or': {
      const operands = expression.operands.map((operand) => compile(operand, table));
      return (view) => operands.some((operand) => operand(view));
    }
    case 'test':
      return expression.field === undefined
        ? compileKeywordTest(expression.predicate)
        : compileFieldTest(expression.field, expression.predicate, table);
  }
}
