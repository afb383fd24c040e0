/**
 * What a stopped reader costs the machine: the process with the sensors is stopped by SIGSTOP while programs
 * start at a steady rate, then continued. No process may wait for it; what is lost must be counted; and it must
 * soon see everything again. A watchdog of its own ends it all after a time, whatever happens here.
 *
 * Usage: node test/bench/stall.ts [SECONDS] [STARTS_PER_SECOND]
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { restoreKernelState } from '../../endpoint-agent/src/sensors/linux/index.ts';
import { guardAuditState } from '../support/audit-guard.ts';
import { printResult } from './machine.ts';

const SECONDS = Number(process.argv[2] ?? 60);
const RATE = Number(process.argv[3] ?? 1_000);
const PROGRAM = '/bin/true';
const REPORTER = new URL('../support/capture-reporter.ts', import.meta.url).pathname;
/** Beyond the stall itself: starting, catching up, ending. */
const SPARE_SECONDS = 90;

interface Burst {
  readonly seconds: number;
  readonly longestMs: number;
  readonly failures: number;
  readonly over200Ms: number;
}

interface Count {
  readonly seen: number;
  readonly lost: number;
  readonly state: string;
}

async function burst(spawner: string, mark: string, count: number): Promise<Burst> {
  const child = spawn(spawner, [PROGRAM, mark, String(count), String(RATE)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  for await (const chunk of child.stdout) output += String(chunk);
  const [elapsed = 0, longest = 0, failures = 0, over200Ms = 0] = output.trim().split(' ').map(Number);
  return { seconds: elapsed / 1e9, longestMs: Number((longest / 1e6).toFixed(1)), failures, over200Ms };
}

/** Continues and kills the stopped process if this one does not come to its end. */
function watchdog(pid: number): ChildProcess {
  const seconds = SECONDS + SPARE_SECONDS;
  const script = `sleep ${seconds}; kill -CONT ${pid} && kill -KILL ${pid}`;
  return spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
}

const folder = mkdtempSync(join(tmpdir(), 'yagura-stall-'));
const spawner = join(folder, 'spawner');
execFileSync('cc', ['-O2', '-o', spawner, join(import.meta.dirname, 'spawner.c')]);
const stateFile = join(folder, 'state', 'kernel-state.json');
using _guard = guardAuditState();
const without = await burst(spawner, 'stall-none', Math.min(10, SECONDS) * RATE);
const reporter = spawn(process.execPath, [REPORTER, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
const pid = reporter.pid ?? 0;
const dog = watchdog(pid);
try {
  const lines = createInterface({ input: reporter.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const count = async (mark: string): Promise<Count> => {
    reporter.stdin.write(`count ${mark}\n`);
    return JSON.parse(String((await lines.next()).value)) as Count;
  };
  const free = await burst(spawner, 'stall-free', Math.min(10, SECONDS) * RATE);
  await pause(1_000);
  const before = await count('stall-free');

  process.kill(pid, 'SIGSTOP');
  const stopped = await burst(spawner, 'stall-stopped', SECONDS * RATE);
  process.kill(pid, 'SIGCONT');

  // One start every 50 ms with a mark of its own: from the first on after which none is missing, all is well.
  const continuedAt = performance.now();
  const startedAt: number[] = [];
  while (performance.now() - continuedAt < 10_000) {
    startedAt.push(performance.now() - continuedAt);
    await once(spawn(PROGRAM, [`stall-again-${startedAt.length - 1}`], { stdio: 'ignore' }), 'exit');
    await pause(50);
  }
  await pause(5_000);
  const again = await count('stall-again');
  const after = await count('stall-stopped');
  const missedAgain = startedAt.length - again.seen;
  const unseen = SECONDS * RATE - after.seen;
  const lost = after.lost - before.lost;
  printResult({
    benchmark: 'stall',
    stoppedSeconds: SECONDS,
    startsPerSecond: RATE,
    without,
    reading: { ...free, seen: before.seen, of: Math.min(10, SECONDS) * RATE },
    stopped: { ...stopped, seen: after.seen, of: SECONDS * RATE, unseen, countedAsLost: lost },
    everyLossCounted: lost >= unseen + missedAgain,
    // Those that were missed came first: the queue of the kernel was still full.
    fullCaptureAfterMs: Math.round(startedAt[missedAgain] ?? Number.POSITIVE_INFINITY),
    stateAfterwards: again.state,
  });
  reporter.stdin.end('end\n');
  await once(reporter, 'exit');
} finally {
  if (dog.exitCode === null && dog.pid !== undefined) process.kill(-dog.pid, 'SIGKILL');
  if (reporter.exitCode === null && reporter.signalCode === null) {
    process.kill(pid, 'SIGCONT');
    process.kill(pid, 'SIGKILL');
    await once(reporter, 'exit');
  }
  restoreKernelState(stateFile);
  rmSync(folder, { recursive: true, force: true });
}
