/**
 * One process that loads a compiled pack, builds the group of every log source as its first event would, and prints
 * what that took. Bundled and started as the agent is (see sigma.ts).
 */
import { readFileSync } from 'node:fs';
import { readPack } from '../../endpoint-agent/src/core/detection/pack/rule-pack.ts';
import { createEvaluatorOf } from '../../endpoint-agent/src/core/detection/sigma/create-sigma-evaluator.ts';

const MIB = 2 ** 20;
const kilobytes = (file: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
const memory = (): Record<string, number> => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    rssMiB: Math.round(rss / MIB),
    pssMiB: Math.round(kilobytes('/proc/self/smaps_rollup', 'Pss') / 1024),
    heapMiB: Math.round(heapUsed / MIB),
    externalMiB: Math.round(external / MIB),
  };
};

const before = memory();
let text: string | undefined = readFileSync(process.argv[2] ?? '', 'utf8');
const start = process.hrtime.bigint();
const cpu = process.cpuUsage();
const result = readPack(text);
const evaluator = result.ok ? createEvaluatorOf(result.rules) : undefined;
if (evaluator === undefined) throw new Error('the pack cannot be read');
const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
const used = process.cpuUsage(cpu);
text = undefined;
const building = process.cpuUsage();
for (const { logsource } of evaluator.rules) {
  const { product = 'any', category, service } = logsource;
  evaluator.evaluate({ logsource: { product, category, service }, fields: {} });
}
const built = process.cpuUsage(building);
process.stdout.write(
  `${JSON.stringify({
    loaded: evaluator.loaded,
    milliseconds: Math.round(milliseconds),
    cpuMilliseconds: Math.round((used.user + used.system) / 1_000),
    buildAllCpuMilliseconds: Math.round((built.user + built.system) / 1_000),
    before,
    after: memory(),
    peakMiB: Math.round(kilobytes('/proc/self/status', 'VmHWM') / 1024),
  })}\n`,
);
