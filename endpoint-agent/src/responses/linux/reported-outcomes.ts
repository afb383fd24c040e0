import type { ActionOutcome } from '@yagura/protocol';
import type { Clock } from '../../platform/clock.ts';
import type { Journal } from '../journal/journal.ts';

/** Outcomes that may wait for their mark at once; the oldest are marked early. */
const MAX_WAITING = 1_000;

/**
 * Which outcomes were handed over by this run. They count as stored by the receiver only some time later, or when
 * the run ends in order: those from just before a crash are handed over again.
 */
export interface ReportedOutcomes {
  handOver(outcomes: readonly ActionOutcome[]): void;
  has(actionId: string): boolean;
  /** Marks what was handed over long enough ago; `all` of it when the run ends in order. */
  settle(all?: 'all'): void;
}

export function createReportedOutcomes(journal: Journal, clock: Clock, graceMs: number): ReportedOutcomes {
  const handedOver = new Map<string, number>();
  return {
    handOver: (outcomes) => {
      for (const { actionId } of outcomes) handedOver.set(actionId, clock.monotonic());
    },
    has: (actionId) => handedOver.has(actionId),
    settle: (all) => {
      const excess = handedOver.size - MAX_WAITING;
      const before = clock.monotonic() - graceMs;
      const due = [...handedOver].filter(([, at], index) => all !== undefined || at <= before || index < excess);
      if (due.length === 0) return;
      const actionIds = due.map(([actionId]) => actionId);
      journal.markReported(actionIds);
      for (const actionId of actionIds) handedOver.delete(actionId);
    },
  };
}
