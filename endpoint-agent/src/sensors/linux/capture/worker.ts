import { randomBytes } from 'node:crypto';
import { setPriority } from 'node:os';
import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { SensorHealth } from '@yagura/protocol';
import { libc } from '../../../native/libc.ts';
import type { Observation } from '../../sensor.ts';
import { type AuditSource, createAuditSource } from '../audit/audit-source.ts';
import type { AuditDemand } from '../audit/raw/audit-demand.ts';
import { withPathRecords } from '../audit/raw/path-records.ts';
import { RawRecords } from '../audit/raw/raw-records.ts';
import { directoryAliases } from '../audit/raw/record-rules.ts';
import { socketProtocol } from '../audit/socket-protocol.ts';
import { createFileSource, type FileSource } from '../fanotify/file-source.ts';
import { createPollSet, POLLIN } from '../native/poll-set.ts';
import { hearWakeUp } from '../native/wake-up.ts';
import { DnsSenders } from '../network/dns-senders.ts';
import { ephemeralPorts, ListeningSockets } from '../network/listening-sockets.ts';
import { createNetworkSource } from '../network/network-source.ts';
import { createProcessSource } from '../processes/process-source.ts';
import { createBootTime, monotonicNow } from './boot-time.ts';
import { Canaries } from './canaries.ts';
import { createCanaryActs } from './canary-acts.ts';
import { DelayLine } from './delay-line.ts';
import { ImageHasher } from './image-hasher.ts';
import type { CaptureWorkerData, FromWorker, ToWorker } from './messages.ts';
import { tellOfNamespaces } from './namespace-hints.ts';
import { Outbox } from './outbox.ts';
import { ProcessOwners } from './process-owners.ts';
import type { CaptureSource, SourceName, SourceSink } from './source.ts';
import { createUserNames } from './user-names.ts';

/**
 * The thread that reads the kernel. It never blocks but in `poll`, which the main thread's descriptor ends too.
 * One thread for all sources: a second would cost 12 MB.
 */
const IDLE_MS = 1_000;
/** Without the main thread's descriptor it has to look by itself. */
const DEAF_IDLE_MS = 100;
const GATHER_MS = 4;
/** More turns than this within a second, and each waits longer for what else comes. */
const BUSY_WAKES = 40;
const BUSY_GATHER_MS = 20;
const TICK_MS = 250;
const HEALTH_MS = 1_000;
const REPAIR_EVERY_MS = 30_000;
/** Longer than the kernel's audit thread usually takes to hand a record over. */
const DELAY_MS = 15;
const MAX_DELAYED = 8_192;
const NICENESS = -10;

const port = parentPort;
if (!port) throw new Error('the capture worker runs in a worker thread only');
const data = workerData as CaptureWorkerData;
const heartbeat = new Int32Array(data.heartbeat);
const monotonic = monotonicNow;

const hasher = new ImageHasher();
const outbox = new Outbox((image, user) => hasher.request(image, user), monotonic);
const delayed = new DelayLine<readonly [SourceName, Observation]>(DELAY_MS, monotonic, ([source, observation]) =>
  outbox.push(source, observation),
);
const lateSink: SourceSink = {
  push: (source, observation) => delayed.add([source, observation]),
  get full() {
    return outbox.isFull('linux-processes') || outbox.isFull('linux-network') || delayed.size >= MAX_DELAYED;
  },
};
const bootTime = createBootTime(Date.now);
const userName = createUserNames(monotonic);

const owners = new ProcessOwners();
const onFork = (pid: number, parentPid: number): void => owners.noteFork(pid, parentPid, monotonic());

const senders = new DnsSenders();
const listening = new ListeningSockets(ephemeralPorts());
const rawRecords = new RawRecords(directoryAliases());
let audit: AuditSource | undefined;
let files: FileSource | undefined;
const canaries = new Canaries({
  acts: createCanaryActs(dirname(data.stateFile), (directory) => files?.covers(directory) ?? false),
  sources: data.sources,
  ownPid: process.pid,
  monotonic,
  random: Math.random,
  nonce: () => randomBytes(8).toString('hex'),
});

const FACTORIES: Readonly<Record<SourceName, () => CaptureSource>> = {
  'linux-audit': () => {
    audit = createAuditSource({
      canaries,
      rawRecords,
      onDatagramPeer: (pid, ip, port, at) => senders.note(pid, ip, port, at),
      onListening: (ip, port) => listening.noteTold('tcp', ip, port),
      stateFile: data.stateFile,
      watched: data.watched,
      sink: tellOfNamespaces(outbox.sinkOf('linux-audit'), (...hint) => files?.noteNamespace(...hint)),
      hasRoomFor: (user) => outbox.hasRoomFor('linux-audit', user),
      bootTime,
      monotonic,
      userName,
      socketProtocol,
      ...(data.auditBufferBytes === undefined ? {} : { receiveBufferBytes: data.auditBufferBytes }),
    });
    return audit;
  },
  'linux-processes': () =>
    createProcessSource({ sink: outbox.sinkOf('linux-processes'), lateSink, bootTime, canaries, onFork }),
  'linux-network': () => createNetworkSource({ sink: lateSink, bootTime, monotonic, senders, listening }),
  'linux-files': () => {
    const { ignorePaths } = data;
    files = createFileSource({
      sink: withPathRecords(outbox.sinkOf('linux-files'), rawRecords),
      bootTime,
      monotonic,
      canaries,
      userName,
      owners,
      ignorePaths,
    });
    return files;
  },
};

