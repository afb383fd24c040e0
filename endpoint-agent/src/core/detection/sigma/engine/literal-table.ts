import { type FoldedText, LAST_NARROW, TEXT_START } from './folded-text.ts';
import {
  DASH,
  type Entries,
  type Entry,
  enterNarrow,
  enterWide,
  firstWide,
  isSingle,
  PAIR_KEY,
} from './literal-grams.ts';
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

const MULTIPLIER = 0x9e3779b1;
/** Bits of the bitmap, as a power of two: 64 KiB. */
const LARGEST_BITMAP = 19;
const AT_START = 1;
const AT_END = 2;
const WITH_DASHES = 4;
/** The last entry of its key. */
const LAST = 8;
const FLAGS: Record<Anchor, number> = { anywhere: 0, start: AT_START, end: AT_END, whole: AT_START | AT_END };
/** Numbers that an entry has: its signal, where its text begins in the pool, the text's length, shift, flags. */
const STRIDE = 5;

/**
 * Finds which of many literals occur in a text, in one pass. Each literal is entered under one gram of four
 * characters (their low bytes, one 32-bit key), the one that fewest other literals have; a bitmap tells most
 * positions apart from any gram, and what passes is compared in full. Literals of two or three characters are
 * entered under their last two; those with characters beyond ASCII are looked for only in texts that have such.
 */
export class LiteralTable {
  readonly #bitmap: Uint32Array;
  readonly #bitmapShift: number;
  /** Open addressing: key and where its first entry begins; -1 where free. */
  readonly #slots: Int32Array;
  readonly #entries: Int32Array;
  /** The literals' code units. */
  readonly #pool: Uint16Array;
  /** Some literal is entered under a pair. */
  readonly #hasPairs: boolean;
  /** By character: signals of the literals that are this character alone. Empty when there is no such. */
  readonly #singles: (number[] | undefined)[];
  /** Wide character to where its first entry begins. */
  readonly #wide = new Map<number, number>();

  constructor(literals: readonly IndexedLiteral[]) {
    const singles = literals.filter(isSingle);
    const narrow: Entries = new Map();
    enterNarrow(
      literals.filter((literal) => !isSingle(literal) && firstWide(literal.text) < 0),
      narrow,
    );
    const wide: Entries = new Map();
    enterWide(literals, wide);
    this.#singles = singles.length === 0 ? [] : Array.from({ length: 0x100 }, () => undefined);
    for (const { text, signal } of singles) (this.#singles[text.charCodeAt(0)] ??= []).push(signal);
    this.#hasPairs = [...narrow.keys()].some((key) => key >>> 16 === PAIR_KEY >>> 16);
    const buckets = [...narrow.values(), ...wide.values()];
    const { entries, pool } = layOut(buckets);
    this.#entries = entries;
    this.#pool = pool;
    const bits = Math.min(LARGEST_BITMAP, Math.max(10, Math.ceil(Math.log2(narrow.size * 32 + 1))));
    this.#bitmapShift = 32 - bits;
    this.#bitmap = new Uint32Array(2 ** bits / 32);
    const capacity = 2 ** Math.max(2, Math.ceil(Math.log2(narrow.size * 2 + 1)));
    this.#slots = new Int32Array(capacity * 2).fill(-1);
    let first = 0;
    for (const [key, bucket] of narrow) {
      this.#enterKey(key, first);
      first += bucket.length * STRIDE;
    }
    for (const [code, bucket] of wide) {
      this.#wide.set(code, first);
      first += bucket.length * STRIDE;
    }
  }

  #enterKey(key: number, first: number): void {
    const product = Math.imul(key, MULTIPLIER);
    const hash = product >>> this.#bitmapShift;
    this.#bitmap[hash >>> 5] = (this.#bitmap[hash >>> 5] as number) | (1 << (hash & 31));
    const mask = this.#slots.length - 1;
    let slot = (product << 1) & mask;
    while (this.#slots[slot + 1] !== -1) slot = (slot + 2) & mask;
    this.#slots[slot] = key;
    this.#slots[slot + 1] = first;
  }

  /** Raises the signal of each literal that the text holds. */
  search(text: FoldedText, board: SignalBoard): void {
    if (this.#singles.length > 0) this.#searchSingles(text, board);
    if (this.#hasPairs) this.#searchPairs(text, board);
    else this.#searchGrams(text, board);
    if (text.wide && this.#wide.size > 0) this.#searchWide(text, board);
  }

  #searchSingles({ bytes, length, wide, folded }: FoldedText, board: SignalBoard): void {
    const signals = this.#singles;
    for (let i = 0; i < length; i += 1) {
      const raised = signals[bytes[i] as number];
      if (raised !== undefined && (!wide || folded.charCodeAt(i) <= LAST_NARROW)) board.raiseAll(raised);
    }
  }

  #searchGrams(text: FoldedText, board: SignalBoard): void {
    const bitmap = this.#bitmap;
    const shift = this.#bitmapShift;
    const { bytes, length } = text;
    let key = TEXT_START;
    for (let i = 0; i <= length; i += 1) {
      key = (key << 8) | (bytes[i] as number);
      const hash = Math.imul(key, MULTIPLIER) >>> shift;
      if (((bitmap[hash >>> 5] as number) & (1 << (hash & 31))) !== 0) this.#lookUp(key, text, i, board);
    }
  }

  #searchPairs(text: FoldedText, board: SignalBoard): void {
    const bitmap = this.#bitmap;
    const shift = this.#bitmapShift;
    const { bytes, length } = text;
    let key = TEXT_START;
    for (let i = 0; i <= length; i += 1) {
      key = (key << 8) | (bytes[i] as number);
      const hash = Math.imul(key, MULTIPLIER) >>> shift;
      if (((bitmap[hash >>> 5] as number) & (1 << (hash & 31))) !== 0) this.#lookUp(key, text, i, board);
      const pair = (key & 0xffff) | PAIR_KEY;
      const pairHash = Math.imul(pair, MULTIPLIER) >>> shift;
      if (((bitmap[pairHash >>> 5] as number) & (1 << (pairHash & 31))) !== 0) this.#lookUp(pair, text, i, board);
    }
  }

  #searchWide(text: FoldedText, board: SignalBoard): void {
    const { folded, length } = text;
    for (let i = 0; i < length; i += 1) {
      const code = folded.charCodeAt(i);
      const first = code > LAST_NARROW ? this.#wide.get(code) : undefined;
      if (first !== undefined) this.#compare(first, text, i, board);
    }
  }

