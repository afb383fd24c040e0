import { existsSync } from 'node:fs';
import { readRuleFiles } from '../cli/rule-files.ts';
import {
  createIndicatorEvaluator,
  createSigmaEvaluator,
  type Evaluator,
  type RuleRejection,
  type SigmaEvaluator,
} from '../core/index.ts';

export interface LoadedRules {
  readonly rules: SigmaEvaluator;
  readonly indicators: Evaluator;
  readonly rejected: readonly RuleRejection[];
}

/**
 * Reads and compiles the rules of all folders. A folder that is not there is a rejection, not a failure. With a
 * clock, rules that take too much time are suspended.
 */
export async function loadRules(folders: readonly string[], monotonic?: () => number): Promise<LoadedRules> {
  const present = folders.filter((folder) => existsSync(folder));
  const missing = folders
    .filter((folder) => !present.includes(folder))
    .map((file): RuleRejection => ({ file, line: 1, code: 'folder_missing', message: 'there is no such folder' }));
  const files = await readRuleFiles(present);
  const rules = createSigmaEvaluator(files.sources, monotonic === undefined ? {} : { clock: monotonic });
  const indicators = createIndicatorEvaluator([]);
  return { rules, indicators, rejected: [...missing, ...files.rejected, ...rules.rejected, ...indicators.rejected] };
}
