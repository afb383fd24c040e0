/**
 * `npm test`: installs what the tests need (as root on Debian: Chromium and a Japanese font), builds, runs
 * the static checks and every test that can run here, and ends with a line of counts. What could not run
 * is named with its reason.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { buildAll } from './build.ts';
import { runChecks } from './check.ts';
import { packageScript, runCommand } from './run-command.ts';

const SYSTEM_PACKAGES = [
  { provides: '/usr/bin/chromium', packages: ['chromium', 'fonts-noto-cjk'] },
  { provides: '/usr/bin/cc', packages: ['gcc', 'libc6-dev'] },
] as const;

async function installSystemPackages(): Promise<void> {
  const missing = SYSTEM_PACKAGES.filter(({ provides }) => !existsSync(provides)).flatMap(({ packages }) => packages);
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  process.stderr.write(`Installing ${missing.join(', ')} for the tests …\n`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await runCommand('apt-get', ['-qq', 'update'], env);
  await runCommand('apt-get', ['-qq', '-y', '--no-install-recommends', 'install', ...missing], env);
}

const Report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

async function runTests(args: readonly string[]): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'yagura-test-'));
  const report = join(folder, 'report.json');
  try {
    const code = await runCommand(process.execPath, [
      packageScript('vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...args,
    ]);
    const result = Report.parse(JSON.parse(readFileSync(report, 'utf8')));
    const skipped = result.testResults.flatMap((file) =>
      file.assertionResults
        .filter((test) => test.status !== 'passed' && test.status !== 'failed')
        .map((test) => test.fullName),
    );
    if (skipped.length > 0) {
      process.stdout.write('\nNot run here:\n');
      for (const name of skipped) process.stdout.write(`  - ${name}\n`);
    }
    const brokenFiles = result.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
    ).length;
    process.stdout.write(
      `\n${result.numPassedTests} passed, ${result.numFailedTests + brokenFiles} failed, ${skipped.length} skipped\n`,
    );
    return code === 0 && result.numFailedTests + brokenFiles === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const args = process.argv.slice(2);
await installSystemPackages();
await buildAll();
const failedChecks = args.length === 0 ? await runChecks() : [];
const testsPassed = await runTests(args);
if (failedChecks.length > 0) process.stdout.write(`Static checks failed: ${failedChecks.join(', ')}\n`);
process.exitCode = testsPassed && failedChecks.length === 0 ? 0 : 1;
