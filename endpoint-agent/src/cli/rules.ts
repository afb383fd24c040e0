import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { parse } from 'node:path';
import { parseArgs } from 'node:util';
import { composePackFile } from '../core/detection/pack/pack-file.ts';
import {
  compilePack,
  createSigmaEvaluator,
  decideCoverage,
  loadRules,
  type RuleRejection,
  type RuleSource,
} from '../core/index.ts';
import { declaredSources } from './coverage-sources.ts';
import { oneLine } from './one-line.ts';
import { asksForHelp, complaint } from './options.ts';
import { readRuleArchive } from './rule-archive.ts';
import { coverageBySystem } from './rule-coverage.ts';
import { readRuleFiles, UnreadablePath } from './rule-files.ts';

/** Where a command writes; text without a final line feed. */
export interface CommandOutput {
  out(text: string): void;
  err(text: string): void;
}

const USAGE = `usage: yagura-agent rules check DIR... [--json] [--strict]
       yagura-agent rules coverage DIR... [--json]
       yagura-agent rules compile DIR... -o PACK [--name NAME] [--pack-version VERSION]
       yagura-agent rules import ARCHIVE|DIR -o PACK [--name NAME] [--pack-version VERSION]`;

interface Options {
  readonly paths: readonly string[];
  readonly json: boolean;
  readonly strict: boolean;
  readonly output: string | undefined;
  readonly name: string | undefined;
  readonly packVersion: string | undefined;
}

const COMMANDS: Readonly<Record<string, (options: Options, output: CommandOutput) => Promise<number>>> = {
  check,
  coverage,
  compile: (options, output) => compile(options, output),
  import: importRules,
};

/**
 * `yagura-agent rules ...`. Resolves to the exit code: 0 done, 1 a rule was rejected under `--strict`, 2 the call
 * was wrong or a path could not be read or written.
 */
export async function runRules(args: readonly string[], output: CommandOutput): Promise<number> {
  const [name = '', ...rest] = args;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (asksForHelp(args)) {
    output.out(USAGE);
    return 0;
  }
  if (command === undefined) {
    return misused(output, name === '' ? 'no subcommand' : `there is no rules command "${firstLine(name)}"`);
  }
  const options = parseOptions(rest);
  if (typeof options === 'string') return misused(output, options);
  try {
    return await command(options, output);
  } catch (error) {
    if (!(error instanceof UnreadablePath)) throw error;
    output.err(complaint('path_unreadable', `${error.message}: does it exist, and may you read it?`));
    return 2;
  }
}

/** A wrong call: what is wrong with it, and how it is called. */
function misused(output: CommandOutput, reason: string): number {
  output.err(`${complaint('usage', reason)}\n${USAGE}`);
  return 2;
}

function firstLine(text: string): string {
  return oneLine((text.split('\n')[0] ?? '').slice(0, 200));
}

/** What is wrong with the arguments, in words, where they are not understood. */
function parseOptions(args: readonly string[]): Options | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean' },
        strict: { type: 'boolean' },
        output: { type: 'string', short: 'o' },
        name: { type: 'string' },
        'pack-version': { type: 'string' },
      },
      allowPositionals: true,
    });
    if (positionals.length === 0) return 'no path';
    return {
      paths: positionals,
      json: values.json === true,
      strict: values.strict === true,
      output: values.output,
      name: values.name,
      packVersion: values['pack-version'],
    };
  } catch (error) {
    // parseArgs reports an unknown option by throwing.
    return firstLine(error instanceof Error ? error.message : String(error));
  }
}

async function check(options: Options, output: CommandOutput): Promise<number> {
  const files = await readRuleFiles(options.paths);
  const evaluator = createSigmaEvaluator(files.sources);
  const rejected = [...files.rejected, ...evaluator.rejected];
  if (options.json) {
    output.out(JSON.stringify({ loaded: evaluator.loaded, rejected }));
  } else {
    printRejected(rejected, output);
    output.out(`${evaluator.loaded} rules loaded, ${rejected.length} rejected`);
  }
  return options.strict && rejected.length > 0 ? 1 : 0;
}

function printRejected(rejected: readonly RuleRejection[], output: CommandOutput): void {
  for (const { file, line, code, message } of rejected) output.out(`${file}:${line}: ${code}: ${message}`);
}

/** For each rule and system: whether it can fire, or what is missing. */
async function coverage(options: Options, output: CommandOutput): Promise<number> {
  const files = await readRuleFiles(options.paths);
  const { rules, rejected } = loadRules(files.sources);
  const systems = coverageBySystem(rules);
  if (options.json) {
    output.out(JSON.stringify({ systems, rejected: [...files.rejected, ...rejected] }));
    return 0;
  }
  for (const { system, built, total, canFire, blockers } of systems) {
    const share = total === 0 ? '-' : `${((100 * canFire) / total).toFixed(1)} %`;
    output.out(`${system}: ${canFire} of ${total} rules can fire (${share})${built ? '' : ', declared, not built'}`);
    for (const [blocker, count] of Object.entries(blockers)) output.out(`  ${count} lack ${blocker}`);
  }
  return 0;
}

async function compile(options: Options, output: CommandOutput): Promise<number> {
  const files = await readRuleFiles(options.paths);
  return writePack(files.sources, files.rejected, options, output);
}

/** A folder, or an archive as SigmaHQ publishes them. */
async function importRules(options: Options, output: CommandOutput): Promise<number> {
  const [path = ''] = options.paths;
  if (options.paths.length !== 1) return misused(output, 'import takes one archive or folder');
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory() === true) return compile(options, output);
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined) throw new UnreadablePath(path);
  const archive = readRuleArchive(bytes);
  if (archive.ok) return writePack(archive.sources, [], options, output);
  output.err(complaint(archive.code, `${path}: expected a ZIP or a gzipped tar archive of rules`));
  return 2;
}

async function writePack(
  sources: readonly RuleSource[],
  unread: readonly RuleRejection[],
  options: Options,
  output: CommandOutput,
): Promise<number> {
  if (options.output === undefined) return misused(output, '-o PACK says where to write the pack');
  const pack = compilePack(sources);
  const rejected = [...unread, ...pack.rejected];
  const composed = composePackFile(pack, {
    name: options.name ?? parse(options.output).name,
    version: options.packVersion ?? new Date().toISOString().slice(0, 10),
    unread: unread.length,
    canFire: (rule, system) => decideCoverage(rule, declaredSources(system)).canFire,
  });
  if (composed === undefined) {
    output.err(complaint('pack_unnameable', '--name and --pack-version are 1 to 64 printable characters'));
    return 2;
  }
  const bytes = Buffer.from(composed.text);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  try {
    await writeFile(options.output, bytes);
  } catch (error) {
    const reason = error instanceof Error ? firstLine(error.message) : 'unknown reason';
    output.err(complaint('pack_unwritable', `cannot write ${options.output}: ${reason}`));
    return 2;
  }
  if (options.json) {
    output.out(
      JSON.stringify({ pack: options.output, documents: pack.documents, rejected, sha256, header: composed.header }),
    );
  } else {
    printRejected(rejected, output);
    output.out(`${pack.documents} rules compiled into ${options.output}, ${rejected.length} rejected`);
    // To be compared with what the console shows before anybody approves the pack.
    output.out(`sha256 ${sha256}`);
  }
  return options.strict && rejected.length > 0 ? 1 : 0;
}
