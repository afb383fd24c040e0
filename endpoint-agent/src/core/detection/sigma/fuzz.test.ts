import { expect, test } from 'vitest';
import { type Random, randomFields, randomRule, seededRandom } from '../../../../../test/fakes/sigma-generator.ts';
import { ruleText } from '../../../../../test/fakes/sigma-rule.ts';
import { createSigmaEvaluator } from './create-sigma-evaluator.ts';

/** Rounds of each test; more with YAGURA_FUZZ_ROUNDS. A failing seed stands in the message. */
const ROUNDS = Number(process.env['YAGURA_FUZZ_ROUNDS'] ?? 1_500);
const LONGEST = 2_000;

const SEEDS = [
  ruleText(
    "sel:\n    A|contains|all: ['x*', '?y']\n    B|re|i: '(a|b)+c{2,3}'\nkeys: [word, 5]\ncondition: 1 of sel* and not keys",
  ),
  ruleText('s:\n    - A: &a [1, 2]\n    - B: *a\n    - C|cidr: 10.0.0.0/8\ncondition:\n    - s\n    - not s'),
  'title: C\ncorrelation:\n    type: value_count\n    rules: [rule-under-test]\n    group-by: [A]\n    timespan: 5m\n    condition: { field: B, gte: 2 }',
  'title: F\nlogsource: { product: windows }\nfilter:\n    rules: any\n    s: { A: 1 }\n    condition: not s',
];
const INSERTED = [
  '|',
  ': ',
  '\n',
  '- ',
  '&a ',
  '*a',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '%',
  '!!binary ',
  '<<: ',
  '\t',
  '---\n',
  '\0',
  '(',
  '*',
  '\\',
  '🙂',
  ' of ',
  'null',
  '~',
  '1e999',
  '9'.repeat(40),
];

function mutate(text: string, random: Random): string {
  let mutated = text;
  for (let i = random.pick([1, 1, 1, 2, 4]); i > 0; i -= 1) {
    const at = random.below(mutated.length + 1);
    const length = random.chance(0.5) ? random.below(12) : 0;
    mutated = mutated.slice(0, at) + random.pick(INSERTED) + mutated.slice(at + length);
  }
  return mutated;
}

/** A value that no honest sensor sends. */
function hostileValue(random: Random): unknown {
  const make = random.pick<() => unknown>([
    () => undefined,
    () => null,
    () => Number.NaN,
    () => -Infinity,
    () => 10n ** 40n,
    () => Symbol('x'),
    () => ({ toString: () => 'x' }),
    () => [['x']],
    () => 'x'.repeat(random.below(200_000)),
    () => '\ud800'.repeat(random.below(50)),
    () => String.fromCharCode(...Array.from({ length: 50 }, () => random.below(65_536))),
  ]);
  return make();
}

test('a damaged rule file loads or is rejected, and what loads runs', () => {
  let loaded = 0;
  for (let seed = 1; seed <= ROUNDS; seed += 1) {
    const random = seededRandom(seed);
    const text = mutate(random.pick(SEEDS), random);
    const start = performance.now();
    try {
      const evaluator = createSigmaEvaluator([{ file: 'fuzz.yml', text }]);
      evaluator.evaluate({
        logsource: { product: 'windows', category: 'process_creation' },
        time: seed,
        fields: { A: 'xay', B: 'abcc', C: '10.0.0.1' },
      });
      loaded += evaluator.loaded;
      for (const { code, line } of evaluator.rejected) {
        if (!/^[a-z_]+$/.test(code) || line < 1) throw new Error(`rejected with ${code} at ${line}`);
      }
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(text)}`, { cause: error });
    }
    if (performance.now() - start > LONGEST) throw new Error(`seed ${seed} took too long: ${JSON.stringify(text)}`);
  }
  // Mutations that always break a file would prove little.
  expect(loaded).toBeGreaterThan(ROUNDS / 20);
  expect(loaded).toBeLessThan(ROUNDS);
});

test('a hostile event matches or does not, in bounded time', () => {
  const rules = seededRandom(99);
  const text = Array.from({ length: 60 }, (_, i) => JSON.stringify(randomRule(rules, `rule-${i}`))).join('\n---\n');
  const evaluator = createSigmaEvaluator([{ file: 'fuzz.yml', text }]);
  expect(evaluator.rejected).toEqual([]);
  for (let seed = 1; seed <= ROUNDS; seed += 1) {
    const random = seededRandom(seed);
    const fields: Record<string, unknown> = Object.fromEntries(Object.entries(randomFields(random)));
    for (let i = random.below(4); i > 0; i -= 1) {
      const name = random.pick(['Image', 'CommandLine', 'Port', 'Ip', 'UtcTime', 'constructor', 'x'.repeat(1_000)]);
      fields[name] = hostileValue(random);
    }
    const start = performance.now();
    try {
      for (const { matched } of evaluator.evaluate({
        logsource: { product: 'windows', category: 'process_creation' },
        fields,
      })) {
        if (matched.length > 32 || matched.some(({ field }) => field.length > 64)) throw new Error('beyond the bounds');
      }
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
    if (performance.now() - start > LONGEST) throw new Error(`seed ${seed} took too long`);
  }
});
