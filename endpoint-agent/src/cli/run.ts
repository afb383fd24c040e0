import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { replaceFileDurably, systemCode } from '../platform/durable-file.ts';
import { runAgent } from '../service/main.ts';
import { complain, DEFAULT_STATE_DIR } from './options.ts';
import { OWN_PACK } from './own-pack.ts';

/**
 * `run [--config FILE]`: the service in the foreground, JSON logs on stdout, until SIGINT or SIGTERM. Without a
 * file it runs where `enroll` put this machine's identity, with the agent's own rules.
 */
export async function run(argv: readonly string[]): Promise<number> {
  if (argv.length > 0) return runAgent(argv);
  const stateDir = resolve(DEFAULT_STATE_DIR);
  const file = join(stateDir, 'run.json');
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    replaceFileDurably(file, JSON.stringify({ stateDir, packDir: OWN_PACK }));
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    complain('state_unwritable', `${stateDir}: ${code}. Run this as root, or name a configuration with --config FILE.`);
    return 1;
  }
  return runAgent(['--config', file]);
}
