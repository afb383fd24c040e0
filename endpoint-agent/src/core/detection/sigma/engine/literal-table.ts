import type { SignalBoard } from './signal-board.ts';

/** Where in a text a literal must stand. */
export type Anchor = 'anywhere' | 'start' | 'end' | 'whole';

/** A text to be found in one field. Folded as the field's text is: case, and for `windash` dashes too. */
export interface IndexedLiteral {
  readonly text: string;
  readonly anchor: Anchor;
  readonly windash: boolean;
  /** What is raised when it is found. */
  readonly signal: number;
}

/** Characters of a gram. */
const GRAM = 4;
/** Characters under which literals are entered that are too short for a gram. */
const PAIR = 2;
/** Stand before and after every text, so that short anchored literals have a gram too. */
const START = 2;
const END = 3;
const DASH = 0x2d;
/** Low bytes of the characters that count as one dash. */
const DASH_BYTES = [DASH, 0x2f, 0x13, 0x14, 0x15] as const;
const MULTIPLIER = 0x9e3779b1;
/** Last character that is not `wide`. The dashes of windash beyond it are folded in literals. */
const LAST_NARROW = 0x7f;
/** Bits of the bitmap, as a power of two: 64 KiB. */
const LARGEST_BITMAP = 19;
const AT_START = 1;
const AT_END = 2;
const WITH_DASHES = 4;
const FLAGS: Record<Anchor, number> = { anywhere: 0, start: AT_START, end: AT_END, whole: AT_START | AT_END };

/** Whether the table can hold the literal: it needs two characters (one when anchored), or one beyond ASCII. */
export function isIndexable(text: string, anchor: Anchor): boolean {
  return framed(text, anchor).length >= PAIR || firstWide(text) >= 0;
}

interface Entry {
  readonly literal: IndexedLiteral;
  /** Distance from the literal's start to the last character of its gram (or to its wide character). */
  readonly shift: number;
}

/**
 * Finds which of many literals occur in a text, in one pass. Each literal is entered under one gram of four
 * characters (their low bytes, one 32-bit key), the one that fewest other literals have; a bitmap tells most
 * positions apart from any gram, and what passes is compared in full. Literals of two or three characters are
 * entered under their last two; those with characters beyond ASCII are looked for only in texts that have such.
 */
export class LiteralTable {
  readonly #bitmap: Uint32Array;
  readonly #bitmapShift: number;
  /** Open addressing: gram to the number of its first entry; -1 where free. */
  readonly #keys: Int32Array;
  readonly #firsts: Int32Array;
  /** By entry; the entries of one gram follow each other, the last one is marked. */
  readonly #texts: readonly string[];
  readonly #signals: Int32Array;
  readonly #shifts: Int32Array;
  readonly #flags: Uint8Array;
  readonly #lasts: Uint8Array;
  /** By pair of characters, one bit: whether a short literal may end there. Empty when there is none. */
  readonly #pairs: Uint32Array;
  /** Pair to the number of its first entry. */
  readonly #short = new Map<number, number>();
  /** Wide character to the number of its first entry. */
  readonly #wide = new Map<number, number>();

