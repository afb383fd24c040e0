/**
 * Memory, descriptors and completeness of the agent over a long time under a mixed load of harmless programs:
 * short-lived processes, files, connections, DNS, log lines, mounts, renamed folders and a detection now and
 * then. Each window's work carries a mark of its own and is looked up in the agent's local history afterwards.
 * One line of JSON on stderr for each sample and window. Needs root on Linux and a C compiler.
 *
 * Usage: node test/bench/soak.ts [SECONDS] [STARTS_PER_SECOND]
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { requestStatus } from '../../endpoint-agent/src/local-api/client.ts';
import { LOCAL_SOCKET } from '../../endpoint-agent/src/local-api/status.ts';
import { type LocalInstallation, startLocalInstallation } from '../support/local-installation.ts';
import { countCaptured } from './load/captured.ts';
import { detectionLoad } from './load/detections.ts';
import { fileLoad, LogLoad, renameStorm } from './load/files.ts';
import type { Load, Window } from './load/load.ts';
import { NetworkLoad } from './load/network.ts';
import { treeOf, type Usage, usageOf } from './load/process-tree.ts';
import { mountLoad, processLoad } from './load/processes.ts';
import { trendOf } from './load/trend.ts';
import { printResult } from './machine.ts';

const SECONDS = Number(process.argv[2] ?? 600);
const RATE = Number(process.argv[3] ?? 60);
const WINDOW_SECONDS = Math.min(60, SECONDS);
const SAMPLE_SECONDS = 15;
/** What was made last in a window is in the history after this. */
const SETTLE_SECONDS = 20;
const DETECTION_EVERY_WINDOWS = 5;
const TREND_DIGITS = 2;

interface Sample {
  /** Seconds since the beginning. */
  readonly at: number;
  readonly agent: Usage;
  readonly console: Usage;
  readonly spoolMegabytes: number;
  readonly historyMegabytes: number;
  readonly historyDropped: number;
  readonly openStories: number;
  readonly lost: Readonly<Record<string, number>>;
  readonly events: Readonly<Record<string, number>>;
  readonly states: Readonly<Record<string, string>>;
  readonly shed: number;
  readonly agentPid: number;
}

const say = (line: Record<string, unknown>): void => void process.stderr.write(`${JSON.stringify(line)}\n`);

async function sample(installation: LocalInstallation, at: number): Promise<Sample | undefined> {
  const answer = await requestStatus(join(installation.agentDir, LOCAL_SOCKET), SAMPLE_SECONDS * 1_000);
  if (!answer.ok) {
    say({ at, code: answer.code });
    return undefined;
  }
  const { health, history, stories, pid } = answer.status;
  const { sensors, spool } = health;
  return {
    at,
    agent: usageOf(treeOf('agent.mjs')),
    console: usageOf(treeOf('console.mjs')),
    spoolMegabytes: spool.bytes / 2 ** 20,
    historyMegabytes: (history?.bytes ?? 0) / 2 ** 20,
    historyDropped: history?.dropped ?? 0,
    openStories: stories.open,
    lost: Object.fromEntries(sensors.map(({ name, lost }) => [name, lost])),
    events: Object.fromEntries(sensors.map(({ name, events }) => [name, events])),
    states: Object.fromEntries(sensors.map(({ name, state }) => [name, state])),
    shed: spool.shed,
    agentPid: pid,
  };
}

/** Runs all loads through all windows and counts each window's events a little later. */
async function drive(
  loads: readonly Load[],
  runId: string,
  count: (window: Window, span: { from: number; to: number }) => Record<string, number>,
): Promise<{ made: Record<string, number>; captured: Record<string, number> }> {
  const made: Record<string, number> = {};
  const captured: Record<string, number> = {};
  const counting: Promise<void>[] = [];
  // By the clock: on a machine that is too busy a window takes longer than it should.
  const until = performance.now() + SECONDS * 1_000;
  for (let index = 0; performance.now() < until; index += 1) {
    const window = { index, seconds: WINDOW_SECONDS, mark: `${runId}w${index}` };
    const from = Date.now();
    const parts = await Promise.all(
      loads.map((load) =>
        load.run(window).catch((error: unknown) => {
          say({ window: index, error: String(error) });
          return { failedLoads: 1 };
        }),
      ),
    );
    const to = Date.now();
    const work: Record<string, number> = Object.assign({}, ...parts);
    add(made, work);
    counting.push(
      pause(SETTLE_SECONDS * 1_000).then(() => {
        const found = count(window, { from, to });
        add(captured, found);
        const missing = Object.fromEntries(
          Object.entries(found)
            .map(([kind, seen]) => [kind, (work[kind] ?? 0) - seen] as const)
            .filter(([, difference]) => difference !== 0),
        );
        say({ window: index, seconds: Math.round((to - from) / 1_000), made: work, missing });
      }),
    );
  }
  await Promise.all(counting);
  return { made, captured };
}