// Audit first: process starts must come before what the processes did, and before whom they bear.
const sources = data.sources.map((name) => FACTORIES[name]());
let stopping = false;
let tickedAt = 0;
let reportedAt = 0;
let reported = '';
let countedAt = 0;
let wakes = 0;
let isBusy = false;
let repairedAt = monotonic();
let descriptors: { readonly fd: number; readonly events: number }[] = [];
let poll = createPollSet([]);
const nothing = createPollSet([]);

function send(message: FromWorker): void {
  port?.postMessage(message);
}

function health(): SensorHealth[] {
  return sources.map((source) => {
    const own = source.health();
    const report = { ...own, lost: own.lost + outbox.leftOut(source.name) };
    const missing = canaries.missing(source.name);
    if (missing.length === 0 || report.state === 'blind') return report;
    const detail = `A test by the agent itself did not arrive (${missing.join(', ')}). ${report.detail ?? ''}`.trim();
    return { ...report, state: 'blind', code: 'canary_missing', detail };
  });
}

/** A sensor that is blind for a reason of its own, or whose canaries do not come, is opened anew. */
function repair(now: number, silent: readonly SourceName[]): void {
  const isDue = now - repairedAt >= REPAIR_EVERY_MS;
  if (isDue) repairedAt = now;
  for (const source of sources) {
    const isBlind = canaries.missing(source.name).length > 0 || source.health().state === 'blind';
    if (silent.includes(source.name) || (isDue && isBlind)) source.restart();
  }
}

/** The records of what the kernel tells anyway, and of what only the audit source can ask it for. */
function demand(next: AuditDemand): void {
  rawRecords.demand = next;
  audit?.demand(next);
}

/** Where nothing changed nobody is woken. */
function reportHealth(): void {
  const message: FromWorker = { type: 'health', health: health(), descriptors: ownDescriptors() };
  const text = JSON.stringify(message);
  if (text === reported) return;
  reported = text;
  send(message);
}

function refreshPoll(): void {
  const wakeUp = data.wakeUp >= 0 ? [{ fd: data.wakeUp, events: POLLIN }] : [];
  const current = [...sources.flatMap((source) => source.descriptors()), ...wakeUp];
  if (current.length === descriptors.length && current.every(({ fd }, at) => fd === descriptors[at]?.fd)) return;
  descriptors = current;
  poll = createPollSet(descriptors);
}

/** What would stay open if this thread died. The main thread's own is not among them. */
function ownDescriptors(): number[] {
  return descriptors.map(({ fd }) => fd).filter((fd) => fd !== data.wakeUp);
}

function deliver(maxInFlight?: number): void {
  for (;;) {
    const parcels = outbox.take(maxInFlight);
    if (parcels.length === 0) return;
    send({ type: 'batch', parcels });
  }
}

/** How long nothing has to be done when nothing comes. */
function patience(): number {
  if (outbox.waiting > 0 || hasher.busy) return GATHER_MS;
  if (delayed.size > 0 || sources.some((source) => source.held > 0)) return DELAY_MS;
  const idle = data.wakeUp >= 0 ? IDLE_MS : DEAF_IDLE_MS;
  return Math.min(idle, ...sources.map((source) => source.patienceMs));
}

/** A lone event is handed on at once; where many come, each turn is to serve several of them. */
function gatherFor(now: number): number {
  if (now - countedAt >= 1_000) {
    isBusy = wakes > BUSY_WAKES;
    countedAt = now;
    wakes = 0;
  }
  wakes += 1;
  return isBusy ? BUSY_GATHER_MS : GATHER_MS;
}

function turn(): void {
  Atomics.add(heartbeat, 0, 1);
  if (stopping) return finish();
  let more = false;
  for (const source of sources) more = source.read() || more;
  hasher.step();
  delayed.flush();
  deliver();
  const now = monotonic();
  if (now - tickedAt >= TICK_MS) {
    tickedAt = now;
    for (const source of sources) source.tick();
    repair(now, canaries.tick());
    refreshPoll();
  }
  if (now - reportedAt >= HEALTH_MS) {
    reportedAt = now;
    reportHealth();
  }
  if (outbox.isFull()) nothing.wait(GATHER_MS);
  else if (!more) {
    poll.wait(patience());
    if (data.wakeUp >= 0 && poll.ready(data.wakeUp)) hearWakeUp(data.wakeUp);
    // One wake for many records costs the machine a third of one wake for each.
    else nothing.wait(gatherFor(now));
  }
  setImmediate(turn);
}

/** Who reads late loses for everybody: it comes before what floods it. Where that is refused it reads all the same. */
function preferThisThread(): void {
  try {
    // Of the calling thread alone: Linux knows no other.
    setPriority(0, NICENESS);
  } catch {
    // Without the right.
  }
}

function finish(): void {
  for (const source of sources) source.read();
  for (const source of sources) source.stop();
  delayed.drain();
  hasher.close();
  deliver(Number.POSITIVE_INFINITY);
  send({ type: 'stopped', health: health() });
  port?.close();
}

port.on('message', (message: ToWorker) => {
  if (message.type === 'taken') outbox.acknowledge();
  else if (message.type === 'stop') stopping = true;
  else if (message.type === 'demand') demand(message.demand);
  else libc().poll(Buffer.alloc(8), 0, message.milliseconds);
});

demand(data.demand);
preferThisThread();
for (const source of sources) source.start();
refreshPoll();
reportHealth();
send({ type: 'ready', health: health() });
turn();
