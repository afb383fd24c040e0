import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { build } from 'esbuild';
import { compilePack } from '../../endpoint-agent/src/core/detection/pack/rule-pack.ts';
import {
  createEvaluatorOf,
  type SigmaEvaluator,
  type SigmaEvaluatorOptions,
} from '../../endpoint-agent/src/core/detection/sigma/create-sigma-evaluator.ts';
import { BUDGET_LIMITS } from '../../endpoint-agent/src/core/detection/sigma/engine/rule-budget.ts';
import { type LoadedRules, loadRules } from '../../endpoint-agent/src/core/detection/sigma/load-rules.ts';
import type { Expression, SigmaRule } from '../../endpoint-agent/src/core/detection/sigma/rule-ast.ts';
import { AGENT_NODE_ARGUMENTS } from '../../endpoint-agent/src/service/node-arguments.ts';
import { createNaiveEvaluator } from '../fakes/naive-evaluator.ts';
import { absent, corpusSources } from '../fakes/public-test-data.ts';
import { percentile, printResult } from './machine.ts';
import {
  type BenchEvent,
  fixtureEvents,
  freshCopies,
  type Halves,
  halves,
  recordedEvents,
  runningProcesses,
  SEED,
} from './sigma-events.ts';
import { measureRsigma } from './sigma-peer.ts';

/**
 * Events per second of CPU against the public rules, one thread. Events are the Windows events recorded in the
 * test data, the processes that run here, and the fixtures of the agent's own rules; half of them, chosen by seed,
 * are measured, and only the other half may train the engine. Each pass is over fresh copies whose command lines
 * and ids are unique, so that nothing is won by remembering them; images and users do come again, as they do on a
 * PC. Every rule's time is accounted, as in the agent. Rates are of CPU time, so that other work on the machine
 * counts less (it still slows every instruction: the median and the best pass stand beside the whole); percentiles
 * are of wall time. Prints one JSON object, last line.
 */
const PASS_EVENTS = 4_410;
const WARM_UP_PASSES = 6;
const PASSES = 24;
const LOADS = 5;

/** Time is accounted, but no rule is left out for it: that would make the rest faster. */
const UNBOUNDED = { ...BUDGET_LIMITS, perRule: Number.POSITIVE_INFINITY };

/** Moves what was prepared for a pass out of the way, so that its cost is not the engine's. */
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;

interface Rate {
  readonly eventsPerSecond: number;
  readonly medianPass: number;
  readonly bestPass: number;
  readonly matchesPerEvent: number;
}

function rate(
  evaluate: (event: BenchEvent) => number,
  events: readonly BenchEvent[],
  passes: number,
  most: number,
): Rate {
  const copies = Math.max(1, Math.round(most / events.length));
  let count = 0;
  let matches = 0;
  const times: number[] = [];
  for (let pass = 0; pass < passes; pass += 1) {
    const batch = freshCopies(events, copies);
    collect({ type: 'minor' });
    collect({ type: 'minor' });
    const start = process.cpuUsage();
    for (const event of batch) matches += evaluate(event);
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / batch.length);
    count += batch.length;
  }
  const perSecond = (microseconds: number | undefined): number => Math.round(1e6 / (microseconds ?? Number.NaN));
  return {
    eventsPerSecond: perSecond(times.reduce((sum, time) => sum + time, 0) / times.length),
    medianPass: perSecond(percentile(times, 0.5)),
    bestPass: perSecond(percentile(times, 0)),
    matchesPerEvent: Math.round((matches / count) * 1_000) / 1_000,
  };
}

function latencies(evaluator: SigmaEvaluator, events: readonly BenchEvent[]): Record<string, number | undefined> {
  const times: number[] = [];
  const copies = Math.max(1, Math.round(PASS_EVENTS / events.length));
  for (let pass = 0; pass < 3; pass += 1) {
    for (const event of freshCopies(events, copies)) {
      const start = process.hrtime.bigint();
      evaluator.evaluate(event);
      times.push(Number(process.hrtime.bigint() - start) / 1_000);
    }
  }
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95), p99: percentile(times, 0.99) };
}

/** CPU milliseconds that a command line of 2^20 characters takes at most: all literals of all rules in a row. */
function megabyte(rules: LoadedRules): number {
  const evaluator = createEvaluatorOf(rules, {});
  const literals = new Set<string>();
  const gather = (expression: Expression): void => {
    if (expression.kind === 'not') gather(expression.operand);
    else if (expression.kind !== 'test') expression.operands.forEach(gather);
    else if (expression.predicate.kind === 'text') {
      for (const part of expression.predicate.parts) if (typeof part === 'object') literals.add(part.literal);
    }
  };
  for (const { expression } of rules.rules) gather(expression);
  const all = [...literals].join(' ');
  const CommandLine = all.repeat(Math.ceil(2 ** 20 / all.length)).slice(0, 2 ** 20);
  const logsource = { product: 'windows', category: 'process_creation', service: 'sysmon' };
  const times = Array.from({ length: 3 }, () => {
    const start = process.cpuUsage();
    evaluator.evaluate({ logsource, fields: { Image: String.raw`C:\powershell.exe`, CommandLine } });
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000;
  });
  return Math.round(Math.max(...times));
}

