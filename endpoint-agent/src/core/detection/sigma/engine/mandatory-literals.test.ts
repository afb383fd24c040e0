import { describe, expect, test } from 'vitest';
import { type Random, seededRandom } from '../../../../../../test/fakes/sigma-generator.ts';
import { foldCase } from '../case-folding.ts';
import { compileRegex, REGEX_INPUT_LENGTH } from '../regex.ts';
import { hasAsciiLine, hasRun } from './character-class.ts';
import { requirementOfRegex } from './mandatory-literals.ts';

test.each([
  ['powershell.*-enc', ['powershell'], 14],
  ['(?i)POWERSHELL', ['powershell'], 10],
  ['abc?d', ['abd', 'abcd'], 3],
  ['https?://0[0-9]{3,11}', ['http://0', 'https://0'], 11],
  ['[Rr][Uu][Nn][Dd]ll32(?:\\.[Ee][Xx][Ee])? ', ['rundll32 ', 'rundll32.exe '], 9],
  ['[a-z]{3}\\.[ "\']{1}x?', ['. ', '."', ".'"], 5],
  ['(a|b)(c|d)[ef]', ['ace', 'acf', 'ade', 'adf', 'bce', 'bcf', 'bde', 'bdf'], 3],
  ['[ab]{2}cde', ['cde'], 5],
  ['(?:ab)?(?:cd)?(?:ef)?(?:gh)?i', ['i'], 1],
  ['abc+d', ['ab'], 4],
  ['(abc)+d', ['abc'], 4],
  ['(abc|wxyz)e', ['abce', 'wxyze'], 4],
  ['(abc|x*)ef', ['ef'], 2],
  ['(?:a(?:bcd)e)', ['abcde'], 5],
  [String.raw`C:\\Windows\\[a-z]+\.exe`, ['c:\\windows\\'], 16],
  [String.raw`\s-k\s\w{1,64}`, ['-k'], 5],
  ['a{3}bcd', ['bcd'], 6],
  ['x{0,5}yz', ['yz'], 2],
  ['.{1000,}', undefined, 1_000],
  ['[abc]', ['a', 'b', 'c'], 1],
  ['[a-f]', undefined, 1],
  ['[^abc]', undefined, 1],
  ['[aé]', undefined, 1],
  ['é+', undefined, 1],
  ['^$', undefined, 0],
  // What is not understood says nothing.
  [String.raw`\x41bcdef`, undefined, 0],
  [String.raw`\Qabcdef\E`, undefined, 0],
  [String.raw`\pLabcdef`, undefined, 0],
  ['(?P<name>abcdef', undefined, 0],
  // A quantifier after flags belongs to what stands before them.
  ['abcd(?i)*', undefined, 0],
])('%s requires %j and %i characters', (source, literals, length) => {
  expect(requirementOfRegex(source)).toMatchObject({ literals, length });
});

test.each([
  [String.raw`\s[a-f0-9]{64}\s[a-f0-9]{16}`, 'AF09', 'g ', 64],
  [' [0-7]{7,13}', '07', '8 a', 7],
  [String.raw`(?:x\d{5}y)+`, '09', 'x', 5],
  ['[^a-y]{4}', 'zZA', 'ay', 4],
  ['[]a]{3}', ']aA', '[b', 3],
  [String.raw`[\w.-]{9}`, 'a_.-', '/ ', 9],
  ['.{1000,}', 'a\n', '', 1_000],
])('%s requires a run', (source, accepted, refused, length) => {
  const { run } = requirementOfRegex(source);
  expect(run?.length).toBe(length);
  for (const character of accepted) expect(run?.accepts[character.charCodeAt(0)]).toBe(1);
  for (const character of refused) expect(run?.accepts[character.charCodeAt(0)]).toBe(0);
});

test.each(['[a-f]+', 'a{5}', 'x|[a-f]{9}', '(?:[a-f]{9})?', '[[:alpha:]]{9}', String.raw`[\x41]{9}`, '[a-f]{0,9}'])(
  '%s requires no run that is known',
  (source) => expect(requirementOfRegex(source).run).toBeUndefined(),
);

