import { expect, test } from 'vitest';
import { ruleMatch } from '../../../test/fakes/detections.ts';
import { suspendedRules } from './suspended-rules.ts';

test('[HE6] rules that are left out now are named with their times on the wall, the most recent last', () => {
  const clock = { now: () => 1_000_000, monotonic: () => 700 };
  const suspension = (ruleId: string, since: number, until: number) => ({
    rule: ruleMatch(ruleId).rule,
    used: 400,
    times: 2,
    since,
    until,
  });
  const named = suspendedRules(
    [suspension('late', 650, 900), suspension('over', 0, 700), suspension('early', 600, 800)],
    clock,
  );
  expect(named).toEqual([
    { ruleId: 'early', title: expect.any(String), since: 999_900, until: 1_000_100, times: 2 },
    { ruleId: 'late', title: expect.any(String), since: 999_950, until: 1_000_200, times: 2 },
  ]);
});
