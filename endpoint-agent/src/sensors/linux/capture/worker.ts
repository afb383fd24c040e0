import { parentPort, workerData } from 'node:worker_threads';
import { libc } from '../../../native/libc.ts';
import { createAuditSource } from '../audit/audit-source.ts';
import { socketProtocol } from '../audit/socket-protocol.ts';
import { createFileSource } from '../fanotify/file-source.ts';
import { createPollSet } from '../native/poll-set.ts';
import { createProcessSource } from '../processes/process-source.ts';
import type { Observation } from '../../sensor.ts';
import { createBootTime, monotonicNow } from './boot-time.ts';
import { DelayLine } from './delay-line.ts';
import { ImageHasher } from './image-hasher.ts';
import type { CaptureWorkerData, FromWorker, ToWorker } from './messages.ts';
import { Outbox } from './outbox.ts';
import type { CaptureSource, SourceName, SourceSink } from './source.ts';
import { createUserNames } from './user-names.ts';

/**
 * The thread that reads the kernel. It never blocks but in `poll`, at most 100 ms, so that it hears the main
 * thread and ends when it is told to. One thread for all sources: a second would cost 12 MB.
 */
const IDLE_MS = 100;
const GATHER_MS = 4;
const TICK_MS = 250;
const HEALTH_MS = 1_000;
/** Longer than the kernel's audit thread usually takes to hand a record over. */
const DELAY_MS = 15;
const MAX_DELAYED = 8_192;

const port = parentPort;
if (!port) throw new Error('the capture worker runs in a worker thread only');
const data = workerData as CaptureWorkerData;
const heartbeat = new Int32Array(data.heartbeat);
const monotonic = monotonicNow;

const hasher = new ImageHasher();
const outbox = new Outbox((image) => hasher.request(image), monotonic);
const delayed = new DelayLine<readonly [SourceName, Observation]>(DELAY_MS, monotonic, ([source, observation]) =>
  outbox.push(source, observation),
);
const lateSink: SourceSink = {
  push: (source, observation) => delayed.add([source, observation]),
  get full() {
    return outbox.full || delayed.size >= MAX_DELAYED;
  },
};
const bootTime = createBootTime(Date.now);
const userName = createUserNames(monotonic);

const FACTORIES: Readonly<Record<SourceName, () => CaptureSource>> = {
  'linux-audit': () =>
    createAuditSource({
      stateFile: data.stateFile,
      watched: data.watched,
      sink: outbox,
      bootTime,
      monotonic,
      userName,
      socketProtocol,
      ...(data.auditBufferBytes === undefined ? {} : { receiveBufferBytes: data.auditBufferBytes }),
    }),
  'linux-processes': () => createProcessSource({ sink: outbox, lateSink, bootTime }),
  'linux-files': () => createFileSource({ sink: outbox, bootTime, monotonic, ignorePaths: data.ignorePaths }),
};

// Audit first: process starts must come before what the processes did.
const sources = data.sources.map((name) => FACTORIES[name]());
let stopping = false;
let tickedAt = 0;
let reportedAt = 0;
let descriptors: { readonly fd: number; readonly events: number }[] = [];
let poll = createPollSet([]);
const nothing = createPollSet([]);

function send(message: FromWorker): void {
  port?.postMessage(message);
}

function health() {
  return sources.map((source) => source.health());
}

function refreshPoll(): void {
  const current = sources.flatMap((source) => source.descriptors());
  if (current.length === descriptors.length && current.every(({ fd }, at) => fd === descriptors[at]?.fd)) return;
  descriptors = current;
  poll = createPollSet(descriptors);
}

function deliver(): void {
  for (;;) {
    const { parcels, chars } = outbox.take();
    if (parcels.length === 0) return;
    send({ type: 'batch', parcels, chars });
  }
}

function isHolding(): boolean {
  return delayed.size > 0 || outbox.waiting > 0 || hasher.busy || sources.some((source) => source.held > 0);
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
    refreshPoll();
  }
  if (now - reportedAt >= HEALTH_MS) {
    reportedAt = now;
    send({ type: 'health', health: health(), descriptors: descriptors.map(({ fd }) => fd) });
  }
  if (outbox.full) nothing.wait(GATHER_MS);
  else if (!more) {
    poll.wait(isHolding() ? GATHER_MS : IDLE_MS);
    // One wake for many records costs the machine a third of one wake for each.
    nothing.wait(GATHER_MS);
  }
  setImmediate(turn);
}

function finish(): void {
  for (const source of sources) source.read();
  for (const source of sources) source.stop();
  delayed.drain();
  hasher.close();
  deliver();
  send({ type: 'stopped', health: health() });
  port?.close();
}

port.on('message', (message: ToWorker) => {
  if (message.type === 'taken') outbox.acknowledge(message.count, message.chars);
  else if (message.type === 'stop') stopping = true;
  else libc().poll(Buffer.alloc(8), 0, message.milliseconds);
});

for (const source of sources) source.start();
refreshPoll();
send({ type: 'health', health: health(), descriptors: descriptors.map(({ fd }) => fd) });
send({ type: 'ready', health: health() });
turn();