function add(total: Record<string, number>, part: Readonly<Record<string, number>>): void {
  for (const [kind, value] of Object.entries(part)) total[kind] = (total[kind] ?? 0) + value;
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Number(value.toFixed(TREND_DIGITS));
}

function trends(samples: readonly Sample[]): Record<string, Record<string, number | undefined>> {
  const measures: Record<string, (one: Sample) => number> = {
    agentPssMegabytes: ({ agent }) => agent.pssMegabytes,
    agentRssMegabytes: ({ agent }) => agent.rssMegabytes,
    agentDescriptors: ({ agent }) => agent.descriptors,
    agentThreads: ({ agent }) => agent.threads,
    agentProcesses: ({ agent }) => agent.processes,
    consolePssMegabytes: ({ console }) => console.pssMegabytes,
    consoleDescriptors: ({ console }) => console.descriptors,
    spoolMegabytes: ({ spoolMegabytes }) => spoolMegabytes,
    historyMegabytes: ({ historyMegabytes }) => historyMegabytes,
    openStories: ({ openStories }) => openStories,
  };
  return Object.fromEntries(
    Object.entries(measures).map(([name, value]) => {
      const trend = trendOf(samples.map((one) => ({ at: one.at, value: value(one) })));
      return [name, Object.fromEntries(Object.entries(trend).map(([key, number]) => [key, rounded(number)]))];
    }),
  );
}

/** What the agent's log warns of, by message. */
function warnings(dataDir: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of readFileSync(join(dataDir, 'logs', 'agent.log'), 'utf8').split('\n')) {
    const message = /"level":(?:40|50|60|"(?:warn|error|fatal)").*"msg":"([^"]{1,120})/.exec(line)?.[1];
    if (message !== undefined) add(counts, { [message]: 1 });
  }
  return counts;
}

const runId = `soak${randomBytes(3).toString('hex')}`;
const folder = mkdtempSync(join(tmpdir(), 'soak-'));
const samples: Sample[] = [];
let unanswered = 0;
try {
  await using installation = await startLocalInstallation();
  await using network = await NetworkLoad.open({ connections: RATE / 4, datagrams: RATE / 4, queries: RATE / 8 });
  using logs = new LogLoad(runId, RATE / 4);
  const loads = [
    processLoad(folder, RATE),
    mountLoad(folder, 2),
    fileLoad(folder, RATE / 2),
    renameStorm(folder, RATE * 10),
    network,
    logs,
    await detectionLoad(folder, installation.link, DETECTION_EVERY_WINDOWS),
  ];
  const begin = performance.now();
  const stop = new AbortController();
  const sampling = (async () => {
    while (!stop.signal.aborted) {
      const at = Math.round((performance.now() - begin) / 1_000);
      const one = await sample(installation, at);
      if (one) {
        samples.push(one);
        say({ sample: one });
      } else unanswered += 1;
      await pause(SAMPLE_SECONDS * 1_000, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  const ports = { tcp: network.tcpPort, udp: network.udpPort };
  const { made, captured } = await drive(loads, runId, (window, span) =>
    countCaptured(installation.agentDir, window, span, ports),
  );
  stop.abort();
  await sampling;
  const last = samples.at(-1);
  const seconds = Math.round((performance.now() - begin) / 1_000);
  const agentRestarts = new Set(samples.map(({ agentPid }) => agentPid)).size - 1;
  const log = warnings(installation.dataDir);
  const exitCode = await installation.stop();
  const crashed = agentRestarts > 0 || exitCode !== 0 || samples.length === 0;
  printResult({
    benchmark: 'soak',
    seconds,
    startsPerSecond: RATE,
    samples: samples.length,
    unanswered,
    crashed,
    agentRestarts,
    trends: trends(samples),
    agentCpuPercentOfACore: rounded(
      (((last?.agent.cpuSeconds ?? 0) - (samples[0]?.agent.cpuSeconds ?? 0)) /
        ((last?.at ?? 0) - (samples[0]?.at ?? 0))) *
        100,
    ),
    made,
    captured,
    lost: last?.lost,
    events: last?.events,
    states: last?.states,
    historyDropped: last?.historyDropped,
    shed: last?.shed,
    warnings: log,
  });
  if (crashed) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
