import { expect, test } from 'vitest';
import { ruleText } from '../../../../../test/fakes/sigma-rule.ts';
import { loadRules } from '../sigma/load-rules.ts';
import type { Expression, SigmaRule } from '../sigma/rule-ast.ts';
import type { DeclaredSource } from './can-fire.ts';
import { fieldsOf, narrowToSource, requiredTexts } from './narrow-rule.ts';

const SOURCE: DeclaredSource = {
  sensor: 's',
  product: 'linux',
  fields: new Set(['type', 'name', 'a0']),
  values: { type: ['PATH'] },
};

function expressionOf(detection: string): Expression {
  const { rules, rejected } = loadRules([{ file: 'r.yml', text: ruleText(detection) }]);
  expect(rejected).toEqual([]);
  return (rules[0] as SigmaRule).expression;
}
const narrowed = (detection: string) => narrowToSource(expressionOf(detection), SOURCE);

test.each([
  ['sel:\n    type: path\ncondition: sel', true],
  ['sel:\n    type: EXECVE\n    name: x\ncondition: sel', false],
  ['sel:\n    type: EXECVE\ncondition: not sel', true],
  // What no event of the source has holds only as absent.
  ['sel:\n    exe: /bin/x\ncondition: sel', false],
  ['sel:\n    exe: null\ncondition: sel', true],
  ['sel:\n    name: x\nfilter:\n    exe: /bin/x\ncondition: sel and not filter', 'test'],
  ['one:\n    type: EXECVE\ntwo:\n    type: PATH\ncondition: one or two', true],
  ['one:\n    type: PATH\n    a0: x\ntwo:\n    type: EXECVE\ncondition: 1 of *', 'test'],
  ['one:\n    a0: x\ntwo:\n    name: y\ncondition: all of *', 'and'],
] as const)('%j narrows to %j', (detection, expected) => {
  const left = narrowed(detection);
  expect(typeof left === 'boolean' ? left : left.kind).toBe(expected);
});

test('the fields that are left, or any where a keyword stands', () => {
  const left = narrowed('sel:\n    type: PATH\n    name: x\n    a0|fieldref: name\ncondition: sel');
  expect(fieldsOf(left)).toEqual(new Set(['name', 'a0']));
  expect(fieldsOf(narrowed("sel:\n    name: x\nkeys:\n    - 'word'\ncondition: sel and not keys"))).toBe('any');
  expect(fieldsOf(true)).toEqual(new Set());
});

test.each([
  ["sel:\n    name: ['/etc/issue', '/etc/*release']\ncondition: sel", ['/etc/issue', 'release']],
  // Every alternative must be held to a text, one part of a conjunction suffices; the shorter list is taken.
  ["one:\n    name: ['/etc/x', '/etc/y']\ntwo:\n    name|contains: '/e'\ncondition: one and two", ['/e']],
  ['one:\n    name: x\ntwo:\n    a0: y\ncondition: 1 of *', 'any'],
  ['one:\n    name: x\ncondition: not one', 'any'],
  ["one:\n    name|re: 'x+'\ncondition: one", 'any'],
  ["one:\n    name: '*'\ncondition: one", 'any'],
  ["one:\n    name: 'größe'\ncondition: one", ['gr']],
] as const)('%j needs one of %j in a name', (detection, expected) => {
  expect(requiredTexts(narrowed(detection), 'name', 'contain')).toEqual(expected);
});

test('whole texts only where they are whole', () => {
  expect(requiredTexts(narrowed('sel:\n    a0: [x, y]\ncondition: sel'), 'a0', 'equal')).toEqual(['x', 'y']);
  expect(requiredTexts(narrowed("sel:\n    a0: [x, 'y*']\ncondition: sel"), 'a0', 'equal')).toBe('any');
});
