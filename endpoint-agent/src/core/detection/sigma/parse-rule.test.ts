import { describe, expect, test } from 'vitest';
import { rejectionOf, ruleText } from '../../../../../test/fakes/sigma-rule.ts';
import { createSigmaEvaluator } from './create-sigma-evaluator.ts';

const DETECTION = 'sel:\n    F: 1\ncondition: sel';
const EVENT = { logsource: { product: 'windows', category: 'process_creation' }, fields: { F: 1 } };

function factsOf(file: string, text: string) {
  const evaluator = createSigmaEvaluator([{ file, text }]);
  expect(evaluator.rejected).toEqual([]);
  return evaluator.rules[0]?.facts;
}

describe('what a rule says about itself', () => {
  test('level, status, tags, author and first reference', () => {
    const head = `status: stable
level: high
author: Jane Doe
license: MIT
references:
    - https://example.com/a
tags:
    - attack.defense_evasion
    - attack.t1059.004
    - attack.T1027
    - attack.g0016
    - cve.2024-1`;
    expect(factsOf('my/rule.yml', ruleText(DETECTION, head))).toEqual({
      ruleId: 'rule-under-test',
      title: 'Rule under test',
      source: 'sigma',
      severity: 'high',
      confidence: 'high',
      techniques: ['T1059.004', 'T1027'],
      tactics: ['defense-evasion'],
      author: 'Jane Doe',
      licence: 'MIT',
      reference: 'https://example.com/a',
    });
  });
  test("SigmaHQ's rules link their source and name their licence", () => {
    const file = '/packs/sigma/rules-emerging-threats/2024/TA/a b/proc_creation.yml';
    expect(factsOf(file, ruleText(DETECTION, 'references:\n    - https://example.com'))).toMatchObject({
      reference: 'https://github.com/SigmaHQ/sigma/blob/master/rules-emerging-threats/2024/TA/a%20b/proc_creation.yml',
      licence: 'DRL-1.1',
    });
    expect(factsOf('x/rules/windows/y.yml', ruleText(DETECTION))?.licence).toBe('DRL-1.1');
    expect(factsOf('endpoint-agent/rules/y.yml', ruleText(DETECTION))?.licence).toBeUndefined();
  });
  test('our extension gives confidence, titles, explanation and advice', () => {
    const head = `yagura:
    confidence: high
    title: { ja: 検知 }
    explanation: { ja: 説明, en: What }
    advice: { ja: 助言, en: Do }`;
    expect(factsOf('rules/linux/y.yml', ruleText(DETECTION, head))).toMatchObject({
      confidence: 'high',
      localTitle: { ja: '検知', en: 'Rule under test' },
      explanation: { ja: '説明', en: 'What' },
      advice: { ja: '助言', en: 'Do' },
    });
    expect(rejectionOf(ruleText(DETECTION, 'yagura: { advise: x }'))?.code).toBe('invalid_attribute');
    expect(rejectionOf(ruleText(DETECTION, 'yagura: { advice: { ja: 助言 } }'))?.code).toBe('invalid_attribute');
    expect(rejectionOf(ruleText(DETECTION, 'yagura: { confidence: certain }'))?.code).toBe('invalid_attribute');
  });
  test('a rule without an id is known by its place and title', () => {
    const text = ruleText(DETECTION).replace(/id: .*\n/, '');
    expect(factsOf('a.yml', text)?.ruleId).toMatch(/^sigma-[0-9a-f]{16}$/);
    expect(factsOf('a.yml', text)?.ruleId).not.toBe(factsOf('b.yml', text)?.ruleId);
  });
});

