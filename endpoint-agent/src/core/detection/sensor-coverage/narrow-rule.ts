import type { Expression, PatternPart } from '../sigma/rule-ast.ts';
import type { DeclaredSource } from './can-fire.ts';
import { decidedByValues, isTrueWithoutField } from './test-values.ts';

/**
 * What is left of a rule's expression on events of one source: tests that the source's fields and known values
 * decide are gone. `false` when the rule can never match such an event, `true` when it matches every one.
 */
export function narrowToSource(expression: Expression, source: DeclaredSource): Expression | boolean {
  switch (expression.kind) {
    case 'and':
      return join('and', expression.operands, source);
    case 'or':
      return join('or', expression.operands, source);
    case 'not': {
      const operand = narrowToSource(expression.operand, source);
      return typeof operand === 'boolean' ? !operand : { kind: 'not', operand };
    }
    case 'test': {
      const { field, predicate } = expression;
      if (field !== undefined && source.fields !== 'any' && !source.fields.has(field)) {
        return isTrueWithoutField(predicate);
      }
      return decidedByValues(expression, source) ?? expression;
    }
  }
}

function join(kind: 'and' | 'or', operands: readonly Expression[], source: DeclaredSource): Expression | boolean {
  const decisive = kind === 'or';
  const left: Expression[] = [];
  for (const operand of operands) {
    const narrowed = narrowToSource(operand, source);
    if (narrowed === decisive) return decisive;
    if (typeof narrowed !== 'boolean') left.push(narrowed);
  }
  const [only] = left;
  if (only === undefined) return !decisive;
  return left.length === 1 ? only : { kind, operands: left };
}

/** The fields that the expression asks for; `any` when it has keywords, which may stand in every field. */
export function fieldsOf(expression: Expression | boolean): ReadonlySet<string> | 'any' {
  if (typeof expression === 'boolean') return new Set();
  switch (expression.kind) {
    case 'and':
    case 'or': {
      const fields = new Set<string>();
      for (const operand of expression.operands) {
        const more = fieldsOf(operand);
        if (more === 'any') return 'any';
        for (const field of more) fields.add(field);
      }
      return fields;
    }
    case 'not':
      return fieldsOf(expression.operand);
    case 'test':
      if (expression.field === undefined) return 'any';
      return new Set(
        expression.predicate.kind === 'reference' ? [expression.field, expression.predicate.field] : [expression.field],
      );
  }
}

/**
 * Texts, one of which the field must `equal` or `contain` (whatever its case) for the expression to hold; `any`
 * when nothing can be said.
 */
export function requiredTexts(
  expression: Expression | boolean,
  field: string,
  mode: 'equal' | 'contain',
): readonly string[] | 'any' {
  if (typeof expression === 'boolean') return 'any';
  switch (expression.kind) {
    case 'and': {
      const known = expression.operands.map((operand) => requiredTexts(operand, field, mode));
      const texts = known.filter((each) => each !== 'any');
      return texts.length === 0 ? 'any' : texts.reduce((a, b) => (b.length < a.length ? b : a));
    }
    case 'or': {
      const texts = expression.operands.map((operand) => requiredTexts(operand, field, mode));
      return texts.includes('any') ? 'any' : [...new Set(texts.flat())];
    }
    case 'not':
      return 'any';
    case 'test': {
      if (expression.field !== field || expression.predicate.kind !== 'text') return 'any';
      const { parts, windash } = expression.predicate;
      if (windash) return 'any';
      const text = mode === 'equal' ? wholeText(parts) : longestLiteral(parts);
      return text === undefined || text === '' ? 'any' : [text];
    }
  }
}

function wholeText(parts: readonly PatternPart[]): string | undefined {
  return parts.length === 1 && typeof parts[0] === 'object' ? parts[0].literal : undefined;
}

/** ASCII only: how other letters are folded is the engine's affair. */
function longestLiteral(parts: readonly PatternPart[]): string {
  return parts
    .flatMap((part) => (typeof part === 'string' ? [] : part.literal.split(/[^\x20-\x7e]+/)))
    .reduce((a, b) => (b.length > a.length ? b : a), '');
}
