import { foldCase } from '../case-folding.ts';
import type { EventView } from '../event-view.ts';
import { type Scalar, toNumber } from '../scalar.ts';
import { FoldedText } from './folded-text.ts';
import { type IndexedLiteral, LiteralTable } from './literal-table.ts';
import { ANY_FIELD, type PredicateTable } from './predicate-table.ts';
import { SignalBoard } from './signal-board.ts';
import { ValueCache } from './value-cache.ts';

/** A value of this length can make a test slow. In UTF-16 code units. */
const LONG_VALUE = 8_192;
/** So few keywords are found faster one by one. */
const FEW_KEYWORDS = 6;
/** After these many look-ups a field whose values seldom come again is no longer remembered. */
const TRIAL = 4_096;
const WORTHWHILE = 0.25;

/** What the indexes of all log sources share, since one event is searched at a time. */
export class SearchMemory {
  readonly text = new FoldedText();
  readonly cache = new ValueCache();
  #fields = 0;

  /** A number for a field of one index. */
  nextField(): number {
    this.#fields += 1;
    return this.#fields;
  }
}

/** One field that is searched for texts. */
class TextField {
  readonly slot: number;
  readonly table: LiteralTable;
  readonly number: number;
  remembered = true;
  #asked = 0;
  #answered = 0;

  constructor(slot: number, literals: readonly IndexedLiteral[], number: number) {
    this.slot = slot;
    this.table = new LiteralTable(literals);
    this.number = number;
  }

  count(answered: boolean): void {
    this.#asked += 1;
    if (answered) this.#answered += 1;
    if (this.#asked < TRIAL) return;
    this.remembered = this.#answered >= this.#asked * WORTHWHILE;
    this.#asked = 0;
    this.#answered = 0;
  }
}

/**
 * Raises the signals of an event: one pass over each field that any rule asks for, keywords included; the other
 * fields are searched together, for keywords alone.
 */
export class SignalIndex {
  readonly #memory: SearchMemory;
  readonly #texts: readonly TextField[];
  /** Slots of fields that rules ask for, but not for a text. */
  readonly #unsearched: readonly number[];
  readonly #keywords: readonly IndexedLiteral[];
  /** Characters of the shortest keyword. */
  readonly #shortest: number;
  /** Some keyword may stand in a number or a truth value. */
  readonly #inNumbers: boolean;
  readonly #keywordTable: LiteralTable;
  readonly #marks: readonly string[] | undefined;
  readonly #numbers: readonly { readonly slot: number; readonly signals: ReadonlyMap<number, number> }[];
  /** Where a value's signals are gathered before they are remembered. */
  readonly #scratch: SignalBoard;

  /** `fields` is the number of slots. */
  constructor(table: PredicateTable, fields: number, memory: SearchMemory) {
    this.#memory = memory;
    this.#keywords = table.literals.get(ANY_FIELD) ?? [];
    const slots = [...table.literals].filter(([slot]) => slot !== ANY_FIELD);
    this.#texts = slots.map(
      ([slot, literals]) => new TextField(slot, [...literals, ...this.#keywords], memory.nextField()),
    );
    const searched = new Set(slots.map(([slot]) => slot));
    this.#unsearched = Array.from({ length: fields }, (_, slot) => slot).filter((slot) => !searched.has(slot));
    this.#shortest = this.#keywords.reduce((shortest, { text }) => Math.min(shortest, text.length), Infinity);
    this.#inNumbers = this.#keywords.some(({ text }) => /^[-+.0-9a-z]*$/.test(text));
    this.#keywordTable = new LiteralTable(this.#keywords);
    this.#marks = marksOf(this.#keywords);
    this.#numbers = [...table.numbers].map(([slot, signals]) => ({ slot, signals }));
    this.#scratch = new SignalBoard(table.signalCount);
  }

  /** True when a value was long, so that some test may be slow. */
  raise(view: EventView, board: SignalBoard): boolean {
    const { text, cache } = this.#memory;
    let long = false;
    for (const field of this.#texts) {
      const value = view.value(field.slot);
      if (value === undefined) continue;
      if (typeof value === 'string' && field.remembered && cache.accepts(value)) {
        this.#raiseCached(field, value, board);
      } else {
        const searched = typeof value === 'string' ? value : String(value);
        if (searched.length > LONG_VALUE) long = true;
        text.load(searched);
        view.keepFolded(field.slot, text.folded);
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

  #raiseCached(field: TextField, value: string, board: SignalBoard): void {
    const { text, cache } = this.#memory;
    let signals = cache.get(field.number, value);
    field.count(signals !== undefined);
    if (signals === undefined) {
      const scratch = this.#scratch;
      scratch.begin();
      text.load(value);
      field.table.search(text, scratch);
      signals = scratch.raised();
      if (field.remembered) cache.set(field.number, value, signals);
    }
    board.raiseAll(signals);
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
    if (typeof value !== 'string' && !this.#inNumbers) return false;
    const raw = typeof value === 'string' ? value : String(value);
    if (raw.length < this.#shortest) return false;
    if (this.#marks !== undefined && !hasMark(raw, this.#marks)) return false;
    if (this.#keywords.length > FEW_KEYWORDS) {
      this.#memory.text.load(raw);
      this.#keywordTable.search(this.#memory.text, board);
    } else {
      const text = foldCase(raw);
      for (const { text: keyword, signal } of this.#keywords) if (text.includes(keyword)) board.raise(signal);
    }
    return raw.length > LONG_VALUE;
  }
}

function hasMark(text: string, marks: readonly string[]): boolean {
  for (const mark of marks) if (text.includes(mark)) return true;
  return false;
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