describe('rejections name file, line and code; the rest loads', () => {
  test('among several documents', () => {
    const good = ruleText(DETECTION);
    const text = `${good}\n---\ntitle: Broken\nlogsource: { product: linux }\ndetection:\n    sel:\n        F|nope: 1\n    condition: sel\n---\n${good.replace('rule-under-test', 'second')}`;
    const evaluator = createSigmaEvaluator([{ file: 'pack.yml', text }]);
    expect(evaluator.loaded).toBe(2);
    expect(evaluator.rejected).toEqual([
      { file: 'pack.yml', line: 15, code: 'unknown_modifier', message: 'unknown modifier `nope`' },
    ]);
  });
  test('a second rule with the same id', () => {
    const evaluator = createSigmaEvaluator([
      { file: 'a.yml', text: ruleText(DETECTION) },
      { file: 'b.yml', text: ruleText(DETECTION) },
    ]);
    expect(evaluator.loaded).toBe(1);
    expect(evaluator.rejected).toMatchObject([{ file: 'b.yml', line: 1, code: 'duplicate_rule_id' }]);
  });
  test.each([
    ['', 'missing_attribute'],
    ['just text', 'wrong_type'],
    ['- a', 'wrong_type'],
    ['a: [', 'yaml_invalid'],
    ['a: 1\na: 2', 'yaml_invalid'],
    ['title: "\\ud800"', 'yaml_invalid'],
    [ruleText(DETECTION).replace(/title: .*\n/, ''), 'missing_attribute'],
    [ruleText(DETECTION).replace('title: Rule under test', 'title: [a]'), 'wrong_type'],
    [ruleText(DETECTION).replace('title: Rule under test', `title: ${'x'.repeat(257)}`), 'invalid_attribute'],
    [ruleText(DETECTION).replace('rule-under-test', 'a b/c'), 'invalid_attribute'],
    [ruleText(DETECTION, 'level: severe'), 'invalid_attribute'],
    [ruleText(DETECTION, 'status: unsupported'), 'rule_unsupported'],
    [ruleText(DETECTION, 'taxonomy: ecs'), 'rule_unsupported'],
    [ruleText(DETECTION, 'tags: attack.t1059'), 'wrong_type'],
    [ruleText(DETECTION, 'action: global'), 'unsupported_document'],
    [ruleText(DETECTION).replace(/logsource:\n.*\n.*\n/, ''), 'missing_attribute'],
    [ruleText(DETECTION).replace(/logsource:\n.*\n.*\n/, 'logsource: { definition: x }\n'), 'missing_attribute'],
    [ruleText('sel:\n    F: 1'), 'missing_attribute'],
    [ruleText('sel: {}\ncondition: sel'), 'empty_value'],
    [ruleText('sel: []\ncondition: sel'), 'empty_value'],
    [ruleText('sel: [[a]]\ncondition: sel'), 'wrong_type'],
  ])('%.30j', (text, code) => {
    expect(rejectionOf(text)?.code).toBe(code);
  });
});

