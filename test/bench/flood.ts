/**
 * What an unprivileged user's flood costs the agent and the others: forks, program starts, file acts and
 * connections, each for some seconds at a bounded rate, while root starts programs, writes files and connects at a
 * steady pace and one more user opens a reverse shell. Prints for each kind what was made, seen and counted as
 * lost, the memory, CPU and kernel queues of the agent, which of root's acts were seen, whether the shell was
 * ended, and how long after the flood everything is seen again.
 *
 * Usage: node test/bench/flood.ts [SECONDS] [KIND...]
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { restoreKernelState } from '../../endpoint-agent/src/sensors/linux/index.ts';
import { HISTORY_FILE } from '../../endpoint-agent/src/state/history/history.ts';
import { openHistoryReader } from '../../endpoint-agent/src/state/history/history-reader.ts';
import { BEHAVIOURS } from '../attack/behaviours.ts';
import {
  type AgentProcess,
  cpuSeconds,
  netlinkWaiting,
  openDescriptors,
  pssMegabytes,
  startAgentProcess,
} from '../support/agent-process.ts';
import { printResult } from './machine.ts';

const RATES = { forks: 5_000, starts: 5_000, files: 200_000, connections: 50_000 } as const;
type Kind = keyof typeof RATES;
const KINDS = Object.keys(RATES) as Kind[];

const SECONDS = Number(process.argv[2] ?? 10);
const WANTED = KINDS.filter((kind) => process.argv.length <= 3 || process.argv.slice(3).includes(kind));
const FLOODER = 61_001;
const ACT_EVERY_MS = 50;
const RECOVERY_MS = 6_000;
const SETTLE_MS = 4_000;
const SAMPLE_EVERY_MS = 250;
const LIMIT = 100_000;

/** Root's ordinary acts: every one must be seen. */
class Witness {
  readonly folder: string;
  readonly program: string;
  /** When each act was done, in milliseconds since the epoch. */
  readonly at: number[] = [];
  #stop = false;
  #done: Promise<void> | undefined;

  constructor(folder: string) {
    this.folder = mkdtempSync(join(folder, 'witness-'));
    this.program = join(this.folder, 'witness-program');
    const source = `${this.program}.c`;
    writeFileSync(source, 'int main(void) { return 0; }');
    // Not a copy of a system's program: that would be one more attack.
    execFileSync('cc', ['-o', this.program, source]);
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#stop) {
      const index = this.at.push(Date.now()) - 1;
      writeFileSync(join(this.folder, `file-${index}`), 'x');
      await once(spawn(this.program, [`act-${index}`], { stdio: 'ignore' }), 'exit');
      await pause(ACT_EVERY_MS);
    }
  }

  /** Indexes of acts that the agent does not know of. */
  missed(agent: AgentProcess): { readonly starts: number[]; readonly files: number[] } {
    using reader = openHistoryReader(join(agent.stateDir, HISTORY_FILE));
    const events = reader.search({ path: this.folder, since: (this.at[0] ?? 0) - 1_000, limit: LIMIT });
    const lines = new Set(events.map(({ fields }) => String(fields['CommandLine'])));
    const names = new Set(events.map(({ fields }) => String(fields['TargetFilename'])));
    const indexes = [...this.at.keys()];
    return {
      starts: indexes.filter((index) => !lines.has(`${this.program} act-${index}`)),
      files: indexes.filter((index) => !names.has(join(this.folder, `file-${index}`))),
    };
  }
}

interface Sample {
  pssMegabytes: number;
  auditQueueBytes: number;
  connectorQueueBytes: number;
  descriptors: number;
}

/** Samples until the signal; returns the peaks. */
async function watch(pid: number, signal: AbortSignal): Promise<Sample> {
  const peak: Sample = { pssMegabytes: 0, auditQueueBytes: 0, connectorQueueBytes: 0, descriptors: 0 };
  while (!signal.aborted) {
    peak.pssMegabytes = Math.max(peak.pssMegabytes, Math.round(pssMegabytes(pid)));
    peak.auditQueueBytes = Math.max(peak.auditQueueBytes, netlinkWaiting(pid, 9));
    peak.connectorQueueBytes = Math.max(peak.connectorQueueBytes, netlinkWaiting(pid, 11));
    peak.descriptors = Math.max(peak.descriptors, openDescriptors(pid));
    await pause(SAMPLE_EVERY_MS);
  }
  return peak;
}

