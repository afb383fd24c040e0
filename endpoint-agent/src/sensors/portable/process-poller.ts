import type { SensorHealth } from '@yagura/protocol';
import type { Clock } from '../../platform/clock.ts';
import type { LiveProcessTable } from '../../state/create-process-table.ts';
import type { ProcFacts, ProcReader } from '../../state/read-proc.ts';
import type { Observation, Sensor, SensorDeclaration, Sink } from '../sensor.ts';
import { NEEDS_ROOT } from './needs-root.ts';

export interface ProcessPollerOptions {
  readonly clock: Clock;
  readonly readProc: ProcReader;
  readonly table: LiveProcessTable;
  readonly userName: (uid: number) => string;
  readonly everyMs?: number;
}

const EVERY_MS = 1_000;
const MAX_KNOWN = 65_536;

/** Looks at /proc once a second. Sees what is still there when it looks: short-lived processes escape it. */
export class ProcessPoller implements Sensor {
  readonly declaration: SensorDeclaration = {
    name: 'portable-processes',
    provides: [
      {
        category: 'process_creation',
        fields: ['ProcessId', 'Image', 'CommandLine', 'User', 'ParentProcessId', 'ParentImage', 'ParentCommandLine'],
      },
      { category: 'process_termination', fields: ['ProcessId', 'Image', 'User'] },
    ],
  };
  readonly stopped: Promise<void>;
  readonly #options: ProcessPollerOptions;
  readonly #whenStopped = Promise.withResolvers<void>();
  #known = new Map<number, ProcFacts>();
  #state: SensorHealth['state'] = 'stopped';
  #events = 0;
  #cancel = () => {};

  constructor(options: ProcessPollerOptions) {
    this.#options = options;
    this.stopped = this.#whenStopped.promise;
  }

  start(sink: Sink, signal: AbortSignal): Promise<void> {
    if (this.#state !== 'stopped') throw new Error('the process poller was started twice');
    const stop = () => {
      this.#cancel();
      this.#state = 'stopped';
      this.#whenStopped.resolve();
    };
    if (signal.aborted) {
      stop();
      return Promise.resolve();
    }
    signal.addEventListener('abort', stop, { once: true });
    this.#state = 'degraded';
    // What runs already is the table's first snapshot, not news.
    this.#look();
    const turn = () => {
      const seen = this.#look();
      this.#events += seen.length;
      if (seen.length > 0) sink(seen);
      this.#cancel = this.#options.clock.after(this.#options.everyMs ?? EVERY_MS, turn);
    };
    this.#cancel = this.#options.clock.after(this.#options.everyMs ?? EVERY_MS, turn);
    return Promise.resolve();
  }

  health(): SensorHealth {
    const base = { name: this.declaration.name, state: this.#state, events: this.#events, lost: 0 };
    return this.#state === 'degraded' ? { ...base, ...NEEDS_ROOT } : base;
  }

  /** Starts, execs and ends since the last look, parents before children. */
  #look(): Observation[] {
    const { readProc, clock } = this.#options;
    const time = clock.now();
    const current = new Map<number, ProcFacts>();
    for (const pid of readProc.list().slice(0, MAX_KNOWN)) {
      const facts = readProc.read(pid);
      if (facts) current.set(pid, facts);
    }
    const before = this.#known;
    this.#known = current;
    const ended = [...before.values()].filter((facts) => current.get(facts.pid)?.startTicks !== facts.startTicks);
    const changed = [...current.values()].filter((facts) => !isSameProgram(before.get(facts.pid), facts));
    return [
      ...ended.map((facts) => this.#end(facts, time)),
      ...changed
        .toSorted((a, b) => a.startTicks - b.startTicks || a.pid - b.pid)
        .map((facts) => this.#begin(facts, time)),
    ];
  }

  #begin(facts: ProcFacts, time: number): Observation {
    const { table, userName } = this.#options;
    const parent = table.byPid(facts.parentPid);
    return {
      logsource: { product: 'linux', category: 'process_creation' },
      time,
      pid: facts.pid,
      parentPid: facts.parentPid,
      fields: {
        ProcessId: facts.pid,
        ParentProcessId: facts.parentPid,
        ...(facts.image === undefined ? {} : { Image: facts.image }),
        ...(facts.commandLine === undefined ? {} : { CommandLine: facts.commandLine }),
        ...(facts.uid === undefined ? {} : { User: userName(facts.uid) }),
        ...(parent?.image === undefined ? {} : { ParentImage: parent.image }),
        ...(parent?.commandLine === undefined ? {} : { ParentCommandLine: parent.commandLine }),
      },
    };
  }

  #end(facts: ProcFacts, time: number): Observation {
    return {
      logsource: { product: 'linux', category: 'process_termination' },
      time,
      pid: facts.pid,
      fields: {
        ProcessId: facts.pid,
        ...(facts.image === undefined ? {} : { Image: facts.image }),
        ...(facts.uid === undefined ? {} : { User: this.#options.userName(facts.uid) }),
      },
    };
  }
}

function isSameProgram(before: ProcFacts | undefined, now: ProcFacts): boolean {
  return (
    before !== undefined &&
    before.startTicks === now.startTicks &&
    before.image === now.image &&
    before.commandLine === now.commandLine
  );
}
