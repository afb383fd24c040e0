import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Platform } from '@yagura/protocol';
import { readRuleFiles } from '../cli/rule-files.ts';
import {
  createEvaluatorOf,
  createIndicatorEvaluator,
  type Evaluator,
  loadRules as loadSigmaRules,
  type RuleRejection,
  rulesOf,
  type SigmaEvaluator,
} from '../core/index.ts';

export interface LoadedRules {
  readonly rules: SigmaEvaluator;
  readonly indicators: Evaluator;
  readonly rejected: readonly RuleRejection[];
}

export interface RuleLoadOptions {
  /** Leaves out rules for other systems, whose events never come here. Without it all are kept. */
  readonly platform?: Platform;
  /** Milliseconds that never go back. With it, rules that take too much time are suspended. */
  readonly monotonic?: () => number;
}

/** Reads and compiles the rules of all folders. A folder that is not there is a rejection, not a failure. */
export async function loadRules(folders: readonly string[], options: RuleLoadOptions = {}): Promise<LoadedRules> {
  const { platform, monotonic } = options;
  const present = folders.filter((folder) => existsSync(folder));
  const missing = folders
    .filter((folder) => !present.includes(folder))
    .map((file): RuleRejection => ({ file, line: 1, code: 'folder_missing', message: 'there is no such folder' }));
  const files = await readRuleFiles(present);
  const loaded = loadSigmaRules(files.sources);
  const rules = createEvaluatorOf(
    platform === undefined ? loaded : rulesOf(loaded, platform),
    monotonic === undefined ? {} : { clock: monotonic },
  );
  const indicators = createIndicatorEvaluator([]);
  return { rules, indicators, rejected: [...missing, ...files.rejected, ...rules.rejected, ...indicators.rejected] };
}

/**
 * The part of the agent's own pack that is for one system, so that the others are not even read. Other people's
 * collections are read whole: rules for every system may lie anywhere in them.
 */
export function packPart(folder: string, platform: Platform): string {
  const part = join(folder, platform);
  return existsSync(part) ? part : folder;
}
