/** Static checks, the fastest first: types, lint, format, unused code. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageScript, runCommand } from './run-command.ts';

interface Check {
  readonly name: string;
  /** Within the package that brings it, or our own. */
  readonly script: string;
  readonly args: readonly string[];
  readonly isOwn?: true;
}

const CHECKS: readonly Check[] = [
  { name: 'types', script: 'typescript/bin/tsc', args: ['-b'] },
  { name: 'lint', script: 'oxlint/bin/oxlint', args: ['--type-aware', '--deny-warnings'] },
  { name: 'format', script: '@biomejs/biome/bin/biome', args: ['ci', '--reporter=summary', '.'] },
  { name: 'unused code', script: 'knip/bin/knip.js', args: ['--no-progress'] },
  { name: 'coverage page', script: join(import.meta.dirname, 'generate-coverage.ts'), args: ['--check'], isOwn: true },
  {
    name: 'own rules page',
    script: join(import.meta.dirname, 'generate-own-rules.ts'),
    args: ['--check'],
    isOwn: true,
  },
];

/** Runs every check even after a failure; resolves with the names of those that failed. */
export async function runChecks(): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const check of CHECKS) {
    const started = performance.now();
    const code = await runCommand(process.execPath, [
      check.isOwn ? check.script : packageScript(check.script),
      ...check.args,
    ]);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stderr.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${check.name} (${seconds} s)\n`);
    if (code !== 0) failed.push(check.name);
  }
  return failed;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = (await runChecks()).length === 0 ? 0 : 1;
}
