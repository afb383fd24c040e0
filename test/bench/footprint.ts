/**
 * What the agent takes of a machine: memory (PSS of all its processes), CPU and wake-ups, idle and under load,
 * beside Debian's auditd under the same load, with rules for starts and connections alone. Idle is what is left
 * when nobody works: of the windows of one second those in which the machine began hardly a process, and of these
 * the lower half, since files can be written without one. Needs root on Linux and a C compiler.
 *
 * Usage: node test/bench/footprint.ts [full|quick] [IDLE_SECONDS]
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startLocalInstallation } from '../support/local-installation.ts';
import { treeOf, usageOf } from './load/process-tree.ts';
import { percentile, printResult } from './machine.ts';
import { startAuditDaemon } from './overhead/audit-daemon.ts';
import { difference, machineForks, type ThreadUsage, threadUsage } from './overhead/thread-usage.ts';
import { AMOUNTS, type Workload, workloads } from './overhead/workloads.ts';

const [size = 'full', idleSeconds = size === 'quick' ? '15' : '60'] = process.argv.slice(2);
if (size !== 'full' && size !== 'quick') throw new Error('usage: footprint [full|quick] [IDLE_SECONDS]');
const LOADS: ReadonlySet<string> = new Set(['exec-1000-per-second', 'c-build-of-realistic-files', 'file-churn']);
/** After it the agent has read its rules, sent its inventory and given back what that took. */
const WARM_MS = size === 'quick' ? 5_000 : 30_000;
const SETTLE_MS = 2_000;
/** New processes of the whole machine in a second at which it counts as idle. */
const IDLE_FORKS = 3;

const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

interface Window extends ThreadUsage {
  readonly forks: number;
}

async function watch(pids: readonly number[], seconds: number): Promise<Window[]> {
  const windows: Window[] = [];
  for (let i = 0; i < seconds; i += 1) {
    const [before, forks] = [threadUsage(pids), machineForks()];
    await pause(1_000);
    windows.push({ ...difference(threadUsage(pids), before), forks: machineForks() - forks });
  }
  return windows;
}

/** Milliseconds of CPU a second are tenths of a percent of a core. */
function describe(windows: readonly Window[]): Record<string, number> {
  const median = (of: (window: Window) => number): number => percentile(windows.map(of), 0.5) ?? 0;
  return {
    seconds: windows.length,
    cpuPercentOfACore: round(median(({ cpuMilliseconds }) => cpuMilliseconds) / 10, 3),
    wakeupsPerSecond: round(
      median(({ wakeups }) => wakeups),
      1,
    ),
  };
}

async function idle(pids: readonly number[]): Promise<Record<string, unknown>> {
  const windows = await watch(pids, Number(idleSeconds));
  const quiet = windows
    .filter(({ forks }) => forks <= IDLE_FORKS)
    .toSorted((a, b) => a.cpuMilliseconds - b.cpuMilliseconds);
  return {
    ...(quiet.length === 0 ? {} : { quiet: describe(quiet.slice(0, Math.ceil(quiet.length / 2))) }),
    all: describe(windows),
    pssMegabytes: round(usageOf(pids).pssMegabytes, 1),
  };
}

async function load(pids: readonly number[], workload: Workload, folder: string): Promise<Record<string, unknown>> {
  // Once for the compilers of both, ours and the workload's.
  await workload.run(folder);
  const before = threadUsage(pids);
  const { milliseconds, cpuMilliseconds } = await workload.run(folder);
  await pause(SETTLE_MS);
  const used = difference(threadUsage(pids), before);
  return {
    workload: workload.name,
    seconds: round(milliseconds / 1_000, 1),
    workloadCpuMs: cpuMilliseconds,
    cpuMs: round(used.cpuMilliseconds, 0),
    wakeupsPerSecond: round(used.wakeups / ((milliseconds + SETTLE_MS) / 1_000), 0),
    pssMegabytesAfter: round(usageOf(pids).pssMegabytes, 1),
  };
}

async function measure(pids: readonly number[], base: string): Promise<Record<string, unknown>> {
  await pause(WARM_MS);
  const atRest = await idle(pids);
  const loads: Record<string, unknown>[] = [];
  for (const workload of workloads(AMOUNTS[size === 'quick' ? 'quick' : 'full'])) {
    if (LOADS.has(workload.name)) loads.push(await load(pids, workload, join(base, workload.name)));
  }
  return { processes: pids.length, idle: atRest, loads };
}

/** The kernel's own thread, which hands the records of audit over, whoever reads them. */
function kernelAuditThread(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'kauditd';
      } catch {
        return false; // It ended while we looked.
      }
    });
}

async function measureAuditd(base: string): Promise<Record<string, unknown>> {
  const daemon = await startAuditDaemon();
  if (typeof daemon === 'string') return { skipped: daemon };
  try {
    return await measure([daemon.pid], base);
  } finally {
    await daemon.stop();
  }
}

const base = mkdtempSync(join(tmpdir(), 'yagura-footprint-'));
try {
  for (const workload of workloads(AMOUNTS[size === 'quick' ? 'quick' : 'full'])) {
    if (!LOADS.has(workload.name)) continue;
    mkdirSync(join(base, workload.name));
    await workload.prepare(join(base, workload.name));
  }
  const kernelBefore = threadUsage(kernelAuditThread());
  let agent: Record<string, unknown>;
  {
    await using installation = await startLocalInstallation();
    void installation;
    agent = await measure(treeOf('agent.mjs'), base);
  }
  const kernelBetween = threadUsage(kernelAuditThread());
  const auditd = await measureAuditd(base);
  const kernelAfter = threadUsage(kernelAuditThread());
  printResult({
    benchmark: 'footprint',
    size,
    agent: {
      ...agent,
      kernelAuditThreadCpuMs: round(difference(kernelBetween, kernelBefore).cpuMilliseconds, 0),
    },
    auditd: {
      ...auditd,
      kernelAuditThreadCpuMs: round(difference(kernelAfter, kernelBetween).cpuMilliseconds, 0),
    },
  });
} finally {
  rmSync(base, { recursive: true, force: true });
}
