#!/usr/bin/env node
/** The agent's command line, for the agent that `npm start` runs unless `--state-dir` names another. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../scripts/command-line.mjs';

const workspace = dirname(dirname(fileURLToPath(import.meta.url)));
runCommandLine({
  name: 'yagura-agent',
  root: dirname(workspace),
  main: join(workspace, 'src', 'cli', 'main.ts'),
  settings: (_, dataDir) => ({ YAGURA_AGENT_STATE_DIR: join(dataDir, 'agent') }),
});
