/**
 * Memory (PSS of all resident processes of the agent) and CPU of the idle agent, and how much slower a
 * parallel C build becomes, measured in alternation with and without the agent.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalInstallation } from '../support/local-installation.ts';
import { percentile, printResult } from './machine.ts';

const ROUNDS = Number(process.argv[2] ?? 5);
const IDLE_SECONDS = Number(process.argv[3] ?? 30);
const SOURCES = 120;
const TICKS_PER_SECOND = 100;

/** The agent's process and all below it. */
function agentProcesses(agentDir: string): readonly number[] {
  const parents = new Map<number, number>();
  let agent: number | undefined;
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
      if (command.includes('agent.mjs') && command.includes(agentDir)) agent = Number(name);
    } catch {
      // It ended while we looked.
    }
  }
  if (agent === undefined) throw new Error('the agent does not run');
  const tree = [agent];
  for (const pid of tree) tree.push(...[...parents].filter(([, parent]) => parent === pid).map(([child]) => child));
  return tree;
}

function pssMegabytes(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) =>
    Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0),
  );
  return kilobytes.reduce((sum, value) => sum + value, 0) / 1024;
}

function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [utime = '0', stime = '0'] = fields
      .slice(fields.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    return Number(utime) + Number(stime);
  });
  return ticks.reduce((sum, value) => sum + value, 0) / TICKS_PER_SECOND;
}

/** Compiles many small C files, as many at a time as there are cores; returns milliseconds. */
function build(folder: string): Promise<number> {
  const started = performance.now();
  const command = `ls *.c | xargs -P 2 -n 1 sh -c 'cc -O1 -c "$0" -o "$0.o"'`;
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', command], { cwd: folder, stdio: 'ignore' });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(performance.now() - started) : reject(new Error(`build: ${code}`)),
    );
  });
}

const folder = mkdtempSync(join(tmpdir(), 'yagura-build-'));
const dataDir = mkdtempSync(join(tmpdir(), 'yagura-footprint-'));
try {
  execFileSync('cc', ['--version'], { stdio: 'ignore' });
  for (let i = 0; i < SOURCES; i += 1) {
    writeFileSync(
      join(folder, `f${i}.c`),
      `#include <stdio.h>\n#include <stdlib.h>\nint f${i}(int n){int s=0;for(int i=0;i<n;i++)s+=i*${i};return printf("%d",s);}\n`,
    );
  }
  await build(folder);
  const without: number[] = [];
  const with_: number[] = [];
  let idle: Record<string, number> = {};
  for (let i = 0; i < ROUNDS; i += 1) {
    without.push(await build(folder));
    await using installation = await startLocalInstallation({ dataDir });
    if (i === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      const pids = agentProcesses(installation.agentDir);
      const before = cpuSeconds(pids);
      await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1_000));
      idle = {
        processes: pids.length,
        pssMegabytes: Number(pssMegabytes(pids).toFixed(1)),
        cpuPercentOfACore: Number((((cpuSeconds(pids) - before) / IDLE_SECONDS) * 100).toFixed(2)),
      };
    }
    await build(folder);
    with_.push(await build(folder));
  }
  const base = percentile(without, 0.5) ?? 0;
  const loaded = percentile(with_, 0.5) ?? 0;
  printResult({
    benchmark: 'footprint',
    idle: { ...idle, seconds: IDLE_SECONDS },
    build: {
      files: SOURCES,
      rounds: ROUNDS,
      withoutMs: Math.round(base),
      withMs: Math.round(loaded),
      slowerPercent: Number(((loaded / base - 1) * 100).toFixed(1)),
    },
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
}
