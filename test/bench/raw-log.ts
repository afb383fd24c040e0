/**
 * What rules for Linux' raw audit log cost: the agent's CPU time (capture and evaluation) for each start of a
 * program, with all public rules for Linux but those, and with those too, in alternation. Needs root on Linux and
 * the public test data.
 *
 * Usage: node test/bench/raw-log.ts [STARTS] [ROUNDS]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event } from '@yagura/protocol';
import { createEvaluatorOf, loadRules, rulesOf, type SigmaEvaluator } from '../../endpoint-agent/src/core/index.ts';
import { systemClock } from '../../endpoint-agent/src/platform/clock.ts';
import { createLinuxCapture } from '../../endpoint-agent/src/sensors/linux/index.ts';
import type { Observation } from '../../endpoint-agent/src/sensors/sensor.ts';
import { auditDemandOf } from '../../endpoint-agent/src/service/audit-demand.ts';
import { evaluateRecords } from '../../endpoint-agent/src/service/evaluate-records.ts';
import { corpusSources } from '../fakes/public-test-data.ts';
import { printResult } from './machine.ts';

const starts = Number(process.argv[2] ?? 4_000);
const rounds = Number(process.argv[3] ?? 7);

const linux = rulesOf(loadRules(corpusSources()), 'linux');
const isRaw = ({ logsource }: { readonly logsource: { readonly service?: string } }) => logsource.service === 'auditd';
const without = createEvaluatorOf({ ...linux, rules: linux.rules.filter((rule) => !isRaw(rule)) });
const withRaw = createEvaluatorOf(linux);

let evaluator: SigmaEvaluator = without;
let seen = 0;
let records = 0;
let matches = 0;

function take(observation: Observation): void {
  const event: Event = {
    eventId: 'e',
    logsource: observation.logsource,
    time: observation.time,
    fields: observation.fields,
  };
  if (observation.logsource.category === 'process_creation') seen += 1;
  records += observation.records?.fields.length ?? 0;
  matches += evaluator.evaluate(event).length + evaluateRecords(evaluator, event, observation).length;
}

const folder = mkdtempSync(join(tmpdir(), 'yagura-raw-log-'));
const { sensors, host } = createLinuxCapture({
  stateDir: folder,
  clock: systemClock,
  ignorePaths: [],
  watchedPaths: [],
  log: () => {},
});
const stop = new AbortController();
await Promise.all(sensors.map((sensor) => sensor.start((batch) => batch.forEach(take), stop.signal)));

/** CPU time of all threads per start, in microseconds. */
async function round(chosen: SigmaEvaluator): Promise<number> {
  evaluator = chosen;
  host.demand(auditDemandOf(chosen.rules));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  seen = 0;
  const before = process.cpuUsage();
  const script = `i=0; while [ $i -lt ${starts} ]; do /bin/true round --of "$i" /srv/data; i=$((i+1)); done`;
  await new Promise((resolve) => spawn('/bin/sh', ['-c', script], { stdio: 'ignore' }).on('exit', resolve));
  const deadline = performance.now() + 10_000;
  const isDue = (): boolean => seen >= starts || performance.now() > deadline;
  while (!isDue()) await new Promise((resolve) => setTimeout(resolve, 50));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / starts;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const plain: number[] = [];
const raw: number[] = [];
// The first ones teach the engine and the compiler.
await round(without);
await round(withRaw);
for (let count = 0; count < rounds; count += 1) {
  plain.push(await round(without));
  raw.push(await round(withRaw));
}
stop.abort();
await Promise.all(sensors.map((sensor) => sensor.stopped));
rmSync(folder, { recursive: true, force: true });
printResult({
  benchmark: 'raw-log',
  starts,
  rounds,
  rulesForTheRawLog: withRaw.rules.length - without.rules.length,
  cpuMicrosecondsPerStart: { without: median(plain), with: median(raw), each: { without: plain, with: raw } },
  added: median(raw.map((value, index) => value - (plain[index] ?? 0))),
  recordsEvaluated: records,
  matches,
});
