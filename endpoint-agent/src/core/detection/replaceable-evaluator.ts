import { createEvaluatorOf, type SigmaEvaluator } from './sigma/create-sigma-evaluator.ts';

/** An evaluator whose rules can be exchanged while events come. */
export interface ReplaceableEvaluator extends SigmaEvaluator {
  /**
   * From the next event on. An event is evaluated whole by the old or by the new rules, and none by neither;
   * windows of correlations that both have go over. Undefined for no rules at all.
   */
  replace(next: SigmaEvaluator | undefined): void;
}

const NO_RULES = { rules: [], correlations: [], rejected: [] };

export function createReplaceableEvaluator(): ReplaceableEvaluator {
  let current = createEvaluatorOf(NO_RULES);
  return {
    evaluate: (event) => current.evaluate(event),
    advance: (time) => current.advance(time),
    suspensions: () => current.suspensions(),
    correlationCounters: () => current.correlationCounters(),
    saveState: () => current.saveState(),
    restoreState: (state) => current.restoreState(state),
    get rules() {
      return current.rules;
    },
    get correlations() {
      return current.correlations;
    },
    get loaded() {
      return current.loaded;
    },
    get rejected() {
      return current.rejected;
    },
    replace(next) {
      next?.restoreState(current.saveState());
      current = next ?? createEvaluatorOf(NO_RULES);
    },
  };
}
