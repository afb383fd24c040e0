import type { Event } from '@yagura/protocol';
import type { Evaluator, RuleMatch } from '../detection/evaluator.ts';
import type { BehaviourOptions } from './behaviour.ts';
import { BEHAVIOUR_RULES } from './behaviour-rules.ts';
import { createFetchedExecutionDetector } from './fetched-execution.ts';
import { createFilelessExecutionDetector } from './fileless-execution.ts';
import { createMasqueradingDetector } from './masquerading.ts';
import { createReverseShellDetector } from './reverse-shell.ts';

export interface BehaviourEvaluator extends Evaluator {
  /** What the detectors forgot to stay within their bounds; only rises. */
  readonly evicted: number;
}

/**
 * What single-event rules cannot say. Unlike other evaluators it remembers: give it every event once, in
 * order, after the process table has taken it in.
 */
export function createBehaviourEvaluator(options: BehaviourOptions): BehaviourEvaluator {
  const detectors = [
    createReverseShellDetector(options),
    createFetchedExecutionDetector(options),
    createMasqueradingDetector(options),
    createFilelessExecutionDetector(options),
  ];
  return {
    loaded: Object.keys(BEHAVIOUR_RULES).length,
    rejected: [],
    evaluate: (event: Event): readonly RuleMatch[] => {
      if (event.logsource.product !== 'linux') return [];
      return detectors.flatMap((detector) => detector.observe(event));
    },
    get evicted() {
      return detectors.reduce((sum, detector) => sum + detector.evicted, 0);
    },
  };
}
