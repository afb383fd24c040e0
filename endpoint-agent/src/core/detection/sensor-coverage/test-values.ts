import { compileValueTest } from '../sigma/compile-predicate.ts';
import type { Expression, Predicate } from '../sigma/rule-ast.ts';

export type Test = Extract<Expression, { kind: 'test' }>;

/** A source of which some fields take known values only. */
export interface ValuedSource {
  readonly values?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** Holds of an event that does not have the field at all. */
export function isTrueWithoutField(predicate: Predicate): boolean {
  return predicate.kind === 'null' || (predicate.kind === 'exists' && !predicate.present);
}

/**
 * What the test says of every event of the source, as far as the known values decide it: undefined when some of
 * them fit and others do not, or when nothing is known.
 */
export function decidedByValues({ field, predicate }: Test, { values }: ValuedSource): boolean | undefined {
  if (field === undefined || values === undefined || !Object.hasOwn(values, field)) return undefined;
  const known = values[field] ?? [];
  const fits = compileKnown(predicate);
  if (fits === undefined) return undefined;
  const fitting = known.filter(fits).length;
  return fitting === known.length ? true : fitting === 0 ? false : undefined;
}

/** The test in words, when the source's known values exclude that it is ever `wanted`; else nothing. */
export function excludedValue(test: Test, source: ValuedSource, wanted: boolean): readonly string[] {
  return decidedByValues(test, source) === !wanted ? [`${test.field}: ${describe(test.predicate)}`] : [];
}

function compileKnown(predicate: Predicate): ((value: string) => boolean) | undefined {
  switch (predicate.kind) {
    case 'exists':
      return () => predicate.present;
    case 'null':
      return () => false;
    case 'reference':
      return undefined;
    default:
      return compileValueTest(predicate);
  }
}

function describe(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'text':
      return predicate.parts.map((part) => (typeof part === 'string' ? '*' : part.literal)).join('');
    case 'number':
      return String(predicate.value);
    case 'regex':
      return `/${predicate.source}/`;
    default:
      return predicate.kind;
  }
}
