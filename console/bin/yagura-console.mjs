#!/usr/bin/env node
/** The console's command line, for the console that `npm start` runs unless the environment names another. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../scripts/command-line.mjs';

const workspace = dirname(dirname(fileURLToPath(import.meta.url)));
const configured = ['YAGURA_STATE_DIR', 'YAGURA_DATABASE_URL'].some((name) => process.env[name]);
runCommandLine({
  name: 'yagura-console',
  root: dirname(workspace),
  main: join(workspace, 'src', 'cli', 'main.ts'),
  settings: (installation) => (configured ? {} : installation?.console),
});