describe('a run', () => {
  const run = { accepts: Uint8Array.from({ length: 128 }, (_, code) => (code === 97 ? 1 : 0)), length: 3 };
  test.each([
    ['aaa', true],
    ['xaaax', true],
    ['xxaaa', true],
    ['aaxaaxaa', false],
    ['aaxaaaxaa', true],
    ['aéa', true],
    ['aa', false],
    ['', false],
  ])('of three is in %j: %s', (text, expected) => expect(hasRun(text, run)).toBe(expected));
  test('is found wherever it stands', () => {
    const random = seededRandom(7);
    for (let i = 0; i < 5_000; i += 1) {
      const text = Array.from({ length: random.below(30) }, () => random.pick(['a', 'a', 'a', 'b'])).join('');
      const length = 1 + random.below(9);
      expect(hasRun(text, { ...run, length })).toBe(text.includes('a'.repeat(length)));
    }
  });
  test('of one line has no line feed and nothing beyond ASCII', () => {
    expect(hasAsciiLine(`x\n${'y'.repeat(5)}`, 5)).toBe(true);
    expect(hasAsciiLine('yyyy\nyyyy', 5)).toBe(false);
    expect(hasAsciiLine('yyéyyy', 4)).toBe(false);
    expect(hasAsciiLine(`${'\n'.repeat(REGEX_INPUT_LENGTH - 1)}yy`, 2)).toBe(false);
  });
});

const LETTERS = ['a', 'b', 'B', 's', 'S', 'k', '.exe', '-', '1'];

function randomRegex(random: Random, depth: number): string {
  let source = '';
  for (let i = random.below(4) + 1; i > 0; i -= 1) source += randomAtom(random, depth) + randomQuantifier(random);
  return depth < 3 && random.chance(0.2) ? `${source}|${randomRegex(random, depth + 1)}` : source;
}

function randomAtom(random: Random, depth: number): string {
  if (depth < 3 && random.chance(0.25)) {
    const head = random.pick(['', '', '?:', '?i:', '?P<g>']).replace('<g>', `<g${random.below(1e6)}>`);
    return `(${head}${randomRegex(random, depth + 1)})`;
  }
  if (random.chance(0.25))
    return random.pick([
      '.',
      '[ab]',
      '[^a]',
      String.raw`\w`,
      String.raw`\d`,
      '[a-k]',
      '[^-.]',
      '[sk]',
      '[b-]',
      '[Bk1]',
      String.raw`\b`,
      '^',
      '$',
      '(?i)',
    ]);
  return random.pick(LETTERS).replaceAll('.', String.raw`\.`);
}

function randomQuantifier(random: Random): string {
  return random.chance(0.3) ? random.pick(['*', '+', '?', '{2}', '{0,2}', '{1,}', '{3}', '{1}', '*?', '+?']) : '';
}

describe('of generated expressions', () => {
  test('nothing matches that lacks what is required', () => {
    const random = seededRandom(2_026);
    let matches = 0;
    let informative = 0;
    let runs = 0;
    for (let i = 0; i < 4_000; i += 1) {
      const source = randomRegex(random, 0);
      const compiled = compileRegex(source, { ignoreCase: random.chance(0.5), multiLine: false, dotAll: false });
      // `^*` and the like.
      if (!compiled.ok) continue;
      const { literals, length, run } = requirementOfRegex(source);
      for (let k = 0; k < 12; k += 1) {
        let text = '';
        for (let n = random.below(10); n > 0; n -= 1) text += random.pick([...LETTERS, 'ſ', '\u212a', 'A', ' ']);
        if (!compiled.test(text)) continue;
        matches += 1;
        if (literals !== undefined || length > 0) informative += 1;
        if (run !== undefined) runs += 1;
        const folded = foldCase(text);
        const fits =
          (literals?.some((literal) => folded.includes(literal)) ?? true) &&
          text.length >= length &&
          (run === undefined || hasRun(text, run));
        if (!fits)
          throw new Error(
            `/${source}/ matches ${JSON.stringify(text)} without ${JSON.stringify({ literals, length })}`,
          );
      }
    }
    expect(matches).toBeGreaterThan(2_000);
    expect(informative).toBeGreaterThan(1_000);
    expect(runs).toBeGreaterThan(50);
  });
});
