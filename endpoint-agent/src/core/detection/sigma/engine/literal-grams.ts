import { LAST_NARROW, TEXT_END, TEXT_START } from './folded-text.ts';
import type { Anchor, IndexedLiteral } from './literal-table.ts';

/** Characters of a gram. */
export const GRAM = 4;
/** Characters of the key of literals that are too short for a gram. */
const PAIR = 2;
/** Tells the key of a pair from that of a gram; if a text has such a gram, the comparison in full tells them apart. */
export const PAIR_KEY = 0x1_0000;
export const DASH = 0x2d;
/** Low bytes of the characters that count as one dash. */
const DASH_BYTES = [DASH, 0x2f, 0x13, 0x14, 0x15] as const;

/** A literal under one of its keys. */
export interface Entry {
  readonly literal: IndexedLiteral;
  /** Distance from the literal's start to the last character of its key. */
  readonly shift: number;
}

export type Entries = Map<number, Entry[]>;

/** Whether the table can hold the literal: not the empty text anywhere, nor a dash that stands for five characters. */
export function isIndexable(text: string, anchor: Anchor, windash: boolean): boolean {
  return framed(text, anchor).length >= PAIR || (text.length === 1 && !(windash && text === '-'));
}

/** The literal is one ASCII character that may stand anywhere. */
export function isSingle({ text, anchor }: IndexedLiteral): boolean {
  return anchor === 'anywhere' && text.length === 1 && text.charCodeAt(0) <= LAST_NARROW;
}

/**
 * Enters literals of ASCII, each under its rarest gram, those that are too short for one under their last two
 * characters. A dash of windash stands for five characters, each with keys of its own.
 */
export function enterNarrow(literals: readonly IndexedLiteral[], entries: Entries): void {
  const grams = countGrams(literals, GRAM);
  const pairs = countGrams(literals, PAIR);
  for (const literal of literals) {
    const whole = framed(literal.text, literal.anchor);
    const before = literal.anchor === 'start' || literal.anchor === 'whole' ? 1 : 0;
    if (whole.length < GRAM) {
      const at = rarest(literal, whole, PAIR, pairs, entries);
      const entry: Entry = { literal, shift: at + PAIR - 1 - before };
      for (const key of keyVariants(whole.slice(at, at + PAIR), literal.windash)) enter(entries, PAIR_KEY | key, entry);
      continue;
    }
    const at = rarest(literal, whole, GRAM, grams, entries);
    const entry: Entry = { literal, shift: at + GRAM - 1 - before };
    for (const key of keyVariants(whole.slice(at, at + GRAM), literal.windash)) enter(entries, key, entry);
  }
}

/** Enters literals with a character beyond ASCII under the first such character. */
export function enterWide(literals: readonly IndexedLiteral[], entries: Entries): void {
  for (const literal of literals) {
    const shift = firstWide(literal.text);
    if (shift >= 0) enter(entries, literal.text.charCodeAt(shift), { literal, shift });
  }
}

export function firstWide(text: string): number {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > LAST_NARROW) return i;
  return -1;
}

function enter(entries: Entries, key: number, entry: Entry): void {
  const known = entries.get(key);
  if (known === undefined) entries.set(key, [entry]);
  else known.push(entry);
}

/** The literal with what stands before and after it in a text. */
function framed(text: string, anchor: Anchor): string {
  const start = anchor === 'start' || anchor === 'whole' ? String.fromCharCode(TEXT_START) : '';
  const end = anchor === 'end' || anchor === 'whole' ? String.fromCharCode(TEXT_END) : '';
  return start + text + end;
}

/** What many literals have in common is common in events too. */
function rarest(
  literal: IndexedLiteral,
  whole: string,
  size: number,
  shared: ReadonlyMap<number, number>,
  entries: Entries,
): number {
  let best = 0;
  let bestCost = Infinity;
  for (let i = 0; i + size <= whole.length; i += 1) {
    const key = keyOf(whole, i, size);
    const dashes = literal.windash ? whole.slice(i, i + size).split('-').length - 1 : 0;
    const cost = (shared.get(key) ?? 1) + 4 * (entries.get(key)?.length ?? 0) + 1_000 * (5 ** dashes - 1);
    if (cost < bestCost) {
      best = i;
      bestCost = cost;
    }
  }
  return best;
}

function countGrams(literals: readonly IndexedLiteral[], size: number): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { text, anchor } of literals) {
    const whole = framed(text, anchor);
    for (let i = 0; i + size <= whole.length; i += 1) {
      const key = keyOf(whole, i, size);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

function keyOf(text: string, from: number, size: number): number {
  let key = 0;
  for (let i = from; i < from + size; i += 1) key = (key << 8) | (text.charCodeAt(i) & 0xff);
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
