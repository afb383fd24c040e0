/**
 * How much slower common work becomes beside the agent: each workload in alternation without and with the built
 * agent, which runs without a console. Two ratios: of the elapsed times, as people feel it (the medians of the
 * rounds; whatever else runs on the machine is in it), and of the CPU times (the workload's with the agent, and
 * the agent's own meanwhile, to the workload's without), which other work hardly touches. Needs root on Linux,
 * a C compiler, git and npm; what cannot be done here is named with its reason.
 *
 * Usage: node test/bench/overhead.ts [full|quick] [ROUNDS] [WORKLOAD...]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { percentile, printResult } from './machine.ts';
import { startLoneAgent } from './overhead/lone-agent.ts';
import type { Run } from './overhead/run-child.ts';
import { difference, threadUsage } from './overhead/thread-usage.ts';
import { AMOUNTS, type Workload, workloads } from './overhead/workloads.ts';

const [size = 'full', rounds = size === 'quick' ? '1' : '5', ...only] = process.argv.slice(2);
if (size !== 'full' && size !== 'quick') throw new Error('usage: overhead [full|quick] [ROUNDS] [WORKLOAD...]');
/** Rules are read and the first code is compiled by then. */
const WARM_MS = 3_000;
/** What the agent has yet to do for what was done belongs to it. */
const SETTLE_MS = 1_500;

interface Measured {
  readonly workload: Workload;
  readonly folder: string;
  readonly without: Run[];
  readonly with: Run[];
  readonly agentMilliseconds: number[];
}

const round = (value: number): number => Number(value.toFixed(1));
const median = (values: readonly number[]): number => percentile(values, 0.5) ?? 0;
const percentMore = (value: number, base: number): number => round((value / base - 1) * 100);

async function prepare(base: string): Promise<{ ready: Measured[]; skipped: Record<string, string> }> {
  const ready: Measured[] = [];
  const skipped: Record<string, string> = {};
  for (const workload of workloads(AMOUNTS[size === 'quick' ? 'quick' : 'full'])) {
    if (only.length > 0 && !only.includes(workload.name)) continue;
    const folder = join(base, workload.name);
    mkdirSync(folder);
    try {
      await workload.prepare(folder);
      // Caches are filled and directories made before anything is measured.
      await workload.run(folder);
      ready.push({ workload, folder, without: [], with: [], agentMilliseconds: [] });
    } catch (error) {
      skipped[workload.name] = String(error).slice(0, 300);
    }
  }
  return { ready, skipped };
}

/** Numbers that a workload prints about itself, in microseconds: median, 99th percentile and longest. */
function latencies(runs: readonly Run[]): Record<string, number> | undefined {
  const lines = runs.map(({ output }) => output.trim().split(' ').map(Number));
  if (!lines.every((line) => line.length === 4 && line.every(Number.isFinite))) return undefined;
  const [middle, p99, longest] = [0, 1, 2].map((at) => median(lines.map((line) => line[at] ?? 0)));
  return { median: middle ?? 0, p99: p99 ?? 0, longest: longest ?? 0 };
}

function resultOf({ workload, without, with: beside, agentMilliseconds }: Measured): Record<string, unknown> {
  const [elapsed, elapsedBeside] = [without, beside].map((runs) => median(runs.map((run) => run.milliseconds)));
  const [cpu, cpuBeside] = [without, beside].map((runs) => median(runs.map((run) => run.cpuMilliseconds)));
  const agent = median(agentMilliseconds);
  const [before, after] = [latencies(without), latencies(beside)];
  return {
    workload: workload.name,
    withoutMs: round(elapsed ?? 0),
    withMs: round(elapsedBeside ?? 0),
    slowerPercent: percentMore(elapsedBeside ?? 0, elapsed ?? 0),
    cpuMs: { without: cpu, with: cpuBeside, agent: round(agent) },
    moreCpuPercent: percentMore((cpuBeside ?? 0) + agent, cpu ?? 0),
    ...(before && after ? { startMicroseconds: { without: before, with: after } } : {}),
  };
}

const base = mkdtempSync(join(tmpdir(), 'yagura-overhead-'));
try {
  const { ready, skipped } = await prepare(base);
  const stopMs: number[] = [];
  for (let i = 0; i < Number(rounds); i += 1) {
    for (const { workload, folder, without } of ready) without.push(await workload.run(folder));
    const agent = await startLoneAgent();
    try {
      await pause(WARM_MS);
      for (const measured of ready) {
        const before = threadUsage([agent.pid]);
        measured.with.push(await measured.workload.run(measured.folder));
        await pause(SETTLE_MS);
        measured.agentMilliseconds.push(difference(threadUsage([agent.pid]), before).cpuMilliseconds);
      }
    } finally {
      stopMs.push(await agent.stop());
    }
  }
  printResult({
    benchmark: 'overhead',
    size,
    rounds: Number(rounds),
    workloads: ready.map(resultOf),
    ...(Object.keys(skipped).length === 0 ? {} : { skipped }),
    agentStopMs: { median: Math.round(median(stopMs)), longest: Math.round(Math.max(...stopMs)) },
  });
} finally {
  rmSync(base, { recursive: true, force: true });
}