async function counters(agent: AgentProcess): Promise<Record<string, { events: number; lost: number }>> {
  const { health, history } = await agent.status();
  const sensors = health.sensors.map(({ name, events, lost }) => [name, { events, lost }] as const);
  return Object.fromEntries([...sensors, ['history', { events: history?.events ?? 0, lost: history?.dropped ?? 0 }]]);
}

async function flood(
  program: string,
  folder: string,
  agent: AgentProcess,
  kind: Kind,
): Promise<Record<string, unknown>> {
  const target = join(folder, `flood-${kind}`);
  mkdirSync(target);
  chmodSync(target, 0o777);
  const witness = new Witness(folder);
  const before = await counters(agent);
  const cpuBefore = cpuSeconds(agent.pid);
  const startedAt = performance.now();
  const end = new AbortController();
  const watching = watch(agent.pid, end.signal);
  witness.start();
  const args = [kind, String(FLOODER), String(SECONDS), String(RATES[kind]), target, `flood-${kind}`];
  const flooding = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  flooding.stdout.on('data', (chunk: Buffer) => void (output += String(chunk)));
  const flooded = once(flooding, 'close');
  await pause(SECONDS * 500);
  const shell = BEHAVIOURS.find(({ name }) => name === 'reverse shell to loopback');
  const attackedAt = performance.now();
  const attack = shell?.act().then(({ killed }) => ({ killed, afterMs: Math.round(performance.now() - attackedAt) }));
  await flooded;
  const endedAt = Date.now();
  const cpu = cpuSeconds(agent.pid) - cpuBefore;
  const seconds = (performance.now() - startedAt) / 1_000;
  await pause(RECOVERY_MS);
  await witness.stop();
  await pause(SETTLE_MS);
  end.abort();
  const peak = await watching;
  const after = await counters(agent);
  const { starts, files } = witness.missed(agent);
  const lastMissed = Math.max(-1, ...starts, ...files);
  const [made = 0] = output.trim().split(' ').map(Number);
  const change = Object.keys(after).map((name) => {
    const [now, then] = [after[name], before[name]];
    return [name, { events: (now?.events ?? 0) - (then?.events ?? 0), lost: (now?.lost ?? 0) - (then?.lost ?? 0) }];
  });
  return {
    made,
    madePerSecond: Math.round(made / SECONDS),
    sensors: Object.fromEntries(change),
    peak,
    cpuCores: Number((cpu / seconds).toFixed(2)),
    root: {
      acts: witness.at.length,
      startsMissed: starts.length,
      filesMissed: files.length,
      firstMissedAtMs: starts
        .concat(files)
        .slice(0, 20)
        .map((index) => (witness.at[index] ?? 0) - (witness.at[0] ?? 0)),
    },
    attack: await attack,
    // Null when the last act was missed too.
    fullCaptureAfterMs: lastMissed < 0 ? 0 : Math.max(0, (witness.at[lastMissed + 1] ?? Infinity) - endedAt),
  };
}

if (process.platform !== 'linux' || process.getuid?.() !== 0) throw new Error('flood needs root on Linux');
const folder = mkdtempSync(join(tmpdir(), 'yagura-flood-'));
chmodSync(folder, 0o755);
const program = join(folder, 'flood-program');
execFileSync('cc', ['-O2', '-o', program, join(import.meta.dirname, '../support/flood-program.c')]);
const results: Record<string, unknown> = {};
try {
  for (const kind of WANTED) {
    const own = join(folder, kind);
    mkdirSync(own);
    await using agent = await startAgentProcess(own);
    await pause(3_000);
    const idle = Math.round(pssMegabytes(agent.pid));
    results[kind] = { idlePssMegabytes: idle, ...(await flood(program, folder, agent, kind)) };
  }
} finally {
  for (const kind of WANTED) restoreKernelState(join(folder, kind, 'agent', 'kernel-state.json'));
  spawnSync('rm', ['-rf', folder]);
}
printResult({ benchmark: 'flood', seconds: SECONDS, wantedPerSecond: RATES, ...results });