  #lookUp(key: number, text: FoldedText, position: number, board: SignalBoard): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (Math.imul(key, MULTIPLIER) << 1) & mask;
    for (;;) {
      const first = slots[slot + 1] as number;
      if (first < 0) return;
      if (slots[slot] === key) {
        this.#compare(first, text, position, board);
        return;
      }
      slot = (slot + 2) & mask;
    }
  }

  /** `position` is where the key ends in the text. */
  #compare(first: number, text: FoldedText, position: number, board: SignalBoard): void {
    const { raisedAt, epoch } = board;
    const entries = this.#entries;
    for (let entry = first; ; entry += STRIDE) {
      const signal = entries[entry] as number;
      const flags = entries[entry + 4] as number;
      if (raisedAt[signal] !== epoch) {
        const start = position - (entries[entry + 3] as number);
        const end = start + (entries[entry + 2] as number);
        const fits =
          start >= 0 &&
          end <= text.length &&
          ((flags & AT_START) === 0 || start === 0) &&
          ((flags & AT_END) === 0 || end === text.length);
        if (fits && this.#standsAt(entries[entry + 1] as number, text, start, end, flags)) board.raise(signal);
      }
      if ((flags & LAST) !== 0) return;
    }
  }

  /** Whether what stands in the text from `start` to `end` is what begins at `from` in the pool. */
  #standsAt(from: number, text: FoldedText, start: number, end: number, flags: number): boolean {
    const pool = this.#pool;
    const { bytes, folded, wide } = text;
    for (let i = start, k = from; i < end; i += 1, k += 1) {
      const code = wide ? folded.charCodeAt(i) : (bytes[i] as number);
      if (code === pool[k]) continue;
      if ((flags & WITH_DASHES) === 0 || pool[k] !== DASH || !isDash(code)) return false;
    }
    return true;
  }
}

function isDash(code: number): boolean {
  return code === DASH || code === 0x2f || (code >= 0x2013 && code <= 0x2015);
}

/** The entries of one key follow each other; each text stands in the pool once. */
function layOut(buckets: readonly (readonly Entry[])[]): { readonly entries: Int32Array; readonly pool: Uint16Array } {
  const places = new Map<string, number>();
  let size = 0;
  let count = 0;
  for (const bucket of buckets) {
    count += bucket.length;
    for (const { literal } of bucket) {
      if (places.has(literal.text)) continue;
      places.set(literal.text, size);
      size += literal.text.length;
    }
  }
  const pool = new Uint16Array(size);
  for (const [text, place] of places) for (let i = 0; i < text.length; i += 1) pool[place + i] = text.charCodeAt(i);
  const entries = new Int32Array(count * STRIDE);
  let at = 0;
  for (const bucket of buckets) {
    for (const [i, { literal, shift }] of bucket.entries()) {
      const flags = FLAGS[literal.anchor] | (literal.windash ? WITH_DASHES : 0) | (i === bucket.length - 1 ? LAST : 0);
      entries.set([literal.signal, places.get(literal.text) as number, literal.text.length, shift, flags], at);
      at += STRIDE;
    }
  }
  return { entries, pool };
}
