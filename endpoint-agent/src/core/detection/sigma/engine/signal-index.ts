import { foldCase } from '../case-folding.ts';
import type { EventView } from '../event-view.ts';
import { type Scalar, toNumber } from '../scalar.ts';
import { type IndexedLiteral, LiteralTable } from './literal-table.ts';
import { ANY_FIELD, type PredicateTable } from './predicate-table.ts';
import { SignalBoard } from './signal-board.ts';
import { ValueCache } from './value-cache.ts';

/** A value of this length can make a test slow. In UTF-16 code units. */
const LONG_VALUE = 8_192;
/** So few keywords are found faster one by one. */
const FEW_KEYWORDS = 6;

interface TextField {
  readonly slot: number;
  readonly table: LiteralTable;
  readonly cache: ValueCache;
}

/**
 * Raises the signals of an event: one pass over each field that any rule asks for, keywords included; the other
 * fields are searched together, for keywords alone.
 */
export class SignalIndex {
  readonly #texts: readonly TextField[];
  /** Slots of fields that rules ask for, but not for a text. */
  readonly #unsearched: readonly number[];
  readonly #keywords: readonly IndexedLiteral[];
  readonly #keywordTable: LiteralTable;
  readonly #marks: readonly string[] | undefined;
  readonly #numbers: readonly { readonly slot: number; readonly signals: ReadonlyMap<number, number> }[];
  /** Where a value's signals are gathered before they are remembered. */
  readonly #scratch: SignalBoard;

  /** `fields` is the number of slots. */
  constructor(table: PredicateTable, fields: number) {
    this.#keywords = table.literals.get(ANY_FIELD) ?? [];
    const slots = [...table.literals].filter(([slot]) => slot !== ANY_FIELD);
    this.#texts = slots.map(([slot, literals]) => ({
      slot,
      table: new LiteralTable([...literals, ...this.#keywords]),
      cache: new ValueCache(),
    }));
    const searched = new Set(slots.map(([slot]) => slot));
    this.#unsearched = Array.from({ length: fields }, (_, slot) => slot).filter((slot) => !searched.has(slot));
    this.#keywordTable = new LiteralTable(this.#keywords);
    this.#marks = marksOf(this.#keywords);
    this.#numbers = [...table.numbers].map(([slot, signals]) => ({ slot, signals }));
    this.#scratch = new SignalBoard(table.signalCount);
  }

  /** True when a value was long, so that some test may be slow. */
  raise(view: EventView, board: SignalBoard): boolean {
    let long = false;
    for (const field of this.#texts) {
      const value = view.value(field.slot);
      if (value === undefined) continue;
      if (typeof value === 'string' && field.cache.accepts(value)) {
        this.#raiseCached(field, value, board);
      } else {
        const text = view.text(field.slot, 'case') as string;
        if (text.length > LONG_VALUE) long = true;
        field.table.search(text, board);
      }
    }
    for (const { slot, signals } of this.#numbers) {
      const value = view.value(slot);
      const number = value === undefined ? undefined : toNumber(value);
      const signal = number === undefined ? undefined : signals.get(number);
      if (signal !== undefined) board.raise(signal);
    }
    return this.#keywords.length > 0 && this.#raiseKeywords(view, board) ? true : long;
  }

  #raiseCached({ table, cache }: TextField, value: string, board: SignalBoard): void {
    let signals = cache.get(value);
    if (signals === undefined) {
      const scratch = this.#scratch;
      scratch.begin();
      table.search(foldCase(value), scratch);
      signals = scratch.list.slice(0, scratch.count);
      cache.set(value, signals);
    }
    for (const signal of signals) board.raise(signal);
  }

  /** The fields without a table. */
  #raiseKeywords(view: EventView, board: SignalBoard): boolean {
    let long = false;
    for (const value of view.unnamedValues()) if (this.#raiseKeywordsOf(value, board)) long = true;
    for (const slot of this.#unsearched) {
      const value = view.value(slot);
      if (value !== undefined && this.#raiseKeywordsOf(value, board)) long = true;
    }
    return long;
  }

  #raiseKeywordsOf(value: Scalar, board: SignalBoard): boolean {
    const raw = typeof value === 'string' ? value : String(value);
    if (this.#marks !== undefined && !this.#marks.some((mark) => raw.includes(mark))) return false;
    const text = foldCase(raw);
    if (this.#keywords.length > FEW_KEYWORDS) this.#keywordTable.search(text, board);
    else for (const { text: keyword, signal } of this.#keywords) if (text.includes(keyword)) board.raise(signal);
    return text.length > LONG_VALUE;
  }
}

/** One character of each keyword that folding does not change; undefined when one has none, or there are many. */
function marksOf(keywords: readonly IndexedLiteral[]): readonly string[] | undefined {
  if (keywords.length > FEW_KEYWORDS) return undefined;
  const marks = new Set<string>();
  for (const { text } of keywords) {
    const mark = /[!-@[-`{-~]/.exec(text)?.[0];
    if (mark === undefined) return undefined;
    marks.add(mark);
  }
  return [...marks];
}
