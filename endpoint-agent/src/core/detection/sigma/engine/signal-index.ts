import { foldCase } from '../case-folding.ts';
import { type EventView, foldValue } from '../event-view.ts';
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
  readonly #searched: ReadonlySet<string>;
  readonly #keywords: readonly IndexedLiteral[];
  readonly #keywordTable: LiteralTable;
  readonly #numbers: readonly { readonly slot: number; readonly signals: ReadonlyMap<number, number> }[];
  /** Where a value's signals are gathered before they are remembered. */
  readonly #scratch: SignalBoard;

  /** `fieldNames` are the names of the slots. */
  constructor(table: PredicateTable, fieldNames: readonly string[]) {
    this.#keywords = table.literals.get(ANY_FIELD) ?? [];
    const slots = [...table.literals].filter(([slot]) => slot !== ANY_FIELD);
    this.#texts = slots.map(([slot, literals]) => ({
      slot,
      table: new LiteralTable([...literals, ...this.#keywords]),
      cache: new ValueCache(),
    }));
    this.#searched = new Set(slots.map(([slot]) => fieldNames[slot] as string));
    this.#keywordTable = new LiteralTable(this.#keywords);
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

  #raiseKeywords(view: EventView, board: SignalBoard): boolean {
    const values: Scalar[] = view.valuesExcept(this.#searched);
    // No keyword of the index holds a line feed, so none is found across two values.
    const text = foldValue(values.join('\n'), 'case');
    if (this.#keywords.length > FEW_KEYWORDS) this.#keywordTable.search(text, board);
    else for (const { text: keyword, signal } of this.#keywords) if (text.includes(keyword)) board.raise(signal);
    return text.length > LONG_VALUE;
  }
}
