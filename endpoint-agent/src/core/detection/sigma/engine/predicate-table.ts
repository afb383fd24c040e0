import { compileFieldTest, compileKeywordTest, type Test } from '../compile-predicate.ts';
import type { FieldTable } from '../event-view.ts';
import type { Predicate } from '../rule-ast.ts';
import { foldPattern, foldText } from '../string-pattern.ts';
import { compileText } from '../text-matcher.ts';
import { hasAsciiLine, hasRun } from './character-class.ts';
import { isIndexable } from './literal-grams.ts';
import type { Anchor, IndexedLiteral } from './literal-table.ts';
import { mandatoryOfPattern, type RegexRequirement, requirementOfRegex } from './mandatory-literals.ts';

/** Stands for the slot of keywords, which are sought in every field. */
export const ANY_FIELD = -1;

/**
 * A predicate as the index sees it. `direct`: true exactly when its signal was raised. `gated`: can be true only
 * when one of its signals was raised, and every one of `all`. `lazy`: nothing is known beforehand.
 */
export type IndexedPredicate =
  | { readonly kind: 'direct'; readonly id: number; readonly signal: number }
  | {
      readonly kind: 'gated';
      readonly id: number;
      readonly signals: readonly number[];
      readonly all: readonly number[];
      readonly test: Test;
    }
  | { readonly kind: 'lazy'; readonly id: number; readonly test: Test };

/** How dear a test is that the index cannot spare; regular expressions come last. */
export function isExpensive(predicate: Predicate): boolean {
  return predicate.kind === 'regex';
}

/** Gives each different predicate and each different literal of a rule group one number. */
export class PredicateTable {
  readonly #fields: FieldTable;
  #size = 0;
  readonly #signals = new Map<string, number>();
  /** Literals to be sought, by slot. */
  readonly literals = new Map<number, IndexedLiteral[]>();
  /** Numbers to be compared, by slot: number to signal. */
  readonly numbers = new Map<number, Map<number, number>>();
  signalCount = 0;

  constructor(fields: FieldTable) {
    this.#fields = fields;
  }

  /** Number of predicates. */
  get size(): number {
    return this.#size;
  }

  /** Gives a predicate that was not seen before its number. */
  index(field: string | undefined, predicate: Predicate): IndexedPredicate {
    const id = this.#size;
    this.#size += 1;
    const slot = field === undefined ? ANY_FIELD : this.#fields.slotOf(field);
    const lazyTest = (): Test =>
      field === undefined ? compileKeywordTest(predicate) : compileFieldTest(field, predicate, this.#fields);
    if (predicate.kind === 'number' && field !== undefined) {
      return { kind: 'direct', id, signal: this.#numberSignal(slot, predicate.value) };
    }
    if (predicate.kind === 'text') return this.#indexText(slot, predicate, id, lazyTest);
    if (predicate.kind === 'regex') return this.#indexRegex(slot, predicate.source, id, lazyTest());
    return { kind: 'lazy', id, test: lazyTest() };
  }

  #indexRegex(slot: number, source: string, id: number, test: Test): IndexedPredicate {
    const requirement = requirementOfRegex(source);
    const { literals, length, run } = requirement;
    const guarded = slot === ANY_FIELD ? test : guardRegex(slot, requirement, test);
    const signals = literals?.map((text) => this.#literalSignal(slot, text, 'anywhere', false));
    if (signals?.every((signal) => signal !== undefined)) return { kind: 'gated', id, signals, all: [], test: guarded };
    if (slot === ANY_FIELD || (literals === undefined && length < 2 && run === undefined)) {
      return { kind: 'lazy', id, test };
    }
    // Too short for the index; still far cheaper to look for than to run the expression.
    const sought: Test = (view) => {
      const text = literals === undefined ? undefined : view.text(slot, 'case');
      return (text === undefined || literals?.some((literal) => text.includes(literal)) === true) && guarded(view);
    };
    return { kind: 'lazy', id, test: sought };
  }

  #indexText(
    slot: number,
    predicate: Extract<Predicate, { readonly kind: 'text' }>,
    id: number,
    lazyTest: () => Test,
  ): IndexedPredicate {
    const matcher = compileText(foldPattern(predicate.parts, { cased: false, windash: predicate.windash }));
    if (!predicate.cased && matcher.form !== 'glob' && matcher.form !== 'anything') {
      const signal = this.#literalSignal(slot, matcher.literal, ANCHOR_OF[matcher.form], predicate.windash);
      if (signal !== undefined) return { kind: 'direct', id, signal };
    }
    const [longest, ...others] = mandatoryOfPattern(predicate.parts).flatMap((literal) => {
      const folded = foldText(literal, { cased: false, windash: predicate.windash });
      return this.#literalSignal(slot, folded, 'anywhere', predicate.windash) ?? [];
    });
    if (longest !== undefined) return { kind: 'gated', id, signals: [longest], all: others, test: lazyTest() };
    return { kind: 'lazy', id, test: lazyTest() };
  }

  #literalSignal(slot: number, text: string, anchor: Anchor, windash: boolean): number | undefined {
    if (!isIndexable(text, anchor, windash)) return undefined;
    const dashed = windash && text.includes('-');
    const key = `${slot}\n${anchor}\n${dashed}\n${text}`;
    const known = this.#signals.get(key);
    if (known !== undefined) return known;
    const signal = this.#newSignal(key);
    const literals = this.literals.get(slot);
    const literal: IndexedLiteral = { text, anchor, windash: dashed, signal };
    if (literals === undefined) this.literals.set(slot, [literal]);
    else literals.push(literal);
    return signal;
  }

  #numberSignal(slot: number, value: number): number {
    const key = `${slot}\nnumber\n${value}`;
    const known = this.#signals.get(key);
    if (known !== undefined) return known;
    const signal = this.#newSignal(key);
    const numbers = this.numbers.get(slot) ?? new Map<number, number>();
    numbers.set(value, signal);
    this.numbers.set(slot, numbers);
    return signal;
  }

  #newSignal(key: string): number {
    const signal = this.signalCount;
    this.signalCount += 1;
    this.#signals.set(key, signal);
    return signal;
  }
}

/** Runs the expression only on texts that are long enough and have the run that every match has. */
function guardRegex(slot: number, { length, run, line }: RegexRequirement, test: Test): Test {
  if (length < 2 && run === undefined) return test;
  return (view) => {
    const text = view.text(slot, 'none');
    if (text === undefined || text.length < length) return false;
    if (run !== undefined && !hasRun(text, run)) return false;
    return (line !== undefined && hasAsciiLine(text, line)) || test(view);
  };
}

const ANCHOR_OF = { contains: 'anywhere', startswith: 'start', endswith: 'end', equals: 'whole' } as const;
