import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventCategory, SensorHealth } from '@yagura/protocol';
import { systemClock } from '../../endpoint-agent/src/platform/clock.ts';
import type { AuditDemand } from '../../endpoint-agent/src/sensors/linux/audit/raw/audit-demand.ts';
import type { WatchedPath } from '../../endpoint-agent/src/sensors/linux/audit/rules.ts';
import type { SourceName } from '../../endpoint-agent/src/sensors/linux/capture/source.ts';
import { createLinuxCapture } from '../../endpoint-agent/src/sensors/linux/index.ts';
import type { Observation } from '../../endpoint-agent/src/sensors/sensor.ts';

/** Why the kernel's interfaces cannot be tested here; undefined when they can. */
export const NO_KERNEL =
  process.platform !== 'linux'
    ? 'needs Linux'
    : process.getuid?.() !== 0
      ? 'needs root'
      : existsSync('/proc/self/loginuid')
        ? undefined
        : 'needs a kernel with audit';

const HAS_CC = NO_KERNEL === undefined && spawnSync('cc', ['--version'], { stdio: 'ignore' }).status === 0;
export const NO_CC = NO_KERNEL ?? (HAS_CC ? undefined : 'needs a C compiler');

/** The real sensors of this machine, with everything they saw. */
export interface CaptureProbe extends AsyncDisposable {
  readonly folder: string;
  readonly stateDir: string;
  readonly seen: readonly Observation[];
  /** The first observation that fits, waiting for it up to twenty seconds. */
  find(category: EventCategory, fits: (observation: Observation) => boolean): Promise<Observation>;
  healthOf(source: SourceName): SensorHealth;
  /** What rules for the raw audit log can use, from now on. */
  demand(demand: AuditDemand): void;
  stall(milliseconds: number): void;
}

export interface ProbeOptions {
  readonly watchedPaths?: readonly WatchedPath[];
  readonly sources?: readonly SourceName[];
  readonly folder?: string;
  readonly auditBufferBytes?: number;
  /** Takes what was seen instead of `seen`, where that would grow too large. */
  readonly onSeen?: (observation: Observation) => void;
}

/** Long, since a machine can be busy with everything else; a test that passes never waits for it. */
const WAIT_MS = 20_000;

export async function startCapture(options: ProbeOptions = {}): Promise<CaptureProbe> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'yagura-sensors-'));
  const stateDir = join(folder, 'state');
  mkdirSync(stateDir, { recursive: true });
  const { sensors, host } = createLinuxCapture({
    stateDir,
    clock: systemClock,
    ignorePaths: [],
    log: (message, details) => process.stderr.write(`${message} ${JSON.stringify(details)}\n`),
    watchedPaths: options.watchedPaths ?? [],
    ...(options.sources ? { sources: options.sources } : {}),
    ...(options.auditBufferBytes === undefined ? {} : { auditBufferBytes: options.auditBufferBytes }),
  });
  const seen: Observation[] = [];
  const stop = new AbortController();
  const take = (batch: readonly Observation[]): void => {
    if (!options.onSeen) seen.push(...batch);
    else for (const observation of batch) options.onSeen(observation);
  };
  await Promise.all(sensors.map((sensor) => sensor.start(take, stop.signal)));
  return {
    folder,
    stateDir,
    seen,
    async find(category, fits) {
      const deadline = performance.now() + WAIT_MS;
      for (;;) {
        const found = seen.find((observation) => observation.logsource.category === category && fits(observation));
        if (found) return found;
        if (performance.now() > deadline) {
          const near = seen.filter(({ logsource }) => logsource.category === category).slice(-5);
          throw new Error(`no ${category} fits; the last ones: ${JSON.stringify(near).slice(0, 2_000)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    healthOf: (source) => host.healthOf(source),
    demand: (demand) => host.demand(demand),
    stall: (milliseconds) => host.stall(milliseconds),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(sensors.map((sensor) => sensor.stopped));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Compiles C into `folder`; undefined when the compiler cannot (a missing 32-bit mode, say). */
export function compile(
  folder: string,
  name: string,
  source: string,
  flags: readonly string[] = [],
): string | undefined {
  const file = join(folder, `${name}.c`);
  const binary = join(folder, name);
  writeFileSync(file, source);
  const result = spawnSync('cc', ['-O1', '-w', ...flags, '-o', binary, file], { stdio: 'pipe' });
  return result.status === 0 ? binary : undefined;
}
