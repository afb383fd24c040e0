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
  return found;
}

/** Whether the node holds; adds to `found` what it holds by. */
function explain(node: RuleNode, facts: EventFacts, found: MatchedField[] | undefined): boolean {
  switch (node.kind) {
    case 'not':
      return !explain(node.operand, facts, undefined);
    case 'or':
      for (const operand of node.operands) if (explain(operand, facts, found)) return true;
      return false;
    case 'and': {
      const before = found?.length ?? 0;
      for (const operand of node.operands) {
        if (explain(operand, facts, found)) continue;
        if (found !== undefined) found.length = before;
        return false;
      }
      return true;
    }
    case 'test': {
      const holds = predicateHolds(node.predicate, facts);
      if (holds && found !== undefined) addTarget(node.target, facts, found);
      return holds;
    }
  }
}

function addTarget(target: TestTarget, { view }: EventFacts, found: MatchedField[]): void {
  if (target.kind === 'field') {
    const value = view.value(target.slot);
    if (value !== undefined) report(found, target.name, value);
    return;
  }
  const hit = view.entries().find(([, value]) => target.test(value));
  if (hit !== undefined) report(found, hit[0], hit[1]);
}

/** Each field once, cut to what the protocol carries. */
function report(found: MatchedField[], name: string, value: Scalar): void {
  if (found.length >= REPORTED) return;
  const field = name.length > LIMITS.fieldName ? name.slice(0, LIMITS.fieldName) : name;
  for (const reported of found) if (reported.field === field) return;
  const shown =
    typeof value === 'string' && value.length > LIMITS.fieldValue ? value.slice(0, LIMITS.fieldValue) : value;
  found.push({ field, value: shown });
}
