import { createHash } from 'node:crypto';
import { uptime } from 'node:os';
import type { Observation } from '../sensors/sensor.ts';
import { type Moment, type ProcessEntry, ProcessIndex } from './process-index.ts';
import type { ProcessRecord, ProcessTable } from './process-table.ts';
import type { ProcReader } from './read-proc.ts';

/**
 * `logsource.service` of an observation that says only that a process was forked. It concerns the process
 * table and is no event of its own.
 */
export const FORK_SERVICE = 'process_fork';

export interface ProcessTableOptions {
  readonly clock: { now(): number };
  /** Changes with every boot; ids of different boots never collide. */
  readonly bootId: string;
  readonly readProc: ProcReader;
  /** Live and ended processes together. */
  readonly maxRecords?: number;
  readonly userName?: (uid: number) => string;
  /** Milliseconds since boot at this moment, by default the system's. */
  readonly bootTime?: () => number;
}

/** The process table with what only the sensors need. */
export interface LiveProcessTable extends ProcessTable {
  /** The process that had this pid when this was seen, also when it has ended since. */
  at(pid: number, seen: Pick<Observation, 'time' | 'bootTime'>): ProcessRecord | undefined;
  /** Says that this observation was applied already, and gave this record. */
  adopt(observation: Observation, record: ProcessRecord): void;
  /** Compares with the system: adds what it lacks, ends what is gone. Returns the count of differences. */
  reconcile(): number;
}

const MAX_RECORDS = 20_000;
const MAX_COMMAND_LINE = 8_192;
const MAX_TEXT_CHARS = 16 * 1024 * 1024;
const MS_PER_TICK = 10;
/** Two sources' times of one start may lie this far apart. */
const SAME_START_MS = 100;
const MAX_DEPTH = 64;

