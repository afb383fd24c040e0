import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SensorHealth } from '@yagura/protocol';
import type { Clock } from '../../platform/clock.ts';
import { createProcessTable, type LiveProcessTable } from '../../state/create-process-table.ts';
import { procReader } from '../../state/read-proc.ts';
import type { Sensor, Sink } from '../sensor.ts';
import type { AuditDemand } from './audit/raw/audit-demand.ts';
import type { WatchedPath } from './audit/rules.ts';
import { credentialPaths } from './audit/watched-paths.ts';
import { type CaptureHost, createCaptureHost } from './capture/capture-host.ts';
import { SOURCE_NAMES, type SourceName } from './capture/source.ts';
import { createUserNames } from './capture/user-names.ts';
import { DECLARATIONS } from './declarations.ts';
import { createLogSensor } from './logs/create-log-sensor.ts';

export { restoreKernelState } from './restore-kernel-state.ts';

export interface LinuxSensorOptions {
  /** The agent's directory for state that outlives it; the saved kernel state is kept in it. */
  readonly stateDir: string;
  readonly clock: Clock;
  /** Shared with the pipeline; by default one of the sensors' own. */
  readonly processTable?: LiveProcessTable;
  /** Absolute paths at or below which file events are not reported; `stateDir` always is. */
  readonly ignorePaths: readonly string[];
  readonly log: (message: string, details: Readonly<Record<string, unknown>>) => void;
  /** Files and directories whose reads are reported; by default the system's credentials. */
  readonly watchedPaths?: readonly WatchedPath[];
  readonly sources?: readonly SourceName[];
  /** Receive buffer of the audit socket; small in tests of what happens when it is full. */
  readonly auditBufferBytes?: number;
}

/** In the state directory: holds the former kernel state while ours is in force. `restoreKernelState` wants its path. */
export const AUDIT_STATE_FILE = 'kernel-state.json';

/** A process table of this machine, filled with what runs now. */
export function createLinuxProcessTable(clock: Clock, maxRecords?: number): LiveProcessTable {
  return createProcessTable({
    clock,
    bootId: readBootId(),
    readProc: procReader,
    userName: createUserNames(() => clock.monotonic()),
    ...(maxRecords === undefined ? {} : { maxRecords }),
  });
}

export interface LinuxSensors {
  readonly sensors: readonly Sensor[];
  /** What the loaded rules can use of the raw audit log; nothing until it is called, which may be at any time. */
  demandRecords(demand: AuditDemand): void;
}

/** The sensors that need root: audit, the process connector and fanotify, read by one worker thread; and the logs. */
export function createLinuxSensors(options: LinuxSensorOptions): LinuxSensors {
  const { stateDir, clock, log } = options;
  const processTable = options.processTable ?? createLinuxProcessTable(clock);
  const logs = createLogSensor({ stateDir, clock, log, processes: processTable, bootId: readBootId() });
  const { sensors, host } = createLinuxCapture({ ...options, processTable });
  return { sensors: [...sensors, logs], demandRecords: (demand) => host.demand(demand) };
}

function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** As `createLinuxSensors`, with the host that a benchmark needs to hold the reader up. */
export function createLinuxCapture(options: LinuxSensorOptions): { sensors: Sensor[]; host: CaptureHost } {
  const sources = options.sources ?? SOURCE_NAMES;
  const host = createCaptureHost({
    stateFile: join(options.stateDir, AUDIT_STATE_FILE),
    sources,
    ignorePaths: [options.stateDir, ...options.ignorePaths],
    watched: options.watchedPaths ?? credentialPaths(),
    table: options.processTable ?? createLinuxProcessTable(options.clock),
    clock: options.clock,
    log: options.log,
    ...(options.auditBufferBytes === undefined ? {} : { auditBufferBytes: options.auditBufferBytes }),
  });
  return { host, sensors: sources.map((source) => new LinuxSensor(source, host)) };
}

/** One source of the shared capture worker, as the rest of the agent sees it. */
class LinuxSensor implements Sensor {
  readonly declaration;
  readonly stopped: Promise<void>;
  readonly #source: SourceName;
  readonly #host: CaptureHost;
  readonly #whenStopped = Promise.withResolvers<void>();
  #started = false;

  constructor(source: SourceName, host: CaptureHost) {
    this.#source = source;
    this.#host = host;
    this.declaration = DECLARATIONS[source];
    this.stopped = this.#whenStopped.promise;
  }

  async start(sink: Sink, signal: AbortSignal): Promise<void> {
    if (this.#started) throw new Error(`${this.#source} was started twice`);
    this.#started = true;
    const stop = () => {
      this.#host.unsubscribe(this.#source).then(this.#whenStopped.resolve, this.#whenStopped.reject);
    };
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    await this.#host.subscribe(this.#source, sink);
  }

  health(): SensorHealth {
    return this.#host.healthOf(this.#source);
  }
}
