import { LIMITS } from '@yagura/protocol';
import type { Scalar } from '../scalar.ts';
import { type EventFacts, predicateHolds, type RuleNode } from './rule-program.ts';

/** Most fields that a match reports (the protocol's bound). */
const REPORTED = 32;

export interface MatchedField {
  readonly field: string;
  readonly value: Scalar;
}

/** The fields that made a rule match: those whose tests hold and do not stand under a negation. */
export function explainMatch(node: RuleNode, facts: EventFacts): readonly MatchedField[] {
  const found = new Map<string, Scalar>();
  explain(node, facts, found);
  return [...found].slice(0, REPORTED).map(([field, value]) => ({
    field: field.slice(0, LIMITS.fieldName),
    value: typeof value === 'string' && value.length > LIMITS.fieldValue ? value.slice(0, LIMITS.fieldValue) : value,
  }));
}

/** Whether the node holds; adds to `found` what it holds by. */
function explain(node: RuleNode, facts: EventFacts, found: Map<string, Scalar>): boolean {
  switch (node.kind) {
    case 'not':
      return !explain(node.operand, facts, new Map());
    case 'and':
    case 'or': {
      const held = new Map<string, Scalar>();
      let count = 0;
      for (const operand of node.operands) if (explain(operand, facts, held)) count += 1;
      if (node.kind === 'and' ? count < node.operands.length : count === 0) return false;
      for (const [field, value] of held) found.set(field, value);
      return true;
    }
    case 'test': {
      if (!predicateHolds(node.predicate, facts)) return false;
      const { target } = node;
      if (target.kind === 'field') {
        const value = facts.view.value(target.slot);
        if (value !== undefined) found.set(target.name, value);
      } else {
        const hit = facts.view.entries().find(([, value]) => target.test(value));
        if (hit !== undefined) found.set(hit[0], hit[1]);
      }
      return true;
    }
  }
}
