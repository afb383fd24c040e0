import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT_NODE_ARGUMENTS } from '../../../endpoint-agent/src/service/node-arguments.ts';
import { ROOT } from '../../support/local-installation.ts';

/** The built agent without a console: on a customer's machine there is none beside it that takes CPU too. */
export interface LoneAgent {
  readonly pid: number;
  /** Ends it as the service manager does; resolves with the milliseconds that it took. */
  stop(): Promise<number>;
}

const START_PATIENCE_MS = 60_000;

export async function startLoneAgent(): Promise<LoneAgent> {
  const folder = mkdtempSync(join(tmpdir(), 'yagura-lone-agent-'));
  const config = join(folder, 'agent.json');
  const stateDir = join(folder, 'state');
  writeFileSync(config, JSON.stringify({ stateDir, packDir: join(ROOT, 'endpoint-agent', 'rules') }));
  const script = join(ROOT, 'endpoint-agent', 'dist', 'agent.mjs');
  // By its channel it notices when this process dies, and puts the kernel's state back by itself.
  const child = spawn(process.execPath, ['--no-warnings', ...AGENT_NODE_ARGUMENTS, script, '--config', config], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'close').finally(() => rmSync(folder, { recursive: true, force: true }));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the agent is not ready in time')), START_PATIENCE_MS);
    child.once('message', () => {
      clearTimeout(timer);
      resolve();
    });
    void ended.then(() => reject(new Error('the agent ended at its start')));
  });
  if (child.pid === undefined) throw new Error('the agent has no pid');
  return {
    pid: child.pid,
    async stop() {
      const started = performance.now();
      child.kill('SIGTERM');
      await ended;
      return performance.now() - started;
    },
  };
}
