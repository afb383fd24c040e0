/**
 * Events per second into SQLite through the real gateway: simulated endpoints over mutual TLS, a console and
 * a signer in processes of their own, every event acknowledged after a synced commit. Two baselines run on
 * the same machine right before: the store alone (what is left when TLS, frames and validation cost nothing)
 * and the naive way (a transaction for each event).
 *
 * `npm run bench -- ingest [--endpoints N] [--seconds S] [--events-per-second R]`; without a rate it offers
 * more than can be taken, which finds the most, and then half of that, which finds the latency.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { insertTelemetry, type TelemetryRow } from '@yagura/console/contexts/ingest/telemetry-rows.ts';
import { simulatedEvent } from '@yagura/console/simulation/workload.ts';
import { openStore } from '@yagura/console/store/store.ts';
import { type ConsoleProcessOptions, consoleEnvironment, startConsoleProcess } from '../support/console-process.ts';
import { freePort } from '../support/local-installation.ts';
import { printResult } from './machine.ts';

const { values } = parseArgs({
  options: {
    endpoints: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '10' },
    'events-per-second': { type: 'string' },
  },
});
const SOURCE = fileURLToPath(new URL('../../console/src/', import.meta.url));
const QUIET = '--disable-warning=ExperimentalWarning';
/** More than any machine of this class takes. */
const SATURATING = 120_000;

interface Simulated {
  readonly acknowledgedPerSecond: number;
  readonly events: number;
  readonly acknowledged: number;
  readonly ackLatencyMs: { readonly p50: number; readonly p99: number };
  readonly problems: Readonly<Record<string, number>>;
}

async function simulate(options: ConsoleProcessOptions, rate: number): Promise<Simulated> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      QUIET,
      join(SOURCE, 'cli/main.ts'),
      'simulate',
      '--endpoints',
      values.endpoints,
      '--seconds',
      values.seconds,
    ].concat(['--events-per-second', String(rate)]),
    { env: consoleEnvironment(options), maxBuffer: 1 << 24 },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

function telemetry(count: number, offset: number): TelemetryRow[] {
  return Array.from({ length: count }, (_, index) => {
    const sequence = offset + index + 1;
    const origin = { tenantId: 'ten_baseline', endpointId: `ep_${sequence % 100}` };
    return {
      origin,
      epoch: 'baseline',
      sequence,
      receivedAt: 1,
      event: simulatedEvent(origin.endpointId, sequence, 1),
    };
  });
}

/** Commits `count` events in transactions of `perTransaction`, through the console's own store. */
async function storeAlone(directory: string, count: number, perTransaction: number): Promise<number> {
  const path = join(directory, `baseline-${perTransaction}.db`);
  const store = await openStore({ path, now: Date.now, onEffectError: (error) => console.error(error) });
  const groups = Array.from({ length: count / perTransaction }, (_, index) =>
    telemetry(perTransaction, index * perTransaction),
  );
  const started = performance.now();
  for (const group of groups) await store.write((tx) => insertTelemetry(tx, group));
  const seconds = (performance.now() - started) / 1_000;
  await store.close();
  return Math.round(count / seconds);
}

const directory = mkdtempSync(join(tmpdir(), 'yagura-bench-ingest-'));
const signerSocket = join(directory, 'console.sock');
const signer = spawn(
  process.execPath,
  [QUIET, join(SOURCE, 'signer/main.ts'), '--state-dir', join(directory, 'signer'), '--socket', signerSocket].concat([
    '--admin-socket',
    join(directory, 'admin.sock'),
    '--certificates-per-minute',
    '100000',
  ]),
  { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
);
try {
  await once(signer, 'message');
  const baselines = {
    storeAlonePerSecond: await storeAlone(directory, 200_000, 5_000),
    naivePerSecond: await storeAlone(directory, 2_000, 1),
  };
  const options = {
    directory,
    signerSocket,
    gatewayPort: await freePort(),
    environment: { YAGURA_ENROLMENTS_PER_MINUTE: '100000' },
  };
  const console_ = await startConsoleProcess(options);
  const wanted = values['events-per-second'];
  const most = await simulate(options, wanted === undefined ? SATURATING : Number(wanted));
  const half = wanted === undefined ? await simulate(options, Math.round(most.acknowledgedPerSecond / 2)) : most;
  await console_.stop();
  const databasePath = join(directory, 'console', 'console.db');
  const db = new DatabaseSync(databasePath);
  const stored = Number(db.prepare('SELECT count(*) AS events FROM events').get()?.['events']);
  db.close();
  const acknowledged = most.acknowledged + (half === most ? 0 : half.acknowledged);
  printResult({
    bench: 'ingest',
    endpoints: Number(values.endpoints),
    eventsPerSecond: most.acknowledgedPerSecond,
    saturatedAckMs: most.ackLatencyMs,
    atHalfRate: { eventsPerSecond: half.acknowledgedPerSecond, ackMs: half.ackLatencyMs },
    ...baselines,
    acknowledged,
    stored,
    lost: acknowledged - stored,
    problems: { ...most.problems, ...half.problems },
    databaseBytesPerEvent: Math.round(statSync(databasePath).size / stored),
  });
} finally {
  if (signer.exitCode === null) {
    signer.kill();
    await once(signer, 'exit');
  }
  rmSync(directory, { recursive: true, force: true });
}
