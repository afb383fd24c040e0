import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../endpoint-agent/src/platform/clock.ts';
import { createLinuxProcessTable } from '../../endpoint-agent/src/sensors/linux/index.ts';
import {
  createLogSensor,
  type LogSensorOptions,
} from '../../endpoint-agent/src/sensors/linux/logs/create-log-sensor.ts';
import type { Observation, Sensor, Sink } from '../../endpoint-agent/src/sensors/sensor.ts';

/** For sensors that are to read files alone. */
export const NO_JOURNAL = { journalctl: '/nonexistent', extraArguments: [], socket: '/nonexistent', folders: [] };

/** The log sensor over a folder that stands for the machine, with everything it saw. */
export interface LogProbe extends AsyncDisposable {
  readonly sensor: Sensor;
  readonly seen: readonly Observation[];
  readonly messages: readonly unknown[];
}

/** A folder with a state directory and an empty /var/log. */
export function createLogRoot(): { root: string; log: (name: string) => string } & Disposable {
  const root = mkdtempSync(join(tmpdir(), 'yagura-logs-'));
  mkdirSync(join(root, 'state'));
  mkdirSync(join(root, 'var/log/nginx'), { recursive: true });
  return {
    root,
    log: (name) => join(root, 'var/log', name),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** `alsoTo`: gets the same as the probe, at the same moment. */
export async function startLogProbe(
  root: string,
  changes: Partial<LogSensorOptions> = {},
  alsoTo: Sink = () => undefined,
): Promise<LogProbe> {
  const sensor = createLogSensor({
    stateDir: join(root, 'state'),
    clock: systemClock,
    processes: createLinuxProcessTable(systemClock),
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    log: () => undefined,
    root,
    journal: NO_JOURNAL,
    ...changes,
  });
  const seen: Observation[] = [];
  const stop = new AbortController();
  await sensor.start((observations) => {
    seen.push(...observations);
    alsoTo(observations);
  }, stop.signal);
  return {
    sensor,
    seen,
    get messages() {
      return seen.map(({ fields }) => fields['Message']);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await sensor.stopped;
    },
  };
}
