import { LIMITS } from '@yagura/protocol';
import type { Scalar } from '../scalar.ts';
import { type EventFacts, predicateHolds, type RuleNode, type TestTarget } from './rule-program.ts';

/** Most fields that a match reports (the protocol's bound). */
const REPORTED = 32;

export interface MatchedField {
  readonly field: string;
  readonly value: Scalar;
}

/**
 * The fields that made a rule match: those whose tests hold and do not stand under a negation. Of alternatives the
 * first that holds is reported.
 */
export function explainMatch(node: RuleNode, facts: EventFacts): readonly MatchedField[] {
  const found: MatchedField[] = [];
  explain(node, facts, found);
  const reported = new Map<string, MatchedField>();
  for (const { field, value } of found) {
    if (reported.has(field) || reported.size === REPORTED) continue;
    const shown =
      typeof value === 'string' && value.length > LIMITS.fieldValue ? value.slice(0, LIMITS.fieldValue) : value;
    reported.set(field, { field: field.slice(0, LIMITS.fieldName), value: shown });
  }
  return [...reported.values()];
}

/** Whether the node holds; adds to `found` what it holds by. */
function explain(node: RuleNode, facts: EventFacts, found: MatchedField[]): boolean {
  switch (node.kind) {
    case 'not':
      return !explain(node.operand, facts, []);
    case 'or':
      return node.operands.some((operand) => explain(operand, facts, found));
    case 'and': {
      const before = found.length;
      const holds = node.operands.every((operand) => explain(operand, facts, found));
      if (!holds) found.length = before;
      return holds;
    }
    case 'test': {
      const holds = predicateHolds(node.predicate, facts);
      if (holds) addTarget(node.target, facts, found);
      return holds;
    }
  }
}

function addTarget(target: TestTarget, { view }: EventFacts, found: MatchedField[]): void {
  if (target.kind === 'field') {
    const value = view.value(target.slot);
    if (value !== undefined) found.push({ field: target.name, value });
    return;
  }
  const hit = view.entries().find(([, value]) => target.test(value));
  if (hit !== undefined) found.push({ field: hit[0], value: hit[1] });
}
