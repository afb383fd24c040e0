import { expect, test } from 'vitest';
import { decideReopening } from './decide-reopening.ts';

const closed = { severity: 'medium', containment: 'complete' } as const;

test.each([
  ['the same again', { severity: 'medium', containment: 'complete' }, false],
  ['more severe', { severity: 'high', containment: 'complete' }, true],
  ['less severe', { severity: 'low', containment: 'complete' }, false],
  ['something is left', { severity: 'medium', containment: 'partial' }, true],
  ['in progress again', { severity: 'medium', containment: 'in-progress' }, false],
] as const)('%s', (_name, revised, reopens) => {
  expect(decideReopening(closed, { ...revised, safeTest: false })).toBe(reopens);
});

test('what was closed while something was left stays closed', () => {
  const partial = { severity: 'high', containment: 'partial' } as const;
  expect(decideReopening(partial, { ...partial, safeTest: false })).toBe(false);
});

test('[ST4] a safe test never comes back', () => {
  expect(decideReopening(closed, { severity: 'critical', containment: 'partial', safeTest: true })).toBe(false);
});