describe('hostile files are rejected in bounded time', () => {
  const alias = (count: number): string =>
    Array.from({ length: count }, (_, i) =>
      i === 0 ? 'a0: &a0 [x, x, x, x, x, x, x, x]' : `a${i}: &a${i} [${`*a${i - 1}, `.repeat(8)}x]`,
    ).join('\n');
  test.each([
    ['aliases that double', `${alias(12)}\n${ruleText(DETECTION)}`, 'yaml_too_large'],
    ['an alias within itself', `a: &a\n    b: *a\n${ruleText(DETECTION)}`, 'yaml_alias_cycle'],
    ['an unknown alias', `a: *b\n${ruleText(DETECTION)}`, 'yaml_invalid'],
    ['brackets', `a: ${'['.repeat(500_000)}`, 'yaml_too_deep'],
    ['braces', `a: ${'{a: '.repeat(100_000)}`, 'yaml_too_deep'],
    ['dashes', `${'- '.repeat(300_000)}x`, 'yaml_too_deep'],
    ['indentation', Array.from({ length: 600 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), 'yaml_too_deep'],
    ['two megabytes', `a: ${'x'.repeat(2_000_000)}`, 'file_too_large'],
    ['many values', ruleText(`sel:\n    F: [${'a, '.repeat(19_000)}b]\ncondition: sel`), 'rule_too_large'],
    ['many documents', '---\na: 1\n'.repeat(5_000), 'missing_attribute'],
    [
      'placeholders beyond number',
      ruleText(`sel:\n    F|windash|base64: '${'-'.repeat(30)}'\ncondition: sel`),
      'rule_too_large',
    ],
    [
      'a large regular expression',
      ruleText("sel:\n    F|re: '(a{1,500}b){1,500}'\ncondition: sel"),
      'regex_unsupported',
    ],
  ])('%s', { timeout: 10_000 }, (_name, text, code) => {
    const start = performance.now();
    expect(rejectionOf(text)?.code).toBe(code);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
  test('a condition of thousands of alternatives loads or is rejected, and does not recurse', () => {
    const names = Array.from({ length: 2_000 }, (_, i) => `s${i}`);
    const identifiers = names.map((name, i) => `${name}:\n    F: ${i}`).join('\n');
    expect(rejectionOf(ruleText(`${identifiers}\ncondition: ${names.join(' or ')}`))?.code).toBe('condition_invalid');
    expect(rejectionOf(ruleText(`${identifiers}\ncondition: 1 of s*`))).toBeUndefined();
  });
});

describe('log sources', () => {
  const fires = (rule: string, event: object): boolean => {
    const text = ruleText(DETECTION).replace(/logsource:\n.*\n.*\n/, `logsource: ${rule}\n`);
    const logsource = { product: 'linux', ...event };
    return createSigmaEvaluator([{ file: 'r.yml', text }]).evaluate({ ...EVENT, logsource }).length > 0;
  };
  test.each([
    ['{ product: linux, category: process_creation }', { category: 'process_creation' }, true],
    ['{ product: linux, category: process_creation }', { category: 'file_event' }, false],
    ['{ product: windows, category: process_creation }', { category: 'process_creation' }, false],
    ['{ category: process_creation }', { category: 'process_creation' }, true],
    ['{ product: linux }', { category: 'file_event' }, true],
    ['{ product: linux, service: auditd }', { category: 'process_creation' }, false],
    ['{ product: linux, service: auditd }', { service: 'auditd' }, true],
    ['{ product: linux, category: process_creation }', { service: 'auditd' }, false],
    ['{ product: linux, service: auditd }', { category: 'process_creation', service: 'auditd' }, true],
    ['{ category: registry_event }', { category: 'registry_set' }, true],
    ['{ category: registry_set }', { category: 'registry_event' }, false],
    ['{ product: Linux }', {}, true],
  ])('rule %s, event %j: %s', (rule, event, expected) => {
    expect(fires(rule, event)).toBe(expected);
  });
});

describe('hostile events', () => {
  const text = ruleText(
    String.raw`sel:
    - A|re: '(x+x+)+y'
    - A|contains: 'needle'
    - A|contains|all: ['*a?b*', '*c?d*']
    - __proto__: 'own'
    - constructor|contains: 'a'
    - A|lt: 5
    - A|cidr: 10.0.0.0/8
    - A|hour: 5
    - A|windash|endswith: '-x'
    - 'keyword'
condition: sel`,
  );
  const evaluator = createSigmaEvaluator([{ file: 'r.yml', text }]);
  const evaluate = (fields: Record<string, unknown>): number => evaluator.evaluate({ ...EVENT, fields }).length;

  test('the names of Object.prototype are fields like any other, and only own ones', () => {
    expect(evaluate({})).toBe(0);
    expect(evaluate(JSON.parse('{"__proto__":"own"}') as Record<string, unknown>)).toBe(1);
    expect(evaluate(JSON.parse('{"constructor":"a"}') as Record<string, unknown>)).toBe(1);
    expect(evaluate(Object.create({ A: 'needle' }) as Record<string, unknown>)).toBe(0);
  });
  test('values of any type are no error', () => {
    for (const value of [undefined, null, {}, [], Symbol('x'), 10n, Number.NaN, Infinity, '\ud800', '', -0, () => 1]) {
      expect(evaluate({ A: value })).toBeLessThanOrEqual(1);
    }
  });
  test('megabytes take bounded time', () => {
    for (const unit of ['x', 'a', 'ab', '-', '\ud83d', 'İ', 'a1b ']) {
      const start = performance.now();
      evaluate({ A: unit.repeat(2_000_000 / unit.length) });
      expect(performance.now() - start).toBeLessThan(2_000);
    }
  });
  test('thousands of fields', () => {
    const fields = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`f${i}`, 'value']));
    expect(evaluate({ ...fields, last: 'a keyword' })).toBe(1);
  });
});

test('a match reports the fields that made it, and not those under a negation', () => {
  const text = ruleText(
    "sel:\n    A|contains: 'x'\n    B: [1, 2]\nfilter:\n    C: 3\nkeys: [word]\ncondition: sel and not filter and keys",
  );
  const [match] = createSigmaEvaluator([{ file: 'r.yml', text }]).evaluate({
    ...EVENT,
    fields: { A: 'axb', B: 2, C: 4, D: 'a word' },
  });
  expect(match?.matched).toEqual([
    { field: 'A', value: 'axb' },
    { field: 'B', value: 2 },
    { field: 'D', value: 'a word' },
  ]);
});
