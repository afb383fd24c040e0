/** Static checks, the fastest first: types, lint, format, unused code. */
import { fileURLToPath } from 'node:url';
import { packageScript, runCommand } from './run-command.ts';

const CHECKS: readonly { readonly name: string; readonly script: string; readonly args: readonly string[] }[] = [
  { name: 'types', script: 'typescript/bin/tsc', args: ['-b'] },
  { name: 'lint', script: 'oxlint/bin/oxlint', args: ['--type-aware', '--deny-warnings'] },
  { name: 'format', script: '@biomejs/biome/bin/biome', args: ['ci', '--reporter=summary', '.'] },
  { name: 'unused code', script: 'knip/bin/knip.js', args: ['--no-progress'] },
];

/** Runs every check even after a failure; resolves with the names of those that failed. */
export async function runChecks(): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const check of CHECKS) {
    const started = performance.now();
    const code = await runCommand(process.execPath, [packageScript(check.script), ...check.args]);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stderr.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${check.name} (${seconds} s)\n`);
    if (code !== 0) failed.push(check.name);
  }
  return failed;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = (await runChecks()).length === 0 ? 0 : 1;
}
