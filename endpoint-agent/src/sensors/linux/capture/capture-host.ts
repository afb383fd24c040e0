import { Worker } from 'node:worker_threads';
import type { SensorHealth } from '@yagura/protocol';
import { libc } from '../../../native/libc.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { LiveProcessTable } from '../../../state/create-process-table.ts';
import type { Observation, Sink } from '../../sensor.ts';
import { type AuditDemand, NO_DEMAND } from '../audit/raw/audit-demand.ts';
import type { WatchedPath } from '../audit/rules.ts';
import { createWakeUp, ringWakeUp } from '../native/wake-up.ts';
import { restoreKernelState } from '../restore-kernel-state.ts';
import { enrich } from './enrich.ts';
import { Heartbeat } from './heartbeat.ts';
import type { CaptureWorkerData, FromWorker, ToWorker } from './messages.ts';
import type { Parcel } from './outbox.ts';
import type { SourceName } from './source.ts';

export interface CaptureHostOptions {
  readonly stateFile: string;
  readonly sources: readonly SourceName[];
  readonly ignorePaths: readonly string[];
  readonly watched: readonly WatchedPath[];
  readonly auditBufferBytes?: number;
  readonly table: LiveProcessTable;
  readonly clock: Clock;
  readonly log: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

/**
 * Runs the capture worker: hands what it saw to the sensors' sinks in order, watches that it is alive, and
 * starts it again when it is not. The worker runs while at least one sensor wants something.
 */
export interface CaptureHost {
  /** Resolves when the sources see events, or have said in their health why not. */
  subscribe(source: SourceName, sink: Sink): Promise<void>;
  /** After the last one has gone, resolves when the kernel's state is back. */
  unsubscribe(source: SourceName): Promise<void>;
  healthOf(source: SourceName): SensorHealth;
  /** What the rules that are loaded from now on can use of the raw audit log. May be called at any time. */
  demand(demand: AuditDemand): void;
  /** Blocks the reading thread; for measuring what a stalled reader costs. */
  stall(milliseconds: number): void;
}

declare global {
  // Set by the bundler, which puts the worker beside the bundle under this name.
  var YAGURA_BUNDLED: true | undefined;
}
const WORKER = new URL(globalThis.YAGURA_BUNDLED ? './capture-worker.mjs' : './worker.ts', import.meta.url);

const WATCH_EVERY_MS = 1_000;
const RECONCILE_EVERY_MS = 60_000;
const RESTART_AFTER_MS = 1_000;
const MAX_RESTARTS = 5;
/** A worker that needs more is ended and started again, rather than the machine made to swap. */
const WORKER_MEMORY = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 192 };
/** On a busy machine the kernel takes a tenth of a second for each rule that is taken out. */
const STOP_WITHIN_MS = 15_000;

interface Run {
  readonly worker: Worker;
  /** What the worker raises. */
  readonly beats: Int32Array;
  readonly heartbeat: Heartbeat;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  descriptors: readonly number[];
  /** Rung after each message but the frequent one; negative when there is none. */
  wakeUp: number;
  expected: boolean;
}

