import { foldDashes } from '../case-folding.ts';
import type { SignalBoard } from './signal-board.ts';

/** Where in a text a literal must stand. */
export type Anchor = 'anywhere' | 'start' | 'end' | 'whole';

/** A text to be found in one field. Folded as the field's text is: case, and for `windash` dashes too. */
export interface IndexedLiteral {
  readonly text: string;
  readonly anchor: Anchor;
  readonly windash: boolean;
  /** What is reported when it is found. */
  readonly signal: number;
}

/** Characters of a gram. */
const GRAM = 4;
/** Stand before and after every text, so that short anchored literals have a gram too. */
const START = 2;
const END = 3;
/** Low bytes of the characters that count as one dash. */
const DASH_BYTES = [0x2d, 0x2f, 0x13, 0x14, 0x15] as const;
const MULTIPLIER = 0x9e3779b1;
/** Last character that is not `wide`. The dashes of windash beyond it are folded in literals. */
const LAST_NARROW = 0x7f;
/** Bits of the bitmap, as a power of two: 64 KiB. */
const LARGEST_BITMAP = 19;

/** Whether the table can hold the literal: it needs a gram, or a character beyond ASCII. */
export function isIndexable(text: string, anchor: Anchor): boolean {
  return framed(text, anchor).length >= GRAM || firstWide(text) >= 0;
}

interface Entry {
  readonly literal: IndexedLiteral;
  /** Distance from the literal's start to the last character of its gram (or to its wide character). */
  readonly shift: number;
}

/**
 * Finds which of many literals occur in a text, in one pass. Each literal is entered under one gram of four
 * characters (their low bytes, one 32-bit key), the one that fewest other literals have; a bitmap tells most
 * positions apart from any gram, and what passes is compared in full. Literals with characters beyond ASCII are
 * looked for only in texts that have such characters.
 */
export class LiteralTable {
  readonly #bitmap: Uint32Array;
  readonly #bitmapShift: number;
  readonly #keys: Int32Array;
  readonly #slots: Int32Array;
  readonly #buckets: readonly (readonly Entry[])[];
  readonly #wide = new Map<number, Entry[]>();

  constructor(literals: readonly IndexedLiteral[]) {
    const grams = new Map<number, Entry[]>();
    const narrow = literals.filter((literal) => firstWide(literal.text) < 0);
    const shared = countGrams(narrow);
    for (const literal of narrow) enterNarrow(literal, shared, grams);
    for (const literal of literals) this.#enterWide(literal);
    const bits = Math.min(LARGEST_BITMAP, Math.max(10, Math.ceil(Math.log2(grams.size * 32 + 1))));
    this.#bitmapShift = 32 - bits;
    this.#bitmap = new Uint32Array(2 ** bits / 32);
    const capacity = 2 ** Math.max(4, Math.ceil(Math.log2(grams.size * 2 + 1)));
    this.#keys = new Int32Array(capacity);
    this.#slots = new Int32Array(capacity).fill(-1);
    const buckets: Entry[][] = [];
    for (const [key, entries] of grams) {
      const hash = Math.imul(key, MULTIPLIER) >>> this.#bitmapShift;
      this.#bitmap[hash >>> 5] = (this.#bitmap[hash >>> 5] as number) | (1 << (hash & 31));
      let slot = Math.imul(key, MULTIPLIER) & (capacity - 1);
      while (this.#slots[slot] !== -1) slot = (slot + 1) & (capacity - 1);
      this.#keys[slot] = key;
      this.#slots[slot] = buckets.length;
      buckets.push(entries);
    }
    this.#buckets = buckets;
  }

  /** Raises the signal of each literal that the folded text holds. */
  search(text: string, board: SignalBoard): void {
    const bitmap = this.#bitmap;
    const shift = this.#bitmapShift;
    const length = text.length;
    let key = START;
    let union = 0;
    for (let i = 0; i < length; i += 1) {
      const code = text.charCodeAt(i);
      union |= code;
      key = (key << 8) | (code & 0xff);
      const hash = Math.imul(key, MULTIPLIER) >>> shift;
      if (((bitmap[hash >>> 5] as number) & (1 << (hash & 31))) !== 0) {
        this.#compare(this.#bucket(key), text, i, board);
      }
    }
    this.#compare(this.#bucket((key << 8) | END), text, length, board);
    if (union > LAST_NARROW && this.#wide.size > 0) this.#searchWide(text, board);
  }

  #bucket(key: number): readonly Entry[] | undefined {
    const mask = this.#keys.length - 1;
    let slot = Math.imul(key, MULTIPLIER) & mask;
    for (;;) {
      const bucket = this.#slots[slot] as number;
      if (bucket < 0) return undefined;
      if (this.#keys[slot] === key) return this.#buckets[bucket];
      slot = (slot + 1) & mask;
    }
  }

  #searchWide(text: string, board: SignalBoard): void {
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      if (code > LAST_NARROW) this.#compare(this.#wide.get(code), text, i, board);
    }
  }

