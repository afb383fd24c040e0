import { type EventView, foldValue } from '../event-view.ts';
import { toNumber } from '../scalar.ts';
import { type IndexedLiteral, LiteralTable } from './literal-table.ts';
import { ANY_FIELD, type PredicateTable } from './predicate-table.ts';
import type { SignalBoard } from './signal-board.ts';

/** A value of this length can make a test slow. In UTF-16 code units. */
const LONG_VALUE = 8_192;

/**
 * Raises the signals of an event: one pass over each field that any rule asks for, keywords included. Fields that
 * only keywords concern are searched for those.
 */
export class SignalIndex {
  readonly #texts: readonly { readonly slot: number; readonly table: LiteralTable }[];
  readonly #searched: ReadonlySet<string>;
  readonly #keywords: LiteralTable | undefined;
  readonly #numbers: readonly { readonly slot: number; readonly signals: ReadonlyMap<number, number> }[];

  /** `fieldNames` are the names of the slots. */
  constructor(table: PredicateTable, fieldNames: readonly string[]) {
    const keywords: readonly IndexedLiteral[] = table.literals.get(ANY_FIELD) ?? [];
    const slots = [...table.literals].filter(([slot]) => slot !== ANY_FIELD);
    this.#texts = slots.map(([slot, literals]) => ({ slot, table: new LiteralTable([...literals, ...keywords]) }));
    this.#searched = new Set(slots.map(([slot]) => fieldNames[slot] as string));
    this.#keywords = keywords.length === 0 ? undefined : new LiteralTable(keywords);
    this.#numbers = [...table.numbers].map(([slot, signals]) => ({ slot, signals }));
  }

  /** True when a value was long, so that some test may be slow. */
  raise(view: EventView, board: SignalBoard): boolean {
    let long = false;
    for (const { slot, table } of this.#texts) {
      const text = view.text(slot, 'case');
      if (text === undefined) continue;
      if (text.length > LONG_VALUE) long = true;
      table.search(text, board);
    }
    for (const { slot, signals } of this.#numbers) {
      const value = view.value(slot);
      const number = value === undefined ? undefined : toNumber(value);
      const signal = number === undefined ? undefined : signals.get(number);
      if (signal !== undefined) board.raise(signal);
    }
    return this.#keywords === undefined ? long : this.#raiseKeywords(this.#keywords, view, board) || long;
  }

  #raiseKeywords(keywords: LiteralTable, view: EventView, board: SignalBoard): boolean {
    let long = false;
    for (const [name, value] of view.entries()) {
      if (this.#searched.has(name)) continue;
      const text = foldValue(value, 'case');
      if (text.length > LONG_VALUE) long = true;
      keywords.search(text, board);
    }
    return long;
  }
}
