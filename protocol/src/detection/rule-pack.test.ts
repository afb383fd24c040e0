import { describe, expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import { parseRulePackHeader, type RulePackHeader, RulePackReference } from './rule-pack.ts';

const header: RulePackHeader = {
  format: 'yagura-rule-pack',
  layout: 2,
  name: 'SigmaHQ',
  version: '2026-11-24',
  documents: 3,
  systems: [{ system: 'linux', rules: 3, canFire: 2 }],
  levels: { informational: 0, low: 1, medium: 1, high: 1, critical: 0 },
  withAuthor: 3,
  withLicence: 3,
  licences: ['DRL 1.1'],
  rejected: 0,
};

describe('[RP1] the header of a pack', () => {
  test('is read as it was written', () => {
    expect(parseRulePackHeader(JSON.stringify(header))).toEqual({ ok: true, header });
  });
  test.each([
    ['nothing', '', 'pack_invalid'],
    ['no JSON', '{', 'pack_invalid'],
    ['another format', JSON.stringify({ ...header, format: 'other', layout: 3 }), 'pack_invalid'],
    [
      'a newer layout, whatever else it has',
      JSON.stringify({ format: header.format, layout: 3, x: 1 }),
      'pack_version_unknown',
    ],
    ['an unknown key', JSON.stringify({ ...header, x: 1 }), 'pack_invalid'],
    ['a missing level', JSON.stringify({ ...header, levels: { high: 1 } }), 'pack_invalid'],
    ['a name that turns the line around', JSON.stringify({ ...header, name: 'a\u202eb' }), 'pack_invalid'],
    ['a longer line', JSON.stringify(header) + ' '.repeat(LIMITS.rulePackHeaderBytes), 'pack_invalid'],
  ])('%s is refused', (_name, line, code) => {
    expect(parseRulePackHeader(line)).toEqual({ ok: false, code });
  });
});

test('[LI1] a reference is no larger than a pack may be', () => {
  const reference = { sha256: 'a'.repeat(64), size: LIMITS.rulePackBytes, name: 'n', version: '1' };
  expect(RulePackReference.safeParse(reference).success).toBe(true);
  for (const wrong of [{ size: LIMITS.rulePackBytes + 1 }, { size: 0 }, { sha256: '../x' }, { name: '' }]) {
    expect(RulePackReference.safeParse({ ...reference, ...wrong }).success).toBe(false);
  }
});