  #compare(entries: readonly Entry[] | undefined, text: string, position: number, board: SignalBoard): void {
    if (entries === undefined) return;
    for (const { literal, shift } of entries) {
      if (!board.isRaised(literal.signal) && standsAt(literal, text, position - shift)) board.raise(literal.signal);
    }
  }

  #enterWide(literal: IndexedLiteral): void {
    const at = firstWide(literal.text);
    if (at < 0) return;
    const code = literal.text.charCodeAt(at);
    const entries = this.#wide.get(code);
    if (entries === undefined) this.#wide.set(code, [{ literal, shift: at }]);
    else entries.push({ literal, shift: at });
  }
}

function firstWide(text: string): number {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > LAST_NARROW) return i;
  return -1;
}

/** The literal with what stands before and after it in a text. */
function framed(text: string, anchor: Anchor): string {
  const start = anchor === 'start' || anchor === 'whole' ? String.fromCharCode(START) : '';
  const end = anchor === 'end' || anchor === 'whole' ? String.fromCharCode(END) : '';
  return start + text + end;
}

function countGrams(literals: readonly IndexedLiteral[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { text, anchor } of literals) {
    const whole = framed(text, anchor);
    for (let i = 0; i + GRAM <= whole.length; i += 1) {
      const key = gramKey(whole, i);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

function gramKey(text: string, from: number): number {
  let key = 0;
  for (let i = from; i < from + GRAM; i += 1) key = (key << 8) | (text.charCodeAt(i) & 0xff);
  return key;
}

/** Enters the literal under its rarest gram; a dash within it stands for five characters, each its own gram. */
function enterNarrow(literal: IndexedLiteral, shared: ReadonlyMap<number, number>, grams: Map<number, Entry[]>): void {
  const whole = framed(literal.text, literal.anchor);
  const offset = literal.anchor === 'start' || literal.anchor === 'whole' ? 1 : 0;
  let best = -1;
  let bestCost = Infinity;
  for (let i = 0; i + GRAM <= whole.length; i += 1) {
    const key = gramKey(whole, i);
    const dashes = literal.windash ? whole.slice(i, i + GRAM).split('-').length - 1 : 0;
    const cost = (shared.get(key) ?? 1) + 4 * (grams.get(key)?.length ?? 0) + 1_000 * (5 ** dashes - 1);
    if (cost < bestCost) {
      best = i;
      bestCost = cost;
    }
  }
  if (best < 0) throw new Error('a literal without a gram was indexed');
  const entry: Entry = { literal, shift: best + GRAM - 1 - offset };
  for (const key of gramVariants(whole.slice(best, best + GRAM), literal.windash)) {
    const entries = grams.get(key);
    if (entries === undefined) grams.set(key, [entry]);
    else entries.push(entry);
  }
}

function gramVariants(gram: string, windash: boolean): readonly number[] {
  let keys = [0];
  for (let i = 0; i < GRAM; i += 1) {
    const code = gram.charCodeAt(i);
    const bytes = windash && code === 0x2d ? DASH_BYTES : [code & 0xff];
    keys = keys.flatMap((key) => bytes.map((byte) => (key << 8) | byte));
  }
  return keys;
}

function standsAt(literal: IndexedLiteral, text: string, start: number): boolean {
  if (start < 0) return false;
  const { anchor, text: wanted } = literal;
  if (start > 0 && (anchor === 'start' || anchor === 'whole')) return false;
  const end = start + wanted.length;
  if (anchor === 'end' || anchor === 'whole' ? end !== text.length : end > text.length) return false;
  return literal.windash ? foldDashes(text.slice(start, end)) === wanted : text.startsWith(wanted, start);
}
