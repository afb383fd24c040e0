import { describe, expect, test } from 'vitest';
import { type Random, seededRandom } from '../../../../../../test/fakes/sigma-generator.ts';
import { foldCase } from '../case-folding.ts';
import { compileRegex } from '../regex.ts';
import { requirementOfRegex } from './mandatory-literals.ts';

test.each([
  ['powershell.*-enc', ['powershell'], 14],
  ['(?i)POWERSHELL', ['powershell'], 10],
  ['abc?d', ['ab'], 3],
  ['abc+d', ['ab'], 4],
  ['(abc)+d', ['abc'], 4],
  ['(abc|wxyz)e', ['abc', 'wxyz'], 4],
  ['(abc|x*)ef', ['ef'], 2],
  ['(?:a(?:bcd)e)', ['abcde'], 5],
  [String.raw`C:\\Windows\\[a-z]+\.exe`, ['c:\\windows\\'], 16],
  [String.raw`\s-k\s\w{1,64}`, ['-k'], 5],
  ['a{3}bcd', ['bcd'], 6],
  ['x{0,5}yz', ['yz'], 2],
  ['.{1000,}', undefined, 1_000],
  ['[abc]', undefined, 1],
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
  expect(requirementOfRegex(source)).toEqual({ literals, length });
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
    return random.pick(['.', '[ab]', '[^a]', String.raw`\w`, String.raw`\d`, String.raw`\b`, '^', '$', '(?i)']);
  return random.pick(LETTERS).replaceAll('.', String.raw`\.`);
}

function randomQuantifier(random: Random): string {
  return random.chance(0.3) ? random.pick(['*', '+', '?', '{2}', '{0,2}', '{1,}', '*?', '+?']) : '';
}

describe('of generated expressions', () => {
  test('nothing matches that lacks what is required', () => {
    const random = seededRandom(2_026);
    let matches = 0;
    let informative = 0;
    for (let i = 0; i < 4_000; i += 1) {
      const source = randomRegex(random, 0);
      const compiled = compileRegex(source, { ignoreCase: random.chance(0.5), multiLine: false, dotAll: false });
      // `^*` and the like.
      if (!compiled.ok) continue;
      const { literals, length } = requirementOfRegex(source);
      for (let k = 0; k < 12; k += 1) {
        let text = '';
        for (let n = random.below(10); n > 0; n -= 1) text += random.pick([...LETTERS, 'ſ', '\u212a', 'A', ' ']);
        if (!compiled.test(text)) continue;
        matches += 1;
        if (literals !== undefined || length > 0) informative += 1;
        const folded = foldCase(text);
        const fits = (literals?.some((literal) => folded.includes(literal)) ?? true) && text.length >= length;
        if (!fits)
          throw new Error(
            `/${source}/ matches ${JSON.stringify(text)} without ${JSON.stringify({ literals, length })}`,
          );
      }
    }
    expect(matches).toBeGreaterThan(2_000);
    expect(informative).toBeGreaterThan(1_000);
  });
});
