import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { enrol } from '../../endpoint-agent/src/identity/enrol.ts';
import { systemClock } from '../../endpoint-agent/src/platform/clock.ts';
import { startSigner } from '../fakes/running-signer.ts';
import { seededRandom } from '../fakes/time.ts';
import { consoleEnvironment, startConsoleProcess } from '../support/console-process.ts';
import { freePort } from '../support/local-installation.ts';

/** A full run is 200 kills (`YAGURA_KILLS=200`); its result stands in docs/benchmarks.md. */
const KILLS = Number(process.env['YAGURA_KILLS'] ?? 40);
const SEED = Number(process.env['YAGURA_SEED'] ?? 20_261_124);
const ENDLESS = 1_000_000;
const CLI = fileURLToPath(new URL('../../console/src/cli/main.ts', import.meta.url));
const AGENT = fileURLToPath(new URL('../fakes/reporting-agent.ts', import.meta.url));

/** Stories whose `append` returned, over all runs of the agent. */
const stored = new Set<string>();

async function startAgent(stateDir: string, seed: number, run: string, bursts: number): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', AGENT, stateDir, String(seed), run, String(bursts)],
    {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  );
  let line = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (line + chunk.toString('utf8')).split('\n');
    line = lines.pop() ?? '';
    for (const text of lines) for (const id of text.split(' ').slice(1)) stored.add(id);
  });
  await once(child, 'message');
  return child;
}

test(
  `[UP3] [UP4] [SP2] ${KILLS} kills of agent and console in the middle of bursts (seed ${SEED}) lose and double no detection`,
  async () => {
    const random = seededRandom(SEED);
    const directory = mkdtempSync(join(tmpdir(), 'yagura-kills-'));
    const stateDir = join(directory, 'agent');
    await using signer = await startSigner();
    const options = { directory, signerSocket: signer.socket, gatewayPort: await freePort() };
    let console_ = await startConsoleProcess(options);
    let agent: ChildProcess | undefined;
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'token', 'create'], {
        env: { ...consoleEnvironment(options), YAGURA_GATEWAY_URL: `https://127.0.0.1:${options.gatewayPort}` },
        encoding: 'utf8',
      });
      const enrolled = await enrol({
        token: stdout.trim().split('\n').at(-1) ?? '',
        stateDir,
        hostname: 'killed',
        platform: 'linux',
        agentVersion: '0.1.0',
        clock: systemClock,
      });
      expect(enrolled).toMatchObject({ ok: true });
      let run = 0;
      agent = await startAgent(stateDir, SEED, `run-${run}`, ENDLESS);
      for (let kill = 0; kill < KILLS; kill += 1) {
        await delay(50 + random.fraction() * 250);
        if (random.fraction() < 0.5) {
          const ended = once(agent, 'close');
          agent.kill('SIGKILL');
          await ended;
          run += 1;
          agent = await startAgent(stateDir, SEED + run, `run-${run}`, ENDLESS);
        } else {
          await console_.kill();
          console_ = await startConsoleProcess(options);
        }
      }
      const ended = once(agent, 'close');
      agent.kill('SIGKILL');
      await ended;
      agent = await startAgent(stateDir, SEED, 'drain', 0);
      const [code] = (await once(agent, 'close')) as [number | null];
      expect(code).toBe(0);
      expect(await console_.stop()).toBe(0);

      const database = new DatabaseSync(join(directory, 'console', 'console.db'), { readOnly: true });
      const rows = database.prepare('SELECT story_id, revision, detection_count FROM incidents').all();
      database.close();
      const known = rows.map((row) => String(row['story_id']));
      expect(stored.size).toBeGreaterThan(KILLS);
      expect([...stored].filter((id) => !known.includes(id))).toEqual([]);
      expect(new Set(known).size).toBe(known.length);
      expect(rows.filter((row) => row['revision'] !== 1 || row['detection_count'] !== 1)).toEqual([]);
    } finally {
      if (agent?.exitCode === null && agent.signalCode === null) agent.kill('SIGKILL');
      if (console_.child.exitCode === null && console_.child.signalCode === null) await console_.kill();
      rmSync(directory, { recursive: true, force: true });
    }
  },
  60_000 + KILLS * 5_000,
);
