  createSigmaEvaluator,
  type SigmaEvaluator,
  type SigmaEvaluatorOptions,
export * from './detection/combine-evaluators.ts';
export * from './detection/evaluator.ts';
export * from './normalise/normalise.ts';
export * from './process/executed-files.ts';
export * from './process/process-lookup.ts';
export * from './process/system-roles.ts';
export * from './story/story-score.ts';
export * from './verdict/decide-verdict.ts';
export * from './verdict/exclusions.ts';
export * from './verdict/story-roots.ts';
export * from './verdict/verdict.ts';
export type { EvaluatedEvent } from './detection/sigma/event-view.ts';
export type { HashIndicator } from './detection/indicators/hash-indicator.ts';
export type { Placeholders } from './detection/sigma/placeholders.ts';
export type { RuleSource } from './detection/sigma/parse-rule.ts';
export {
export { createIndicatorEvaluator, type IndicatorOptions } from './detection/indicators/create-indicator-evaluator.ts';
export { normaliseWindowsEvent, type WindowsEvent, type WindowsEventResult } from './normalise/windows-event.ts';
} from './detection/sigma/create-sigma-evaluator.ts';
