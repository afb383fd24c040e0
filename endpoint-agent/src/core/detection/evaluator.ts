import type { Event, FieldValue, RuleFacts } from '@yagura/protocol';

/** A rule that matched one event. */
export interface RuleMatch {
  readonly rule: RuleFacts;
  readonly matched: readonly { readonly field: string; readonly value: FieldValue }[];
  /**
   * The earlier event that the match is about, when it is not the one that was evaluated: sensors report
   * what happened within milliseconds in no fixed order.
   */
  readonly about?: Event;
}

/** Why a rule was not loaded. `line` is 1-based. */
export interface RuleRejection {
  readonly file: string;
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

/**
 * Decides which rules match an event. Pure and bounded: no clock, no I/O, no exception for any event.
 * The pipeline knows nothing else of the engine, so that an engine can be replaced whole.
 */
export interface Evaluator {
  evaluate(event: Event): readonly RuleMatch[];
  readonly loaded: number;
  readonly rejected: readonly RuleRejection[];
}
