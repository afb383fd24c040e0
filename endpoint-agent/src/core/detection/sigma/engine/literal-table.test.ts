import { describe, expect, test } from 'vitest';
import { type Random, seededRandom } from '../../../../../../test/fakes/sigma-generator.ts';
import { foldCase, foldDashes } from '../case-folding.ts';
import { FoldedText } from './folded-text.ts';
import { isIndexable } from './literal-grams.ts';
import { type Anchor, type IndexedLiteral, LiteralTable } from './literal-table.ts';
import { SignalBoard } from './signal-board.ts';

const ANCHORS: readonly Anchor[] = ['anywhere', 'start', 'end', 'whole'];
/** Few, so that literals and texts meet; with what ends and begins a text inside, and units with equal low bytes. */
const PIECES = [
  'a',
  'b',
  'ab',
  'powershell',
  '.exe',
  '\\',
  '-',
  '/',
  '\u2013',
  '\u2015',
  'é',
  'ũ',
  '\u0161',
  '😀',
  ' ',
  '1',
  '\u0002',
  '\u0003',
  '\u012d',
];
const TEXT_PIECES = [...PIECES, 'A', 'PowerShell', 'É', 'İ', 'ς', 'ſ', '\ud83d', '\ude00'];

function text(random: Random, pieces: readonly string[], most: number): string {
  return Array.from({ length: random.below(most + 1) }, () => random.pick(pieces)).join('');
}

function randomLiterals(random: Random): readonly IndexedLiteral[] {
  const literals: IndexedLiteral[] = [];
  for (let i = 0; i < 40; i += 1) {
    const windash = random.chance(0.3);
    const folded = foldCase(text(random, PIECES, random.pick([1, 1, 2, 3, 6])));
    const literal = windash ? foldDashes(folded) : folded;
    const anchor = random.pick(ANCHORS);
    if (!isIndexable(literal, anchor, windash)) continue;
    literals.push({ text: literal, anchor, windash, signal: literals.length });
  }
  return literals;
}

/** The same, literal by literal. */
function standsIn({ text: literal, anchor, windash }: IndexedLiteral, value: string): boolean {
  const folded = windash ? foldDashes(foldCase(value)) : foldCase(value);
  switch (anchor) {
    case 'anywhere':
      return folded.includes(literal);
    case 'start':
      return folded.startsWith(literal);
    case 'end':
      return folded.endsWith(literal);
    case 'whole':
      return folded === literal;
  }
}

function find(literals: readonly IndexedLiteral[], table: LiteralTable, folded: FoldedText, value: string): number[] {
  const board = new SignalBoard(literals.length);
  board.begin();
  folded.load(value);
  table.search(folded, board);
  return board.raised().toSorted((a, b) => a - b);
}

describe('a table of literals', () => {
  test('finds exactly what stands in a text', () => {
    const folded = new FoldedText();
    let found = 0;
    for (let seed = 1; seed <= 400; seed += 1) {
      const random = seededRandom(seed);
      const literals = randomLiterals(random);
      const table = new LiteralTable(literals);
      for (let i = 0; i < 20; i += 1) {
        const value = text(random, TEXT_PIECES, random.pick([0, 1, 3, 12]));
        const expected = literals.filter((literal) => standsIn(literal, value)).map(({ signal }) => signal);
        found += expected.length;
        expect({ seed, value, found: find(literals, table, folded, value) }).toEqual({ seed, value, found: expected });
      }
    }
    expect(found).toBeGreaterThan(5_000);
  });
  test.each([1, 16_383, 16_384, 16_385, 1_048_576])('finds what stands at the end of %i characters', (length) => {
    const literals: IndexedLiteral[] = ANCHORS.map((anchor, signal) => ({
      text: 'needle',
      anchor,
      windash: false,
      signal,
    }));
    const table = new LiteralTable(literals);
    const folded = new FoldedText();
    for (const filler of ['x', '\ud800', 'é']) {
      expect(find(literals, table, folded, `${filler.repeat(length)}NEEDLE`)).toEqual([0, 2]);
      expect(find(literals, table, folded, 'NEEDLE')).toEqual([0, 1, 2, 3]);
      expect(find(literals, table, folded, `${filler.repeat(length)}NEEDLx`)).toEqual([]);
    }
  });
  test('without literals finds nothing', () => {
    expect(find([], new LiteralTable([]), new FoldedText(), 'text')).toEqual([]);
  });
});
