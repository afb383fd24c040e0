import { CONTAINMENTS, SEVERITIES } from '@yagura/protocol';
import { expect, test } from 'vitest';
import { LANE_WORDS } from '../../../api/incidents.ts';
import { decideLane } from './decide-lane.ts';

test.each([
  ['critical', 'complete', 'severe'],
  ['critical', 'observed', 'severe'],
  ['high', 'observed', 'severe'],
  ['high', 'in-progress', 'severe'],
  ['high', 'partial', 'severe'],
  ['high', 'complete', 'attention'],
  ['medium', 'observed', 'attention'],
  ['medium', 'partial', 'severe'],
  ['medium', 'complete', 'information'],
  ['low', 'observed', 'information'],
  ['low', 'partial', 'attention'],
  ['low', 'complete', 'information'],
  ['informational', 'partial', 'information'],
] as const)('%s and %s is %s', (severity, containment, lane) => {
  expect(decideLane({ severity, containment, safeTest: false })).toBe(lane);
});

test('[ST4] the safe test is information, however severe', () => {
  for (const severity of SEVERITIES) {
    for (const containment of CONTAINMENTS) {
      expect(decideLane({ severity, containment, safeTest: true })).toBe('information');
    }
  }
});

test('what was stopped completely never weighs more than what was not', () => {
  const rank = (lane: (typeof LANE_WORDS)[number]) => -LANE_WORDS.indexOf(lane);
  for (const severity of SEVERITIES) {
    const complete = rank(decideLane({ severity, containment: 'complete', safeTest: false }));
    for (const containment of CONTAINMENTS) {
      expect(rank(decideLane({ severity, containment, safeTest: false }))).toBeGreaterThanOrEqual(complete);
    }
  }
});

test('a more severe story never weighs less', () => {
  const rank = (lane: (typeof LANE_WORDS)[number]) => -LANE_WORDS.indexOf(lane);
  for (const containment of CONTAINMENTS) {
    const ranks = SEVERITIES.map((severity) => rank(decideLane({ severity, containment, safeTest: false })));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
  }
});
