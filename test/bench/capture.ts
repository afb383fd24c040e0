/**
 * Short-lived processes with unique arguments at full speed, captured through the real sensors, undisturbed
 * and with the reading thread standing still for two seconds in the middle; before and after it the same work
 * without sensors. Needs root on Linux; uses a small C program when there is a compiler, else a shell loop.
 *
 * Usage: node test/bench/capture.ts [COUNT] [STALL_MS]
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { systemClock } from '../../endpoint-agent/src/platform/clock.ts';
import { createLinuxCapture } from '../../endpoint-agent/src/sensors/linux/index.ts';
import type { Sensor, Sink } from '../../endpoint-agent/src/sensors/sensor.ts';
import { printResult } from './machine.ts';

interface Spawner {
  readonly command: string;
  readonly args: (mark: string, count: number) => string[];
  readonly kind: 'posix_spawn' | 'shell';
}

interface Burst {
  readonly seconds: number;
  readonly longestMs?: number;
  readonly failures: number;
}

const PROGRAM = '/bin/true';
const SETTLE_MS = 3_000;

/** Compiles the spawner into `folder`, or falls back to a shell loop. */
function findSpawner(folder: string): Spawner {
  const source = join(import.meta.dirname, 'spawner.c');
  const binary = join(folder, 'spawner');
  const compiled = spawnSync('cc', ['-O2', '-o', binary, source], { stdio: 'ignore' });
  if (compiled.status === 0) {
    return { kind: 'posix_spawn', command: binary, args: (mark, count) => [PROGRAM, mark, String(count)] };
  }
  const loop = 'i=0; while [ $i -lt "$3" ]; do "$1" "$2-$i"; i=$((i+1)); done; echo 0 0 0';
  return { kind: 'shell', command: '/bin/sh', args: (mark, count) => ['-c', loop, 'sh', PROGRAM, mark, String(count)] };
}

async function burst(spawner: Spawner, mark: string, count: number): Promise<Burst> {
  const started = performance.now();
  const child = spawn(spawner.command, spawner.args(mark, count), { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  for await (const chunk of child.stdout) output += String(chunk);
  const seconds = (performance.now() - started) / 1_000;
  const [, longest = 0, failures = 0] = output.trim().split(' ').map(Number);
  return { seconds, failures, ...(longest > 0 ? { longestMs: Number((longest / 1e6).toFixed(2)) } : {}) };
}

function lossOf(sensors: readonly Sensor[]): Record<string, number> {
  return Object.fromEntries(sensors.map((sensor) => [sensor.health().name, sensor.health().lost]));
}

async function captured(spawner: Spawner, count: number, stallMs: number): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), 'yagura-capture-'));
  const mark = `capture-${process.pid}-${stallMs}`;
  const seen = new Set<string>();
  let exits = 0;
  const sink: Sink = (observations) => {
    for (const { logsource, fields } of observations) {
      const line = fields['CommandLine'];
      if (logsource.category === 'process_termination') exits += 1;
      else if (logsource.category === 'process_creation' && typeof line === 'string' && line.includes(mark)) {
        if (line.startsWith(`${PROGRAM} ${mark}-`)) seen.add(line);
      }
    }
  };
  const { sensors, host } = createLinuxCapture({
    stateDir: folder,
    clock: systemClock,
    ignorePaths: [],
    log: (message, details) => process.stderr.write(`${message} ${JSON.stringify(details)}\n`),
  });
  const stop = new AbortController();
  try {
    await Promise.all(sensors.map((sensor) => sensor.start(sink, stop.signal)));
    const before = process.cpuUsage();
    const running = burst(spawner, mark, count);
    if (stallMs > 0) setTimeout(() => host.stall(stallMs), 1_000);
    const result = await running;
    const ended = performance.now();
    while (seen.size < count && performance.now() - ended < SETTLE_MS) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const cpu = process.cpuUsage(before);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return {
      stallMs,
      started: count,
      captured: seen.size,
      share: seen.size / count,
      exits,
      lost: lossOf(sensors),
      execPerSecond: Math.round(count / result.seconds),
      longestExecMs: result.longestMs,
      failures: result.failures,
      cpuSeconds: Number(((cpu.user + cpu.system) / 1e6).toFixed(2)),
      behindMs: Math.round(performance.now() - ended - 1_500),
      microsecondsPerExec: Number(((result.seconds * 1e6) / count).toFixed(1)),
    };
  } finally {
    stop.abort();
    await Promise.all(sensors.map((sensor) => sensor.stopped));
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const count = Number(args[0] ?? 20_000);
  const stallMs = Number(args[1] ?? 2_000);
  const folder = mkdtempSync(join(tmpdir(), 'yagura-spawner-'));
  try {
    const spawner = findSpawner(folder);
    const first = await burst(spawner, 'baseline', count);
    const undisturbed = await captured(spawner, count, 0);
    const stalled = await captured(spawner, count, stallMs);
    const last = await burst(spawner, 'baseline', count);
    const baseline = ((first.seconds + last.seconds) / 2 / count) * 1e6;
    return {
      bench: 'capture',
      spawner: spawner.kind,
      baseline: {
        execPerSecond: Math.round(1e6 / baseline),
        microsecondsPerExec: Number(baseline.toFixed(1)),
        longestExecMs: Math.max(first.longestMs ?? 0, last.longestMs ?? 0),
      },
      undisturbed,
      stalled,
      addedMicrosecondsPerExec: Number((Number(undisturbed['microsecondsPerExec']) - baseline).toFixed(1)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error(`capture needs root on Linux (here: ${process.platform}, uid ${process.getuid?.()})`);
  }
  printResult(await run(process.argv.slice(2)));
}
