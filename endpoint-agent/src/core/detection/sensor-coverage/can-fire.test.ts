import { expect, test } from 'vitest';
import { ruleText } from '../../../../../test/fakes/sigma-rule.ts';
import { loadRules } from '../sigma/load-rules.ts';
import type { SigmaRule } from '../sigma/rule-ast.ts';
import { type Coverage, type DeclaredSource, decideCoverage } from './can-fire.ts';

const source = (...fields: readonly string[]): DeclaredSource => ({
  sensor: 'sensor',
  product: 'windows',
  category: 'process_creation',
  fields: new Set(fields),
});

function judge(detection: string, ...sources: readonly DeclaredSource[]): Coverage {
  const { rules, rejected } = loadRules([{ file: 'r.yml', text: ruleText(detection) }]);
  expect(rejected).toEqual([]);
  return decideCoverage(rules[0] as SigmaRule, sources);
}

test.each([
  // Every part of a map is needed, one part of a list.
  ['sel:\n    A: 1\n    B: 2\ncondition: sel', ['A'], ['B']],
  ['sel:\n    - A: 1\n    - B: 2\ncondition: sel', ['A'], []],
  ['sel:\n    - A: 1\n      B: 1\n      C: 1\n    - D: 2\n      A: 1\ncondition: sel', ['A'], ['D']],
  // A field that is never filled never excludes anything, and the rule still fires.
  ['sel:\n    A: 1\nfilter:\n    B: 2\ncondition: sel and not filter', ['A'], []],
  ['sel:\n    A: 1\nother:\n    B|neq: 2\ncondition: sel and other', ['A'], []],
  // Absence holds of what is never filled; its opposite never does.
  ['sel:\n    A: 1\n    B: null\ncondition: sel', ['A'], []],
  ['sel:\n    A: 1\n    B|exists: false\ncondition: sel', ['A'], []],
  ['sel:\n    A: 1\nnone:\n    B: null\ncondition: sel and not none', ['A'], ['B']],
  ['sel:\n    A|fieldref: B\ncondition: sel', ['A'], ['B']],
  ["keys:\n    - 'word'\ncondition: keys", [], []],
])('%j with fields %j lacks %j', (detection, fields, missing) => {
  const coverage = judge(detection, source(...fields));
  expect(coverage.canFire ? [] : coverage.fields).toEqual(missing);
  expect(coverage.canFire).toBe(missing.length === 0);
});

test('without a sensor for the log source a collector is missing', () => {
  const expected = { canFire: false, blocker: 'collector', fields: [] };
  expect(judge('sel:\n    A: 1\ncondition: sel')).toEqual(expected);
  expect(judge('sel:\n    A: 1\ncondition: sel', { ...source('A'), category: 'file_event' })).toEqual(expected);
});

test('of several sources the best counts, and fields that should narrow the rule are named', () => {
  const detection = 'sel:\n    A: 1\nfilter:\n    B: 2\n    C: 3\ncondition: sel and not filter';
  const coverage = judge(detection, source('X'), source('A'), { ...source('A', 'B'), sensor: 'better' });
  expect(coverage).toEqual({ canFire: true, sensors: ['sensor', 'better'], blunt: ['C'] });
  expect(judge(detection, { ...source(), fields: 'any' })).toEqual({ canFire: true, sensors: ['sensor'], blunt: [] });
});

test.each([
  ['sel:\n    type: tty\ncondition: sel', ['type: tty']],
  ['sel:\n    type: [tty, execve]\ncondition: sel', []],
  ['sel:\n    key: mine\ncondition: sel', ['key: mine']],
  ['sel:\n    key|startswith: ours\ncondition: sel', []],
  ["sel:\n    type|re: '^T'\ncondition: sel", ['type: /^T/']],
  // Every event of the source has one of these types: none is without.
  ['sel:\n    type|contains: e\ncondition: not sel', ['type: *e*']],
  ['sel:\n    key: ours-1\ncondition: not sel', []],
] as const)('%j, with values that are known, lacks %j', (detection, missing) => {
  const known = { type: ['EXECVE'], key: ['', 'ours-1', 'ours-2'] };
  const coverage = judge(detection, { ...source('type', 'key'), values: known });
  expect(coverage.canFire ? [] : coverage.fields).toEqual(missing);
});
