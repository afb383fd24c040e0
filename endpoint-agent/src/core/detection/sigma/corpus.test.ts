import { describe, expect, test } from 'vitest';
import { absent, corpusSources, regressionCases } from '../../../../../test/fakes/public-test-data.ts';
import { createSigmaEvaluator, type SigmaEvaluator } from './create-sigma-evaluator.ts';

/**
 * What the corpus may be rejected for. The specification says that a tool which cannot resolve a placeholder
 * must reject the rule.
 */
const SUPPORTED_REASONS: ReadonlySet<string> = new Set(['placeholder_unresolved']);

const missingRules = absent('sigma-rules');
const missingCases = absent('sigma-regression');
let loaded: SigmaEvaluator | undefined;
const corpus = (): SigmaEvaluator => (loaded ??= createSigmaEvaluator(corpusSources()));

describe.skipIf(missingRules !== '')(`the public corpus${missingRules}`, () => {
  test('loads, or is rejected for a reason that the specification supports', () => {
    const { loaded: count, rejected } = corpus();
    expect(count + rejected.length).toBe(corpusSources().length);
    expect(rejected.filter(({ code }) => !SUPPORTED_REASONS.has(code))).toEqual([]);
    expect(rejected.length).toBeLessThanOrEqual(2);
  });
  test('every rule names its author, a link and the licence, as the Detection Rule License asks', () => {
    for (const { facts } of corpus().rules) {
      expect(facts.author).toBeTruthy();
      expect(facts.reference).toMatch(/^https:\/\/github\.com\/SigmaHQ\/sigma\/blob\/master\/rules.*\.yml$/);
      expect(facts.licence).toBe('DRL-1.1');
    }
  });
  test('with its placeholders every rule loads', () => {
    const placeholders = new Map([['known_cdcs', ['DC1*']]]);
    expect(createSigmaEvaluator(corpusSources(), { placeholders }).rejected).toEqual([]);
  });
});

describe.skipIf(missingRules !== '' || missingCases !== '')(`the public regression cases${missingCases}`, () => {
  test('there are more than a hundred', () => expect(regressionCases().length).toBeGreaterThan(100));
  test.each(missingCases === '' ? regressionCases().map((each) => [each.name, each] as const) : [])(
    '%s',
    (_name, { ruleIds, events }) => {
      const found = new Set(events.flatMap((event) => corpus().evaluate(event)).map(({ rule }) => rule.ruleId));
      expect(ruleIds.length).toBeGreaterThan(0);
      expect([...found]).toEqual(expect.arrayContaining([...ruleIds]));
    },
  );
});
