import type { SuspendedRule } from '@yagura/protocol';
import type { Suspension } from '../core/index.ts';
import type { Clock } from '../platform/clock.ts';

/** The suspensions that still hold, by the wall clock that people read, the most recent last. */
export function suspendedRules(
  suspensions: readonly Suspension[],
  clock: Pick<Clock, 'now' | 'monotonic'>,
): SuspendedRule[] {
  const monotonic = clock.monotonic();
  const toWall = (time: number): number => Math.round(clock.now() + time - monotonic);
  return suspensions
    .filter(({ until }) => until > monotonic)
    .toSorted((a, b) => a.since - b.since)
    .map(({ rule, since, until, times }) => ({
      ruleId: rule.ruleId,
      title: rule.title,
      since: toWall(since),
      until: toWall(until),
      times,
    }));
}
