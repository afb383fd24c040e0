import { describe, expect, test } from 'vitest';
import { ruleText } from '../../../../../test/fakes/sigma-rule.ts';
import { createSigmaEvaluator } from './create-sigma-evaluator.ts';

const RULE = ruleText('sel:\n    Image: x\ncondition: sel');
const filter = (rules: string, condition: string, logsource = '{ product: windows }'): string => `title: Administrators
logsource: ${logsource}
filter:
    rules: ${rules}
    selection:
        User|startswith: 'adm_'
    condition: ${condition}`;

function matches(document: string, user: string): boolean {
  const evaluator = createSigmaEvaluator([
    { file: 'filter.yml', text: document },
    { file: 'rule.yml', text: RULE },
  ]);
  expect(evaluator.rejected).toEqual([]);
  const logsource = { product: 'windows', category: 'process_creation' };
  return evaluator.evaluate({ logsource, fields: { Image: 'x', User: user } }).length > 0;
}

describe('filters', () => {
  test.each(['[rule-under-test]', 'rule-under-test', 'any'])('suppress what they select, for rules %s', (rules) => {
    for (const condition of ['selection', 'not selection', 'not 1 of sel*']) {
      expect(matches(filter(rules, condition), 'adm_eve')).toBe(false);
      expect(matches(filter(rules, condition), 'eve')).toBe(true);
    }
  });
  test('that fit no rule are rejected, by place', () => {
    const reject = (document: string): unknown =>
      createSigmaEvaluator([
        { file: 'rule.yml', text: RULE },
        { file: 'filter.yml', text: document },
      ]).rejected[0];
    const expected = { file: 'filter.yml', line: 1, code: 'reference_unresolved' };
    expect(reject(filter('[nowhere]', 'selection'))).toMatchObject(expected);
    expect(reject(filter('any', 'selection', '{ product: linux }'))).toMatchObject(expected);
    expect(reject(filter('any', 'selection', '{ service: sysmon }'))).toMatchObject(expected);
  });
  test.each([
    [filter('{}', 'selection'), 'wrong_type'],
    [filter('any', 'nowhere'), 'condition_unknown_selection'],
    [filter('any', 'selection').replace('User|startswith', 'User|nope'), 'unknown_modifier'],
    [filter('any', 'selection').replace(/ {4}rules.*\n/, ''), 'missing_attribute'],
    [filter('any', 'selection').replace(/logsource.*\n/, ''), 'missing_attribute'],
    ['title: F\nlogsource: { product: windows }\nfilter: []', 'wrong_type'],
  ])('%j is rejected', (document, code) => {
    expect(createSigmaEvaluator([{ file: 'f.yml', text: `${RULE}\n---\n${document}` }]).rejected).toMatchObject([
      { code },
    ]);
  });
});
