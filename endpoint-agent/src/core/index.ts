export * from './detection/evaluator.ts';
export * from './verdict/verdict.ts';
