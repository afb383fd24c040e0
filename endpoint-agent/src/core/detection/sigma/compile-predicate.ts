import { networkContains, parseAddress, parseNetwork } from './cidr.ts';
import { type EventView, type FieldTable, type Fold, foldOf, foldValue } from './event-view.ts';
import { compileRegex } from './regex.ts';
import type { CompareOperator, Predicate } from './rule-ast.ts';
import { type Scalar, toNumber } from './scalar.ts';
import { foldPattern } from './string-pattern.ts';
import { compileText, matchText } from './text-matcher.ts';
import { timePart } from './time-part.ts';

/** Decides a predicate on the event that the view holds. */
export type Test = (view: EventView) => boolean;

/** Compiles a predicate on one field. */
export function compileFieldTest(field: string, predicate: Predicate, table: FieldTable): Test {
  const slot = table.slotOf(field);
  switch (predicate.kind) {
    case 'text': {
      const fold = foldOf(predicate);
      const matcher = compileText(foldPattern(predicate.parts, predicate));
      return (view) => {
        const text = view.text(slot, fold);
        return text !== undefined && matchText(matcher, text);
      };
    }
    case 'exists':
      return (view) => view.has(slot) === predicate.present;
    case 'null':
      return (view) => view.value(slot) === undefined;
    case 'reference':
      return compileReference(slot, table.slotOf(predicate.field), predicate);
    default: {
      const test = compileValueTest(predicate);
      return (view) => {
        const value = view.value(slot);
        return value !== undefined && test(value);
      };
    }
  }
}

/** Compiles a keyword: it may stand in any field. */
export function compileKeywordTest(predicate: Predicate): Test {
  const test = compileValueTest(predicate);
  return (view) => {
    for (const value of view.values()) if (test(value)) return true;
    return false;
  };
}

/** Compiles a predicate that needs nothing but a value. */
export function compileValueTest(predicate: Predicate): (value: Scalar) => boolean {
  switch (predicate.kind) {
    case 'text': {
      const fold: Fold = foldOf(predicate);
      const matcher = compileText(foldPattern(predicate.parts, predicate));
      return (value) => matchText(matcher, foldValue(value, fold));
    }
    case 'number':
      return (value) => toNumber(value) === predicate.value;
    case 'compare': {
      const { operator, value: bound } = predicate;
      return (value) => {
        const number = toNumber(value);
        return number !== undefined && compare(number, operator, bound);
      };
    }
    case 'time': {
      const { part, operator, value: bound } = predicate;
      return (value) => {
        const number = timePart(value, part);
        return number !== undefined && compare(number, operator, bound);
      };
    }
    case 'regex': {
      const compiled = compileRegex(predicate.source, predicate.flags);
      if (!compiled.ok) throw new Error(`a rule was loaded whose expression does not compile: ${compiled.message}`);
      return (value) => compiled.test(typeof value === 'string' ? value : String(value));
    }
    case 'cidr': {
      const network = parseNetwork(predicate.network);
      if (network === undefined) throw new Error(`a rule was loaded whose network is none: ${predicate.network}`);
      return (value) => {
        const address = typeof value === 'string' ? parseAddress(value) : undefined;
        return address !== undefined && networkContains(network, address);
      };
    }
    case 'reference':
    case 'exists':
    case 'null':
      throw new Error(`\`${predicate.kind}\` needs a field`);
  }
}

function compileReference(
  slot: number,
  other: number,
  predicate: Extract<Predicate, { readonly kind: 'reference' }>,
): Test {
  const fold: Fold = predicate.cased ? 'none' : 'case';
  return (view) => {
    if (predicate.mode === 'equals' && differInLength(view.value(slot), view.value(other))) return false;
    const text = view.text(slot, fold);
    const reference = view.text(other, fold);
    if (text === undefined || reference === undefined) return false;
    switch (predicate.mode) {
      case 'equals':
        return text === reference;
      case 'startswith':
        return text.startsWith(reference);
      case 'endswith':
        return text.endsWith(reference);
      case 'contains':
        return text.includes(reference);
    }
  };
}

/** Folding keeps the length, so most texts need not be folded to be told apart. */
function differInLength(a: Scalar | undefined, b: Scalar | undefined): boolean {
  return typeof a === 'string' && typeof b === 'string' && a.length !== b.length;
}

function compare(left: number, operator: CompareOperator, right: number): boolean {
  switch (operator) {
    case 'lt':
      return left < right;
    case 'lte':
      return left <= right;
    case 'gt':
      return left > right;
    case 'gte':
      return left >= right;
    case 'eq':
      return left === right;
  }
}