export function createCaptureHost(options: CaptureHostOptions): CaptureHost {
  const { clock, table, log } = options;
  const sinks = new Map<SourceName, Sink>();
  const health = new Map<string, SensorHealth>();
  let run: Run | undefined;
  let restarts = 0;
  let cancelWatch = () => {};
  let reconciledAt = clock.monotonic();
  let processesLost = 0;
  let watchedAt = clock.monotonic();
  let demanded: AuditDemand = NO_DEMAND;

  function launch(): Run {
    const heartbeat = new SharedArrayBuffer(4);
    const wakeUp = createWakeUp();
    const { stateFile, sources, ignorePaths, watched, auditBufferBytes } = options;
    const workerData: CaptureWorkerData = {
      stateFile,
      sources,
      ignorePaths,
      watched,
      demand: demanded,
      heartbeat,
      wakeUp,
      ...(auditBufferBytes === undefined ? {} : { auditBufferBytes }),
    };
    const worker = new Worker(WORKER, { workerData, name: 'capture', resourceLimits: WORKER_MEMORY });
    const ready = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const started: Run = {
      worker,
      beats: new Int32Array(heartbeat),
      heartbeat: new Heartbeat(clock.monotonic()),
      ready: ready.promise,
      ended: ended.promise,
      descriptors: [],
      wakeUp,
      expected: false,
    };
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'batch') return accept(started, message.parcels);
      for (const report of message.health) health.set(report.name, report);
      if (message.type === 'health') started.descriptors = message.descriptors;
      if (message.type === 'ready') ready.resolve();
      if (message.type === 'stopped') started.expected = true;
    });
    worker.on('error', (error) => log('capture worker failed', { error: String(error) }));
    worker.on('exit', () => {
      if (started.wakeUp >= 0) libc().close(started.wakeUp);
      started.wakeUp = -1;
      ready.resolve();
      ended.resolve();
      if (!started.expected) mend(started);
    });
    return started;
  }

  function post(to: Run, message: ToWorker): void {
    to.worker.postMessage(message, []);
    // What was taken is of interest only while the worker has no room; then it looks by itself.
    if (message.type !== 'taken' && to.wakeUp >= 0) ringWakeUp(to.wakeUp);
  }

  function accept(from: Run, parcels: readonly Parcel[]): void {
    let source: SourceName | undefined;
    let group: Observation[] = [];
    const flush = () => {
      if (source && group.length > 0) sinks.get(source)?.(group);
      group = [];
    };
    for (const parcel of parcels) {
      const observation = enrich(parcel.observation, table);
      if (!observation) continue;
      if (parcel.source !== source) {
        flush();
        source = parcel.source;
      }
      group.push(observation);
    }
    flush();
    post(from, { type: 'taken' });
  }

  /** The worker died: its descriptors are still open in this process, and audit still has our rules. */
  function mend(dead: Run): void {
    for (const fd of dead.descriptors) libc().close(fd);
    restoreKernelState(options.stateFile);
    if (run === dead) run = undefined;
    for (const name of options.sources) markBlind(name, 'sensor_crashed', 'The capture worker ended; it is restarted.');
    if (sinks.size === 0) return;
    restarts += 1;
    if (restarts > MAX_RESTARTS) {
      for (const name of options.sources) {
        markBlind(name, 'sensor_gave_up', 'The capture worker ended too often. Restart the agent and see its log.');
      }
      return;
    }
    clock.after(RESTART_AFTER_MS * restarts, () => {
      if (sinks.size > 0 && !run) run = launch();
    });
  }

  function markBlind(name: SourceName, code: string, detail: string): void {
    const { events = 0, lost = 0 } = health.get(name) ?? {};
    health.set(name, { name, state: 'blind', code, detail, events, lost });
  }

  /** A reader that is silent lets go of audit: nobody is served by rules whose records nobody reads. */
  function watch(): void {
    cancelWatch = clock.after(WATCH_EVERY_MS, watch);
    reconcileIfDue();
    if (!run) return;
    const now = clock.monotonic();
    // This thread stood still as well (a frozen process, a suspended machine): the other one gets its time anew.
    if (now - watchedAt > 3 * WATCH_EVERY_MS) run.heartbeat.forgive(now);
    watchedAt = now;
    const silentFor = run.heartbeat.silentFor(Atomics.load(run.beats, 0), now);
    if (silentFor !== undefined) {
      log('capture worker is silent', { forMs: Math.round(silentFor) });
      run.heartbeat.forgive(now);
      // At once: the thread ends only when it comes back from the system call that holds it.
      restoreKernelState(options.stateFile);
      for (const name of options.sources) markBlind(name, 'sensor_silent', 'The capture worker stands still.');
      void run.worker.terminate();
    }
  }

  function reconcileIfDue(): void {
    const lost = health.get('linux-processes')?.lost ?? 0;
    if (lost === processesLost && clock.monotonic() - reconciledAt < RECONCILE_EVERY_MS) return;
    processesLost = lost;
    reconciledAt = clock.monotonic();
    table.reconcile();
  }

  return {
    async subscribe(source, sink) {
      sinks.set(source, sink);
      if (!run) {
        run = launch();
        cancelWatch();
        cancelWatch = clock.after(WATCH_EVERY_MS, watch);
      }
      await run.ready;
    },
    async unsubscribe(source) {
      sinks.delete(source);
      if (sinks.size > 0) return;
      cancelWatch();
      const ending = run;
      run = undefined;
      if (!ending) return;
      post(ending, { type: 'stop' });
      const cancel = clock.after(STOP_WITHIN_MS, () => void ending.worker.terminate());
      await ending.ended;
      cancel();
    },
    healthOf(source) {
      const stopped: SensorHealth = { name: source, state: 'stopped', events: 0, lost: 0 };
      const last = health.get(source) ?? stopped;
      return sinks.has(source) ? last : { name: source, state: 'stopped', events: last.events, lost: last.lost };
    },
    demand(next) {
      demanded = next;
      if (run) post(run, { type: 'demand', demand: next });
    },
    stall(milliseconds) {
      if (run) post(run, { type: 'stall', milliseconds });
    },
  };
}
