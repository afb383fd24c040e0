import { parseArgs } from 'node:util';
import { createSigmaEvaluator } from '../core/index.ts';
import { readRuleFiles, UnreadablePath } from './rule-files.ts';

/** Where a command writes; text without a final line feed. */
export interface CommandOutput {
  out(text: string): void;
  err(text: string): void;
}

const USAGE = `usage: yagura-agent rules check DIR... [--json] [--strict]`;

/**
 * `yagura-agent rules ...`. Resolves to the exit code: 0 done, 1 a rule was rejected under `--strict`,
 * 2 the call was wrong or a path could not be read.
 */
export async function runRules(args: readonly string[], output: CommandOutput): Promise<number> {
  const [command, ...rest] = args;
  try {
    switch (command) {
      case 'check':
        return await check(rest, output);
      default:
        output.err(USAGE);
        return 2;
    }
  } catch (error) {
    if (error instanceof UnreadablePath) {
      output.err(`${error.message}: does it exist, and may you read it?`);
      return 2;
    }
    throw error;
  }
}

async function check(args: readonly string[], output: CommandOutput): Promise<number> {
  const parsed = parseOptions(args);
  if (parsed === undefined) {
    output.err(USAGE);
    return 2;
  }
  const files = await readRuleFiles(parsed.paths);
  const evaluator = createSigmaEvaluator(files.sources);
  const rejected = [...files.rejected, ...evaluator.rejected];
  if (parsed.json) {
    output.out(JSON.stringify({ loaded: evaluator.loaded, rejected }));
  } else {
    for (const { file, line, code, message } of rejected) output.out(`${file}:${line}: ${code}: ${message}`);
    output.out(`${evaluator.loaded} rules loaded, ${rejected.length} rejected`);
  }
  return parsed.strict && rejected.length > 0 ? 1 : 0;
}

function parseOptions(
  args: readonly string[],
): { readonly paths: readonly string[]; readonly json: boolean; readonly strict: boolean } | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { json: { type: 'boolean' }, strict: { type: 'boolean' } },
      allowPositionals: true,
    });
    if (positionals.length === 0) return undefined;
    return { paths: positionals, json: values.json === true, strict: values.strict === true };
  } catch {
    // parseArgs reports an unknown option by throwing.
    return undefined;
  }
}
