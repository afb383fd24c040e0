import type { Event } from '@yagura/protocol';
import type { Evaluator, RuleMatch } from './evaluator.ts';

/** Several evaluators as one: every event goes to each, matches keep the order of the evaluators. */
export function combineEvaluators(...evaluators: readonly Evaluator[]): Evaluator {
  return {
    evaluate(event: Event): readonly RuleMatch[] {
      const [first = [], ...others] = evaluators.map((evaluator) => evaluator.evaluate(event));
      return others.every((matches) => matches.length === 0) ? first : [...first, ...others.flat()];
    },
    get loaded() {
      return evaluators.reduce((sum, evaluator) => sum + evaluator.loaded, 0);
    },
    get rejected() {
      return evaluators.flatMap((evaluator) => evaluator.rejected);
    },
  };
}
