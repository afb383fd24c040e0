import { describe, expect, test } from 'vitest';
import { detects, rejectionOf, ruleText } from '../../../../../test/fakes/sigma-rule.ts';

/** Identifiers a, b, c, sel_1, sel_2 and _hid, each true when the event has the field of that name. */
const IDENTIFIERS = ['a', 'b', 'c', 'sel_1', 'sel_2', '_hid'];
function holds(condition: string, ...present: readonly string[]): boolean {
  const identifiers = IDENTIFIERS.map((name) => `${name}:\n    ${name}|exists: true`).join('\n');
  return detects(`${identifiers}\ncondition: ${condition}`, Object.fromEntries(present.map((name) => [name, 1])));
}
function rejects(condition: string): string | undefined {
  return rejectionOf(ruleText(`a:\n    F: 1\n_b:\n    F: 2\ncondition: ${condition}`))?.code;
}

describe('conditions', () => {
  test('`or` binds less than `and`, `and` less than `not`, `not` less than `x of`', () => {
    expect(holds('a or b and c', 'a')).toBe(true);
    expect(holds('(a or b) and c', 'a')).toBe(false);
    expect(holds('not a and b', 'b')).toBe(true);
    expect(holds('not a or b', 'a', 'b')).toBe(true);
    expect(holds('not (a or b)', 'b')).toBe(false);
    expect(holds('not 1 of sel_* and a', 'a')).toBe(true);
    expect(holds('not not a', 'a')).toBe(true);
  });
  test('`1 of` and `all of` with patterns', () => {
    expect(holds('1 of sel_*', 'sel_2')).toBe(true);
    expect(holds('all of sel_*', 'sel_2')).toBe(false);
    expect(holds('all of sel_*', 'sel_1', 'sel_2')).toBe(true);
    expect(holds('1 of *_1', 'sel_1')).toBe(true);
    expect(holds('1 of *_1', 'sel_2')).toBe(false);
    expect(holds('1 of s*l*2', 'sel_2')).toBe(true);
    expect(holds('any of sel_*', 'sel_2')).toBe(true);
  });
  test('`them` and patterns skip names that begin with an underscore', () => {
    expect(holds('1 of them', '_hid')).toBe(false);
    expect(holds('all of them', 'a', 'b', 'c', 'sel_1', 'sel_2')).toBe(true);
    expect(() => holds('1 of *hid', '_hid')).toThrow('condition_unknown_selection');
    expect(holds('1 of _h*', '_hid')).toBe(true);
    expect(holds('_hid', '_hid')).toBe(true);
  });
  test('a list of conditions is an OR', () => {
    expect(holds('\n    - a and b\n    - c', 'c')).toBe(true);
    expect(holds('\n    - a and b\n    - c', 'a')).toBe(false);
  });
  test.each([
    ['a and', 'condition_invalid'],
    ['and a', 'condition_invalid'],
    ['a b', 'condition_invalid'],
    ['(a', 'condition_invalid'],
    ['a)', 'condition_invalid'],
    ['()', 'condition_invalid'],
    ['not', 'condition_invalid'],
    ['1 of', 'condition_invalid'],
    ['2 of a*', 'condition_invalid'],
    ['of a*', 'condition_invalid'],
    ["''", 'condition_invalid'],
    ['missing', 'condition_unknown_selection'],
    ['1 of missing*', 'condition_unknown_selection'],
    ['constructor', 'condition_unknown_selection'],
    ['a | count() > 5', 'condition_aggregation'],
    ['5', 'wrong_type'],
    ['[]', 'empty_value'],
    ['[a, [a]]', 'wrong_type'],
    [`${'('.repeat(80)}a${')'.repeat(80)}`, 'condition_invalid'],
    [`${'not '.repeat(5_000)}a`, 'condition_invalid'],
  ])('%.40s is rejected', (condition, code) => {
    expect(rejects(condition)).toBe(code);
  });
});

describe('search identifiers', () => {
  test('a map is an AND, a list of maps an OR', () => {
    const detection = 'sel:\n    - A: 1\n      B: 2\n    - C: 3\ncondition: sel';
    expect(detects(detection, { A: 1 })).toBe(false);
    expect(detects(detection, { A: 1, B: 2 })).toBe(true);
    expect(detects(detection, { C: 3 })).toBe(true);
  });
  test('keywords are sought in every value; a list is an OR, `|all` an AND', () => {
    const any = "keys:\n    - 'EVIL'\n    - 'a*z'\ncondition: keys";
    expect(detects(any, { X: 'some evil thing' })).toBe(true);
    expect(detects(any, { X: '-a-z-' })).toBe(true);
    expect(detects(any, { X: 'good' })).toBe(false);
    const all = "keys:\n    '|all':\n        - one\n        - two\ncondition: keys";
    expect(detects(all, { X: 'one', Y: 'two' })).toBe(true);
    expect(detects(all, { X: 'one' })).toBe(false);
    expect(detects("keys:\n    '|re': 'o.e'\ncondition: keys", { X: 'one' })).toBe(true);
    expect(detects('keys: 4625\ncondition: keys', { EventID: 4625 })).toBe(true);
    expect(rejectionOf(ruleText("keys:\n    '|cidr': '10.0.0.0/8'\ncondition: keys"))?.code).toBe(
      'modifier_needs_field',
    );
  });
  test('a list may mix maps and keywords', () => {
    const detection = 'sel:\n    - A: 1\n    - word\ncondition: sel';
    expect(detects(detection, { A: 1 })).toBe(true);
    expect(detects(detection, { B: 'a word' })).toBe(true);
    expect(detects(detection, { B: 'none' })).toBe(false);
  });
});
