import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compilePack, readPack } from '../../endpoint-agent/src/core/detection/pack/rule-pack.ts';
import {
  createEvaluatorOf,
  type SigmaEvaluator,
  type SigmaEvaluatorOptions,
} from '../../endpoint-agent/src/core/detection/sigma/create-sigma-evaluator.ts';
import { type LoadedRules, loadRules } from '../../endpoint-agent/src/core/detection/sigma/load-rules.ts';
import type { SigmaRule } from '../../endpoint-agent/src/core/detection/sigma/rule-ast.ts';
import { readEvtx } from '../../endpoint-agent/src/core/normalise/evtx/read-evtx.ts';
import { normaliseWindowsEvent, type WindowsEvent } from '../../endpoint-agent/src/core/normalise/windows-event.ts';
import { createNaiveEvaluator } from '../fakes/naive-evaluator.ts';
import { absent, corpusSources, TESTDATA } from '../fakes/public-test-data.ts';
import { seededRandom } from '../fakes/sigma-generator.ts';
import { percentile, printResult } from './machine.ts';

/**
 * Events per second of CPU against the public rules, one thread. Events are the Windows events recorded in the
 * test data; half of them, chosen by seed, are measured, and only the other half may train the engine. Each pass
 * is over fresh copies whose command lines and ids are unique, so that nothing is won by remembering them; images
 * and users do come again, as they do on a PC. Rates are of CPU time, so that other work on the machine counts
 * less; percentiles are of wall time. Prints one JSON object, last line.
 */
const SEED = 20_260_805;
const PASS_COPIES = 10;
const WARM_UP_PASSES = 6;
const PASSES = 12;
const UNIQUE = ['CommandLine', 'ParentCommandLine', 'ProcessGuid', 'ParentProcessGuid', 'LogonGuid', 'UtcTime'];

type Evaluated = Pick<WindowsEvent, 'logsource' | 'fields'>;
const random = seededRandom(SEED);
let unique = 0;

function recordedEvents(): WindowsEvent[] {
  const events: WindowsEvent[] = [];
  for (const file of globSync('**/*.evtx', { cwd: TESTDATA }).sort()) {
    for (const record of readEvtx(readFileSync(join(TESTDATA, file)))) {
      const result = record.ok ? normaliseWindowsEvent(record.record) : record;
      if (result.ok) events.push(result.event);
    }
  }
  return events;
}

function halves<T>(events: readonly T[]): readonly [training: readonly T[], heldOut: readonly T[]] {
  const shuffled = [...events];
  for (let i = shuffled.length - 1; i > 0; i -= 1) {
    const j = random.below(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
  }
  const half = shuffled.length >> 1;
  return [shuffled.slice(0, half), shuffled.slice(half)];
}

function freshCopies(events: readonly Evaluated[], copies: number): readonly Evaluated[] {
  const text = JSON.stringify(events);
  return Array.from(
    { length: copies },
    () => JSON.parse(text) as { logsource: Evaluated['logsource']; fields: Record<string, unknown> }[],
  )
    .flat()
    .map(({ logsource, fields }) => {
      for (const name of UNIQUE) {
        if (typeof fields[name] === 'string') fields[name] = `${fields[name]} ${((unique += 1)).toString(36)}`;
      }
      return { logsource, fields: fields as Evaluated['fields'] };
    });
}

interface Rate {
  readonly eventsPerSecond: number;
  readonly matchesPerEvent: number;
}

function rate(
  evaluate: (event: Evaluated) => number,
  events: readonly Evaluated[],
  passes: number,
  copies: number,
): Rate {
  let count = 0;
  let matches = 0;
  let microseconds = 0;
  for (let pass = 0; pass < passes; pass += 1) {
    const batch = freshCopies(events, copies);
    const start = process.cpuUsage().user;
    for (const event of batch) matches += evaluate(event);
    microseconds += process.cpuUsage().user - start;
    count += batch.length;
  }
  return {
    eventsPerSecond: Math.round((count / microseconds) * 1e6),
    matchesPerEvent: Math.round((matches / count) * 1_000) / 1_000,
  };
}

function latencies(evaluator: SigmaEvaluator, events: readonly Evaluated[]): Record<string, number | undefined> {
  const times: number[] = [];
  for (let pass = 0; pass < 3; pass += 1) {
    for (const event of freshCopies(events, PASS_COPIES)) {
      const start = process.hrtime.bigint();
      evaluator.evaluate(event);
      times.push(Number(process.hrtime.bigint() - start) / 1_000);
    }
  }
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95), p99: percentile(times, 0.99) };
}

function select(loaded: LoadedRules, wanted: (rule: SigmaRule) => boolean): LoadedRules {
  return { rules: loaded.rules.filter(wanted), correlations: [], rejected: [] };
}