function select(loaded: LoadedRules, wanted: (rule: SigmaRule) => boolean): LoadedRules {
  return { rules: loaded.rules.filter(wanted), correlations: [], rejected: [] };
}

/** Cold, trained on the other half, and naive, all on the held-out half. */
function measure(rules: LoadedRules, [training, heldOut]: Halves): object {
  const create = (options: SigmaEvaluatorOptions): SigmaEvaluator =>
    createEvaluatorOf(rules, { clock: () => performance.now(), budget: UNBOUNDED, ...options });
  const counting = (evaluator: SigmaEvaluator) => (event: BenchEvent) => evaluator.evaluate(event).length;
  const cold = create({ adaptive: false });
  rate(counting(cold), heldOut, WARM_UP_PASSES, PASS_EVENTS);
  const coldRate = rate(counting(cold), heldOut, PASSES, PASS_EVENTS);
  const trained = create({});
  rate(counting(trained), training, WARM_UP_PASSES * 2, PASS_EVENTS);
  const trainedRate = rate(counting(trained), heldOut, PASSES, PASS_EVENTS);
  const naive = createNaiveEvaluator(rules.rules);
  const sample = heldOut.slice(0, 300);
  rate((event) => naive(event.fields), sample, 1, 1);
  const naiveRate = rate((event) => naive(event.fields), sample, 3, 1);
  return {
    rules: rules.rules.length,
    events: { training: training.length, heldOut: heldOut.length },
    cold: coldRate,
    trained: trainedRate,
    microseconds: latencies(trained, heldOut),
    naive: naiveRate.eventsPerSecond,
    ratioToNaive: Math.round((trainedRate.eventsPerSecond / naiveRate.eventsPerSecond) * 10) / 10,
  };
}

interface Load {
  readonly milliseconds: number;
  readonly cpuMilliseconds: number;
}

/** What a process takes that is bundled and started as the agent is: several times, the median by time. */
function loading(script: string, folder: string, text: string): object {
  const pack = join(folder, 'pack');
  writeFileSync(pack, text);
  const runs = Array.from({ length: LOADS }, () => {
    const child = spawnSync(process.execPath, [...AGENT_NODE_ARGUMENTS, script, pack], { encoding: 'utf8' });
    if (child.status !== 0) throw new Error(child.stderr.slice(-500));
    return JSON.parse(child.stdout) as Load;
  }).toSorted((a, b) => a.milliseconds - b.milliseconds);
  return {
    packMiB: Math.round((text.length / 2 ** 20) * 10) / 10,
    fastest: runs[0]?.milliseconds,
    slowest: runs.at(-1)?.milliseconds,
    median: runs[LOADS >> 1],
  };
}

async function loads(): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), 'yagura-sigma-'));
  try {
    const script = join(folder, 'load.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL('./sigma-load.ts', import.meta.url))],
      outfile: script,
      bundle: true,
      platform: 'node',
      target: 'node26',
      format: 'esm',
      minifySyntax: true,
      minifyWhitespace: true,
      legalComments: 'none',
      banner: {
        js: "import { createRequire as __benchRequire } from 'node:module'; const require = __benchRequire(import.meta.url);",
      },
      logLevel: 'error',
    });
    const linux = corpusSources().filter(({ file }) => file.includes('/linux/'));
    return {
      everything: loading(script, folder, compilePack(corpusSources()).text),
      linux: loading(script, folder, compilePack(linux).text),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const missing = absent('sigma-rules') || absent('evtx');
  if (missing !== '') {
    printResult({ benchmark: 'sigma', skipped: missing.trim() });
    return;
  }
  const start = process.hrtime.bigint();
  const loaded = loadRules(corpusSources());
  const yamlMilliseconds = Math.round(Number(process.hrtime.bigint() - start) / 1e6);
  const windows = recordedEvents();
  const starts = windows.filter(
    ({ logsource }) => logsource.service === 'sysmon' && logsource.category === 'process_creation',
  );
  const linux = [...runningProcesses(), ...fixtureEvents('linux')];
  const macos = fixtureEvents('macos');
  const ofSystem = (product: string) => select(loaded, ({ logsource }) => logsource.product === product);
  const isStart = ({ logsource }: SigmaRule): boolean =>
    logsource.product === 'windows' && logsource.category === 'process_creation';
  const before = loadavg();
  const result = {
    windowsProcessCreation: measure(select(loaded, isStart), halves(starts)),
    windowsAll: measure(ofSystem('windows'), halves(windows)),
    linuxAll: measure(ofSystem('linux'), halves(linux)),
    macosAll: measure(ofSystem('macos'), halves(macos)),
    allSourcesMixed: measure(loaded, halves([...windows, ...linux, ...macos])),
  };
  printResult({
    benchmark: 'sigma',
    seed: SEED,
    corpus: { loaded: loaded.rules.length, rejected: loaded.rejected.length, yamlMilliseconds },
    ...result,
    megabyteMilliseconds: megabyte(select(loaded, isStart)),
    loadPack: await loads(),
    rsigma: measureRsigma({
      rules: corpusSources().flatMap(({ file, text }) => (file.includes('windows/process_creation/') ? [text] : [])),
      events: freshCopies(halves(starts)[1], 10).map(({ fields }) => fields),
    }),
    loadAverage: { before, after: loadavg() },
  });
}

await main();
