import { describe, expect, test } from 'vitest';
import { absent, corpusSources, regressionCases } from '../../../../../test/fakes/public-test-data.ts';
import { randomFields, randomRule, seededRandom } from '../../../../../test/fakes/sigma-generator.ts';
import { ruleText } from '../../../../../test/fakes/sigma-rule.ts';
import { createEvaluatorOf, createSigmaEvaluator } from '../sigma/create-sigma-evaluator.ts';
import type { LoadedRules } from '../sigma/load-rules.ts';
import { compilePack, readPack } from './rule-pack.ts';

function read(text: string): LoadedRules {
  const result = readPack(text);
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result.rules;
}

const RULE = ruleText('sel:\n    Image|re: x\ncondition: sel');
const FILTER = 'title: F\nlogsource: { product: windows }\nfilter: { rules: any, s: { User: eve }, condition: s }';
const CORRELATION = `title: C
id: corr
correlation: { type: event_count, rules: [rule-under-test], group-by: [Host], timespan: 1m, condition: { gte: 2 }, aliases: { Host: { rule-under-test: Computer } } }`;

describe('a compiled pack', () => {
  test('says the same as its sources, for generated rules', () => {
    const random = seededRandom(11);
    const rules = Array.from({ length: 300 }, (_, i) => randomRule(random, `rule-${i}`));
    const sources = [{ file: 'generated.yml', text: rules.map((rule) => JSON.stringify(rule)).join('\n---\n') }];
    const fromSources = createSigmaEvaluator(sources);
    const fromPack = createEvaluatorOf(read(compilePack(sources).text));
    expect(fromPack.loaded).toBe(fromSources.loaded);
    for (let i = 0; i < 200; i += 1) {
      const event = { logsource: { product: 'windows', category: 'process_creation' }, fields: randomFields(random) };
      expect(fromPack.evaluate(event)).toEqual(fromSources.evaluate(event));
    }
  });
  test('keeps filters and correlations', () => {
    const { text, rejected } = compilePack([{ file: 'a.yml', text: [RULE, FILTER, CORRELATION].join('\n---\n') }]);
    expect(rejected).toEqual([]);
    const evaluator = createEvaluatorOf(read(text));
    const send = (User: string): number =>
      evaluator.evaluate({
        logsource: { product: 'windows', category: 'process_creation' },
        fields: { Image: 'x', User, Computer: 'pc' },
      }).length;
    expect([send('eve'), send('bob'), send('eve'), send('bob')]).toEqual([0, 0, 0, 1]);
  });
  test('leaves out what cannot be loaded or linked, and names it', () => {
    const broken = CORRELATION.replace('[rule-under-test]', '[nowhere]');
    const pack = compilePack([
      { file: 'a.yml', text: `${RULE}\n---\n${broken}` },
      { file: 'b.yml', text: 'title: x' },
    ]);
    expect(pack.documents).toBe(1);
    expect(pack.rejected.map(({ file, code }) => [file, code])).toEqual([
      ['b.yml', 'missing_attribute'],
      ['a.yml', 'reference_unresolved'],
    ]);
    expect(read(pack.text).rejected).toEqual([]);
  });
});

describe('what is no pack is refused', () => {
  const good = JSON.parse(compilePack([{ file: 'a.yml', text: `${RULE}\n---\n${CORRELATION}` }]).text) as {
    tests: Record<string, unknown>[];
    documents: Record<string, unknown>[];
  };
  test.each([
    ['', 'pack_invalid'],
    ['{', 'pack_invalid'],
    ['[]', 'pack_invalid'],
    ['{"format":"yagura-rules","version":3,"tests":[],"documents":[]}', 'pack_version_unknown'],
    ['{"format":"yagura-rules","version":1,"documents":[]}', 'pack_version_unknown'],
    ['{"format":"other","version":2,"tests":[],"documents":[]}', 'pack_invalid'],
    ['{"format":"yagura-rules","version":2,"documents":[]}', 'pack_invalid'],
    ['{"format":"yagura-rules","version":2,"tests":{},"documents":[]}', 'pack_invalid'],
    ['{"format":"yagura-rules","version":2,"tests":[{}],"documents":[]}', 'pack_invalid'],
    ['{"format":"yagura-rules","version":2,"tests":[],"documents":[{}]}', 'pack_invalid'],
    ['{"format":"yagura-rules","version":2,"tests":[],"documents":[],"more":1}', 'pack_invalid'],
  ])('%s', (text, code) => {
    expect(readPack(text)).toMatchObject({ ok: false, code });
  });
  test.each([
    ['a test that there is not', 7],
    ['a negative number', -1],
    ['half a number', 0.5],
    ['no list', { kind: 'test' }],
    ['an unknown kind', ['xor', 0, 0]],
    ['two operands of one', ['not', 0, 0]],
    ['nothing to negate', ['not']],
    ['endless nesting', JSON.parse(`${'["not",'.repeat(300)}0${']'.repeat(300)}`)],
    ['too many operands', ['or', ...Array.from({ length: 200_001 }, () => 0)]],
  ])('an expression with %s', (_name, expression) => {
    const [rule] = good.documents;
    expect(readPack(JSON.stringify({ ...good, documents: [{ ...rule, expression }] }))).toMatchObject({
      ok: false,
      code: 'pack_invalid',
    });
  });
  test('with any part of a rule changed to something else, it is refused or means something', () => {
    const random = seededRandom(3);
    const odd = [null, 0, -1, '', 'x', [], {}, true, '\ud800', '(', { kind: 'test' }];
    let refused = 0;
    for (let i = 0; i < 2_000; i += 1) {
      const pack = structuredClone(good);
      const parts = [...pack.documents, ...pack.tests, pack.documents[0], pack];
      let parent: Record<string, unknown> = random.pick(parts) as Record<string, unknown>;
      for (;;) {
        const key = random.pick(Object.keys(parent));
        const child = parent[key];
        if (typeof child === 'object' && child !== null && Object.keys(child).length > 0 && random.chance(0.8)) {
          parent = child as Record<string, unknown>;
          continue;
        }
        parent[key] = random.pick(odd);
        break;
      }
      const result = readPack(JSON.stringify(pack));
      if (!result.ok) refused += 1;
      else {
        const logsource = { product: 'windows', category: 'process_creation' };
        createEvaluatorOf(result.rules).evaluate({ logsource, fields: { Image: 'x', Computer: 1 } });
      }
    }
    expect(refused).toBeGreaterThan(1_000);
  });
});

const missing = absent('sigma-rules') || absent('sigma-regression');
test.skipIf(missing !== '')(`the public corpus compiles and detects its regression cases${missing}`, () => {
  const evaluator = createEvaluatorOf(read(compilePack(corpusSources()).text));
  expect(evaluator.loaded).toBeGreaterThan(3_700);
  for (const { ruleIds, events } of regressionCases()) {
    const found = new Set(events.flatMap((event) => evaluator.evaluate(event)).map(({ rule }) => rule.ruleId));
    for (const id of ruleIds) expect(found).toContain(id);
  }
});