  constructor(literals: readonly IndexedLiteral[]) {
    const narrow = literals.filter((literal) => firstWide(literal.text) < 0);
    const grams = enterNarrow(narrow.filter((literal) => !isShort(literal)));
    const short = enterShort(narrow.filter(isShort));
    const wide = enterWide(literals);
    const buckets = [...grams.values(), ...short.values(), ...wide.values()];
    const entries = buckets.flat();
    this.#texts = entries.map(({ literal }) => literal.text);
    this.#signals = Int32Array.from(entries, ({ literal }) => literal.signal);
    this.#shifts = Int32Array.from(entries, ({ shift }) => shift);
    this.#flags = Uint8Array.from(
      entries,
      ({ literal }) => FLAGS[literal.anchor] | (literal.windash ? WITH_DASHES : 0),
    );
    this.#lasts = Uint8Array.from(buckets.flatMap((bucket) => bucket.map((_, i) => (i === bucket.length - 1 ? 1 : 0))));
    const bits = Math.min(LARGEST_BITMAP, Math.max(10, Math.ceil(Math.log2(grams.size * 32 + 1))));
    this.#bitmapShift = 32 - bits;
    this.#bitmap = new Uint32Array(2 ** bits / 32);
    const capacity = 2 ** Math.max(4, Math.ceil(Math.log2(grams.size * 2 + 1)));
    this.#keys = new Int32Array(capacity);
    this.#firsts = new Int32Array(capacity).fill(-1);
    let first = 0;
    for (const [key, bucket] of grams) {
      this.#enterGram(key, first);
      first += bucket.length;
    }
    this.#pairs = new Uint32Array(short.size === 0 ? 0 : 0x10000 / 32);
    for (const [pair, bucket] of short) {
      this.#pairs[pair >>> 5] = (this.#pairs[pair >>> 5] as number) | (1 << (pair & 31));
      this.#short.set(pair, first);
      first += bucket.length;
    }
    for (const [code, bucket] of wide) {
      this.#wide.set(code, first);
      first += bucket.length;
    }
  }

  #enterGram(key: number, first: number): void {
    const product = Math.imul(key, MULTIPLIER);
    const hash = product >>> this.#bitmapShift;
    this.#bitmap[hash >>> 5] = (this.#bitmap[hash >>> 5] as number) | (1 << (hash & 31));
    const mask = this.#keys.length - 1;
    let slot = product & mask;
    while (this.#firsts[slot] !== -1) slot = (slot + 1) & mask;
    this.#keys[slot] = key;
    this.#firsts[slot] = first;
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
      if (((bitmap[hash >>> 5] as number) & (1 << (hash & 31))) !== 0) this.#lookUp(key, text, i, board);
    }
    this.#lookUp((key << 8) | END, text, length, board);
    if (this.#short.size > 0) this.#searchShort(text, board);
    if (union > LAST_NARROW && this.#wide.size > 0) this.#searchWide(text, board);
  }

  #searchShort(text: string, board: SignalBoard): void {
    const pairs = this.#pairs;
    const length = text.length;
    let pair = START;
    for (let i = 0; i <= length; i += 1) {
      pair = ((pair << 8) | (i < length ? text.charCodeAt(i) & 0xff : END)) & 0xffff;
      if (((pairs[pair >>> 5] as number) & (1 << (pair & 31))) !== 0) {
        this.#compare(this.#short.get(pair) as number, text, i, board);
      }
    }
  }

  #searchWide(text: string, board: SignalBoard): void {
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      const first = code > LAST_NARROW ? this.#wide.get(code) : undefined;
      if (first !== undefined) this.#compare(first, text, i, board);
    }
  }

  #lookUp(key: number, text: string, position: number, board: SignalBoard): void {
    const mask = this.#keys.length - 1;
    let slot = Math.imul(key, MULTIPLIER) & mask;
    for (;;) {
      const first = this.#firsts[slot] as number;
      if (first < 0) return;
      if (this.#keys[slot] === key) {
        this.#compare(first, text, position, board);
        return;
      }
      slot = (slot + 1) & mask;
    }
  }

  #compare(first: number, text: string, position: number, board: SignalBoard): void {
    const { raisedAt, epoch } = board;
    for (let entry = first; ; entry += 1) {
      const signal = this.#signals[entry] as number;
      if (raisedAt[signal] !== epoch) {
        const start = position - (this.#shifts[entry] as number);
        if (standsAt(this.#texts[entry] as string, this.#flags[entry] as number, text, start)) board.raise(signal);
      }
      if (this.#lasts[entry] === 1) return;
    }
  }
}

function standsAt(wanted: string, flags: number, text: string, start: number): boolean {
  const length = wanted.length;
  const end = start + length;
  if (start < 0 || end > text.length) return false;
  if ((flags & AT_START) !== 0 && start !== 0) return false;
  if ((flags & AT_END) !== 0 && end !== text.length) return false;
  for (let i = 0; i < length; i += 1) {
    const code = text.charCodeAt(start + i);
    if (code === wanted.charCodeAt(i)) continue;
    if ((flags & WITH_DASHES) === 0 || wanted.charCodeAt(i) !== DASH || !isDash(code)) return false;
  }
  return true;
}

function isDash(code: number): boolean {
  return code === DASH || code === 0x2f || (code >= 0x2013 && code <= 0x2015);
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

function isShort({ text, anchor }: IndexedLiteral): boolean {
  return framed(text, anchor).length < GRAM;
}

function enterShort(literals: readonly IndexedLiteral[]): ReadonlyMap<number, Entry[]> {
  const entered = new Map<number, Entry[]>();
  for (const literal of literals) {
    const whole = framed(literal.text, literal.anchor);
    const before = literal.anchor === 'start' || literal.anchor === 'whole' ? 1 : 0;
    const entry: Entry = { literal, shift: whole.length - 1 - before };
    for (const pair of keyVariants(whole.slice(-PAIR), literal.windash)) {
      const entries = entered.get(pair);
      if (entries === undefined) entered.set(pair, [entry]);
      else entries.push(entry);
    }
  }
  return entered;
}

function enterWide(literals: readonly IndexedLiteral[]): ReadonlyMap<number, Entry[]> {
  const entered = new Map<number, Entry[]>();
  for (const literal of literals) {
    const shift = firstWide(literal.text);
    if (shift < 0) continue;
    const code = literal.text.charCodeAt(shift);
    const entries = entered.get(code);
    if (entries === undefined) entered.set(code, [{ literal, shift }]);
    else entries.push({ literal, shift });
  }
  return entered;
}

/** Enters each literal under its rarest gram; a dash of windash stands for five characters, each its own gram. */
function enterNarrow(literals: readonly IndexedLiteral[]): ReadonlyMap<number, Entry[]> {
  const shared = countGrams(literals);
  const grams = new Map<number, Entry[]>();
  for (const literal of literals) {
    const whole = framed(literal.text, literal.anchor);
    const at = rarestGram(literal, whole, shared, grams);
    if (at < 0) throw new Error('a literal without a gram was indexed');
    const before = literal.anchor === 'start' || literal.anchor === 'whole' ? 1 : 0;
    const entry: Entry = { literal, shift: at + GRAM - 1 - before };
    for (const key of keyVariants(whole.slice(at, at + GRAM), literal.windash)) {
      const entries = grams.get(key);
      if (entries === undefined) grams.set(key, [entry]);
      else entries.push(entry);
    }
  }
  return grams;
}

/** What many literals have in common is common in events too. */
function rarestGram(
  literal: IndexedLiteral,
  whole: string,
  shared: ReadonlyMap<number, number>,
  grams: ReadonlyMap<number, readonly Entry[]>,
): number {
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
  return best;
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

/** The keys of a few characters, with each of windash's characters for each dash. */
function keyVariants(characters: string, windash: boolean): readonly number[] {
  let keys = [0];
  for (let i = 0; i < characters.length; i += 1) {
    const code = characters.charCodeAt(i);
    const bytes = windash && code === DASH ? DASH_BYTES : [code & 0xff];
    keys = keys.flatMap((key) => bytes.map((byte) => (key << 8) | byte));
  }
  return keys;
}