export function createProcessTable(options: ProcessTableOptions): LiveProcessTable {
  const { clock, bootId, readProc } = options;
  const index = new ProcessIndex({ maxRecords: options.maxRecords ?? MAX_RECORDS, maxTextChars: MAX_TEXT_CHARS });
  const bootNow = options.bootTime ?? (() => uptime() * 1_000);
  const applied = new WeakMap<Observation, ProcessRecord>();
  let sequence = 0;

  function entityIdOf(pid: number, startTicks: number | undefined): string {
    // Without a start time the process was gone before it could be read: its id need not outlive this run.
    const start = startTicks ?? `${clock.now()}.${++sequence}`;
    return createHash('sha256').update(`${bootId}:${pid}:${start}`).digest('base64url').slice(0, 22);
  }

  function momentOf({ time, bootTime }: Pick<Observation, 'time' | 'bootTime'>): Moment {
    return { time, bootTime: bootTime ?? bootNow() - (clock.now() - time) };
  }

  interface Origin {
    readonly pid: number;
    readonly started: Moment;
    readonly startTicks?: number | undefined;
    readonly parent?: ProcessEntry | undefined;
    readonly ended?: Moment;
  }

  /** A process that was born of its parent: until it says otherwise it is what its parent was. */
  function create({ pid, started, startTicks, parent, ended }: Origin): ProcessEntry {
    return index.add({
      entityId: entityIdOf(pid, startTicks),
      pid,
      startTicks,
      startedAt: started.time,
      startedBoot: started.bootTime,
      parentEntityId: parent?.entityId,
      parentPid: parent?.pid,
      image: parent?.image,
      commandLine: parent?.commandLine,
      user: parent?.user,
      endedAt: ended?.time,
      endedBoot: ended?.bootTime,
    });
  }

  /** Adds a process that runs already, and its parents, as far as the table lacks them. */
  function discover(pid: number, depth = 0): ProcessEntry | undefined {
    const facts = readProc.read(pid);
    if (!facts) return undefined;
    const known = index.live(pid);
    if (known && (known.startTicks === undefined || known.startTicks === facts.startTicks)) return known;
    const { parentPid, startTicks } = facts;
    const parent =
      parentPid > 0 && depth < MAX_DEPTH ? (index.live(parentPid) ?? discover(parentPid, depth + 1)) : undefined;
    const startedBoot = startTicks * MS_PER_TICK;
    return index.add({
      entityId: entityIdOf(pid, startTicks),
      pid,
      startTicks,
      startedAt: Math.round(clock.now() - bootNow() + startedBoot),
      startedBoot,
      parentEntityId: parent?.entityId,
      parentPid: parentPid > 0 ? parentPid : undefined,
      image: facts.image,
      commandLine: facts.commandLine,
      user: facts.uid === undefined ? undefined : options.userName?.(facts.uid),
      endedAt: undefined,
      endedBoot: undefined,
    });
  }

  function find(pid: number, moment: Moment): ProcessEntry | undefined {
    return index.at(pid, moment.bootTime) ?? (index.live(pid) ? undefined : discover(pid));
  }

  function fork(observation: Observation, pid: number): ProcessEntry {
    const started = momentOf(observation);
    const known = index.live(pid);
    const parent = observation.parentPid === undefined ? undefined : find(observation.parentPid, started);
    if (known && known.startedBoot >= started.bootTime - SAME_START_MS) {
      // Its exec was seen first: it is the same process, and now its real parent is known.
      if (parent) index.setParent(known, parent);
      return known;
    }
    const ticks = observation.fields['StartTicks'];
    return create({ pid, started, parent, startTicks: typeof ticks === 'number' ? ticks : undefined });
  }

  /**
   * A process whose start was told before its birth, which is on its way: the start says all of it but when it was
   * born, and the rest of /proc need not be read.
   */
  function startedUnseen(pid: number, moment: Moment, parent: ProcessEntry | undefined): ProcessEntry {
    // The pid has another owner by now: this process came and went before we heard of it.
    if (index.live(pid)) return create({ pid, started: moment, parent, ended: moment });
    if (!parent || !readProc.startTicks) return discover(pid) ?? create({ pid, started: moment, parent });
    const startTicks = readProc.startTicks(pid);
    const bootTime = (startTicks ?? Number.POSITIVE_INFINITY) * MS_PER_TICK;
    // Else it is gone, and what has its pid now began later.
    if (bootTime > moment.bootTime + SAME_START_MS) return create({ pid, started: moment, parent });
    const time = Math.round(moment.time - (moment.bootTime - bootTime));
    return create({ pid, started: { time, bootTime }, parent, startTicks });
  }

  function exec(observation: Observation, pid: number): ProcessEntry {
    const { fields, parentPid } = observation;
    const moment = momentOf(observation);
    const parent = parentPid === undefined || parentPid === 0 ? undefined : find(parentPid, moment);
    const entry = index.at(pid, moment.bootTime) ?? startedUnseen(pid, moment, parent);
    if (!entry.parentEntityId && parent) index.setParent(entry, parent);
    index.describe(entry, {
      image: text(fields['Image']),
      commandLine: text(fields['CommandLine'])?.slice(0, MAX_COMMAND_LINE),
      user: text(fields['User']),
    });
    return entry;
  }

  function applyOnce(observation: Observation): ProcessEntry | undefined {
    const { pid, logsource } = observation;
    if (pid === undefined) return undefined;
    if (logsource.service === FORK_SERVICE) return fork(observation, pid);
    if (logsource.category === 'process_creation') return exec(observation, pid);
    const moment = momentOf(observation);
    const entry = index.at(pid, moment.bootTime);
    if (logsource.category === 'process_termination' && entry) index.end(entry, moment);
    return entry;
  }

  for (const pid of readProc.list()) if (!index.live(pid)) discover(pid);

  return {
    apply(observation) {
      const before = applied.get(observation);
      if (before) return before;
      const record = view(applyOnce(observation));
      if (record) applied.set(observation, record);
      return record;
    },
    adopt: (observation, record) => void applied.set(observation, record),
    byPid: (pid) => view(index.live(pid) ?? discover(pid)),
    at: (pid, seen) => view(find(pid, momentOf(seen))),
    get: (entityId) => view(index.get(entityId)),
    ancestors(entityId, limit) {
      const found: ProcessRecord[] = [];
      let entry = index.get(entityId);
      while (entry?.parentEntityId && found.length < limit) {
        entry = index.get(entry.parentEntityId);
        const record = view(entry);
        if (record) found.push(record);
      }
      return found;
    },
    descendants: (entityId) => index.descendants(entityId).map(snapshot),
    reconcile() {
      const now: Moment = { time: clock.now(), bootTime: bootNow() };
      const running = new Set(readProc.list());
      let differences = 0;
      for (const entry of index.allLive()) {
        // A process younger than the listing is not missing from it.
        if (running.has(entry.pid) || entry.startedBoot >= now.bootTime) continue;
        index.end(entry, now);
        differences += 1;
      }
      for (const pid of running) {
        const before = index.live(pid)?.entityId;
        if (discover(pid)?.entityId !== before) differences += 1;
      }
      return differences;
    },
    get size() {
      return index.size;
    },
    get evicted() {
      return index.evicted;
    },
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function view(entry: ProcessEntry | undefined): ProcessRecord | undefined {
  return entry && snapshot(entry);
}

/** A record of this moment; later changes of the process do not reach it. Unknown members are absent. */
function snapshot(entry: ProcessEntry): ProcessRecord {
  const { entityId, pid, startTicks, parentEntityId, parentPid, image, commandLine, user, startedAt, endedAt } = entry;
  return {
    entityId,
    pid,
    ...(startTicks === undefined ? {} : { startTicks }),
    ...(parentEntityId === undefined ? {} : { parentEntityId }),
    ...(parentPid === undefined ? {} : { parentPid }),
    ...(image === undefined ? {} : { image }),
    ...(commandLine === undefined ? {} : { commandLine }),
    ...(user === undefined ? {} : { user }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
  };
}
