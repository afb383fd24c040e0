export type { BehaviourOptions, StandardInput } from './behaviour/behaviour.ts';
export { BEHAVIOUR_RULES } from './behaviour/behaviour-rules.ts';
export { type BehaviourEvaluator, createBehaviourEvaluator } from './behaviour/create-behaviour-evaluator.ts';
export * from './detection/combine-evaluators.ts';
export * from './detection/evaluator.ts';
export { createIndicatorEvaluator, type IndicatorOptions } from './detection/indicators/create-indicator-evaluator.ts';
export type { HashIndicator } from './detection/indicators/hash-indicator.ts';
export { compilePack, type PackResult, readPack } from './detection/pack/rule-pack.ts';
export { summariseFacts, summariseRules } from './detection/rule-summary.ts';
export { type Coverage, type DeclaredSource, decideCoverage } from './detection/sensor-coverage/can-fire.ts';
export { fieldsOf, narrowToSource, requiredTexts } from './detection/sensor-coverage/narrow-rule.ts';
export {
  createEvaluatorOf,
  createSigmaEvaluator,
  type SigmaEvaluator,
  type SigmaEvaluatorOptions,
} from './detection/sigma/create-sigma-evaluator.ts';
export type { Suspension } from './detection/sigma/engine/rule-budget.ts';
export type { EvaluatedEvent } from './detection/sigma/event-view.ts';
export { type LoadedRules, loadRules, rulesOf } from './detection/sigma/load-rules.ts';
export type { RuleSource } from './detection/sigma/parse-rule.ts';
export type { Placeholders } from './detection/sigma/placeholders.ts';
export type { SigmaRule } from './detection/sigma/rule-ast.ts';
export { type EvtxRecord, readEvtx } from './normalise/evtx/read-evtx.ts';
export * from './normalise/normalise.ts';
export { normaliseWindowsEvent, type WindowsEvent, type WindowsEventResult } from './normalise/windows-event.ts';
export { maskEvent } from './privacy/mask-event.ts';
export { maskArguments, maskSecrets } from './privacy/mask-secrets.ts';
export { maskStory } from './privacy/mask-story.ts';
export * from './process/process-lookup.ts';
export { createStoryTracker } from './story/create-story-tracker.ts';
export * from './story/story-score.ts';
export * from './story/story-tracker.ts';
export * from './verdict/decide-verdict.ts';
export * from './verdict/exclusions.ts';
export * from './verdict/story-roots.ts';
export * from './verdict/tunings.ts';
export * from './verdict/verdict.ts';
