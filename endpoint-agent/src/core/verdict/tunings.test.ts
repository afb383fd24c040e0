import type { RuleTuning } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { ruleMatch } from '../../../../test/fakes/detections.ts';
import { aTuning } from '../../../../test/fakes/rule-tunings.ts';
import { applyTunings, createRuleTuner, NO_TUNINGS, tuneRule } from './tunings.ts';

const NOW = 1_000;
const tuner = (endpoint: readonly RuleTuning[], tenant: readonly RuleTuning[] = []) =>
  createRuleTuner({ endpoint, tenant });
const until = (expiresAt: number) => ({ createdAt: 0, expiresAt });
const level = (to: 'informational' | 'critical' | 'high') => ({ change: { kind: 'level', level: to } as const });

describe('[CM13] a tuning', () => {
  test('takes the matches of a disabled rule out and names what did it', () => {
    const disabled = aTuning('a', until(NOW + 1));
    const { kept, applied } = applyTunings([ruleMatch('a'), ruleMatch('b')], tuner([disabled]), NOW);
    expect([kept.map(({ rule }) => rule.ruleId), applied]).toEqual([['b'], [disabled]]);
  });

  test.each(['informational', 'critical'] as const)('gives a rule the level %s and says which it had', (to) => {
    const match = ruleMatch('a', { severity: 'high' });
    const { kept, applied } = applyTunings([match], tuner([aTuning('a', { ...until(NOW + 1), ...level(to) })]), NOW);
    expect(kept).toEqual([{ ...match, rule: { ...match.rule, severity: to, tunedFrom: 'high' } }]);
    expect(applied).toHaveLength(1);
  });

  test('of the level that the rule has by itself leaves no trace on it, applied once or twice', () => {
    const { rule } = ruleMatch('a', { severity: 'high' });
    expect(tuneRule(rule, aTuning('a', level('high')))).toEqual(rule);
    const lowered = tuneRule(rule, aTuning('a', level('informational')));
    expect(lowered).toMatchObject({ severity: 'informational', tunedFrom: 'high' });
    expect(lowered && tuneRule(lowered, aTuning('a', level('informational')))).toEqual(lowered);
    expect(lowered && tuneRule(lowered, aTuning('a', level('high')))).toEqual(rule);
  });

  test('has no effect from its end on, and none on other rules', () => {
    const matches = [ruleMatch('a')];
    for (const [tunings, now] of [
      [tuner([aTuning('a', until(NOW))]), NOW],
      [tuner([aTuning('A', until(NOW + 1))]), NOW],
      [NO_TUNINGS, NOW],
    ] as const) {
      expect(applyTunings(matches, tunings, now)).toEqual({ kept: matches, applied: [] });
    }
  });

  test('of the endpoint counts before the tenant’s, which counts again when the other has ended', () => {
    const own = aTuning('a', { ...until(NOW), ...level('critical'), tuningId: 'own' });
    const everywhere = aTuning('a', { ...until(NOW + 10), tuningId: 'everywhere' });
    const both = tuner([own], [everywhere]);
    expect(both.find('a', NOW - 1)?.tuningId).toBe('own');
    expect(both.find('a', NOW)?.tuningId).toBe('everywhere');
    expect([both.inForce(NOW - 1), both.inForce(NOW), both.inForce(NOW + 10)]).toEqual([2, 1, 0]);
  });
});