/** Cold, trained on the other half, and naive, all on the held-out half. */
function measure(rules: LoadedRules, [training, heldOut]: readonly [readonly Evaluated[], readonly Evaluated[]]) {
  const create = (options: SigmaEvaluatorOptions): SigmaEvaluator => createEvaluatorOf(rules, options);
  const counting = (evaluator: SigmaEvaluator) => (event: Evaluated) => evaluator.evaluate(event).length;
  const cold = create({ adaptive: false });
  rate(counting(cold), heldOut, WARM_UP_PASSES, PASS_COPIES);
  const coldRate = rate(counting(cold), heldOut, PASSES, PASS_COPIES);
  const trained = create({});
  rate(counting(trained), training, WARM_UP_PASSES * 2, PASS_COPIES);
  const trainedRate = rate(counting(trained), heldOut, PASSES, PASS_COPIES);
  const [first] = heldOut;
  const naive = createNaiveEvaluator(rules.rules);
  const sample = heldOut.slice(0, 300);
  rate((event) => naive(event.fields), sample, 1, 1);
  const naiveRate = rate((event) => naive(event.fields), sample, 2, 1);
  return {
    rules: rules.rules.length,
    events: { training: training.length, heldOut: heldOut.length },
    cold: coldRate,
    trained: trainedRate,
    microseconds: first === undefined ? {} : latencies(trained, heldOut),
    naive: naiveRate,
    ratioToNaive: Math.round((trainedRate.eventsPerSecond / naiveRate.eventsPerSecond) * 10) / 10,
  };
}

/** Processes that run here now: the only real Linux events that need no recording. */
function runningProcesses(): readonly Evaluated[] {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  };
  return globSync('/proc/[0-9]*').flatMap((path) => {
    const commandLine = read(`${path}/cmdline`).replaceAll('\0', ' ').trim();
    if (commandLine === '') return [];
    const image = commandLine.split(' ', 1)[0] ?? '';
    const fields = { Image: image, CommandLine: commandLine, ParentImage: '/usr/bin/bash', User: 'root' };
    return [{ logsource: { product: 'linux', category: 'process_creation' } as never, fields }];
  });
}

/** What a new process takes to load everything, from YAML and from a compiled pack. */
function loading(from: 'yaml' | 'pack', pack: string): object {
  const child = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--expose-gc', fileURLToPath(import.meta.url), '--load', from],
    { input: pack, encoding: 'utf8', maxBuffer: 1_000_000 },
  );
  return JSON.parse(child.stdout.trim().split('\n').at(-1) ?? '{}') as object;
}

/** In a child: loads everything, builds the group of every log source, and prints time and memory. */
function load(from: string): void {
  const text = readFileSync(0, 'utf8');
  const start = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const result = from === 'pack' ? readPack(text) : { ok: true as const, rules: loadRules(corpusSources()) };
  if (!result.ok) throw new Error(result.message);
  const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
  const used = process.cpuUsage(cpu);
  const evaluator = createEvaluatorOf(result.rules);
  for (const { logsource } of result.rules.rules) {
    const { product = 'any', category, service } = logsource;
    evaluator.evaluate({ logsource: { product, category, service }, fields: {} });
  }
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const loaded = {
    loaded: evaluator.loaded,
    milliseconds: Math.round(milliseconds),
    cpuMilliseconds: Math.round((used.user + used.system) / 1_000),
    rssMiB: Math.round(rss / 2 ** 20),
    heapMiB: Math.round(heapUsed / 2 ** 20),
  };
  process.stdout.write(`${JSON.stringify(loaded)}\n`);
}

function main(): void {
  const missing = absent('sigma-rules') || absent('evtx');
  if (missing !== '') {
    printResult({ benchmark: 'sigma', skipped: missing.trim() });
    return;
  }
  const loaded = loadRules(corpusSources());
  const events = recordedEvents();
  const starts = events.filter(
    ({ logsource }) => logsource.service === 'sysmon' && logsource.category === 'process_creation',
  );
  const isProcess = (product: string) => (rule: SigmaRule) =>
    rule.logsource.product === product && rule.logsource.category === 'process_creation';
  const pack = compilePack(corpusSources()).text;
  const linuxPack = compilePack(corpusSources().filter(({ file }) => file.includes('/linux/'))).text;
  const rsigma = spawnSync('rsigma', ['--version'], { encoding: 'utf8' });
  printResult({
    benchmark: 'sigma',
    seed: SEED,
    corpus: { loaded: loaded.rules.length, rejected: loaded.rejected.length },
    windowsProcessCreation: measure(select(loaded, isProcess('windows')), halves(starts)),
    windowsAll: measure(
      select(loaded, ({ logsource }) => logsource.product === 'windows'),
      halves(events),
    ),
    linuxProcessCreation: measure(select(loaded, isProcess('linux')), halves(runningProcesses())),
    loadYaml: loading('yaml', ''),
    loadPack: { ...loading('pack', pack), packMiB: Math.round(pack.length / 2 ** 20) },
    loadLinuxPack: loading('pack', linuxPack),
    rsigma: rsigma.status === 0 ? rsigma.stdout.trim() : 'not on the PATH',
  });
}

const at = process.argv.indexOf('--load');
if (at < 0) main();
else load(process.argv[at + 1] ?? '');
