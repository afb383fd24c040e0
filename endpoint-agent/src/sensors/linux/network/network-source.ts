import type { EventFields, SensorHealth } from '@yagura/protocol';
import { errnoName } from '../../../native/libc.ts';
import { SOCKET_SERVICE } from '../audit/network-observations.ts';
import type { BootTime } from '../capture/boot-time.ts';
import type { CaptureSource, SourceSink } from '../capture/source.ts';
import { POLLIN } from '../native/poll-set.ts';
import { type DnsQuestion, readDnsQuestion } from './dns-message.ts';
import type { DnsSenders, SenderFound } from './dns-senders.ts';
import { type ListeningSockets, ownersOf } from './listening-sockets.ts';
import { openPacketSocket, type PacketSocket, type SentDatagram } from './packet-socket.ts';
import { listWaitingSockets } from './socket-diag.ts';

export interface NetworkSourceOptions {
  readonly sink: SourceSink;
  readonly bootTime: BootTime;
  readonly monotonic: () => number;
  readonly senders: DnsSenders;
  readonly listening: ListeningSockets;
}

const DATAGRAMS_PER_READ = 512;
const COMPARE_EVERY_MS = 15_000;
/** The audit record of who asked comes some milliseconds after the query itself: who else asked may come as well. */
const WAIT_FOR_SENDER_MS = 60;
/** On a busy machine it comes later; a query of which nobody knows who asked waits for this long. */
const WAIT_AT_MOST_MS = 1_000;
const MAX_WAITING = 1_024;
const NONE = Buffer.alloc(0);
/** The same question by the same process is told once in this time. */
const SAME_QUESTION_MS = 5_000;
const MAX_REMEMBERED = 2_048;

interface Waiting {
  readonly question: DnsQuestion;
  readonly datagram: SentDatagram;
  /** When it was read, in monotonic milliseconds. */
  readonly at: number;
}

/** DNS queries that leave this machine, and sockets that begin or cease to wait for others. */
export function createNetworkSource(options: NetworkSourceOptions): CaptureSource {
  const { sink, bootTime, monotonic, senders, listening } = options;
  let packets: PacketSocket | undefined;
  let failure: number | undefined;
  let events = 0;
  let comparedAt = Number.NEGATIVE_INFINITY;
  let waiting: Waiting[] = [];
  const told = new Map<string, number>();

  function push(
    logsource: { readonly category?: 'dns_query'; readonly service?: string },
    at: number,
    pid: number | undefined,
    fields: Record<string, EventFields[string]>,
  ): void {
    events += 1;
    sink.push('linux-network', {
      logsource: { product: 'linux', ...logsource },
      ...bootTime.ofMonotonic(at),
      ...(pid === undefined ? {} : { pid }),
      fields: pid === undefined ? fields : { ProcessId: pid, ...fields },
    });
  }

  function handle(datagram: SentDatagram, at: number): void {
    const question = readDnsQuestion(datagram.payload);
    if (!question) return;
    // With no room left the first one waits no longer.
    if (waiting.length >= MAX_WAITING) tell(waiting.shift());
    waiting.push({ question, datagram: { ...datagram, payload: NONE }, at });
  }

  /** In order: one that waits for its sender is waited for. */
  function release(now: number): void {
    let count = 0;
    for (; count < waiting.length; count += 1) {
      const next = waiting[count];
      if (!next || next.at + WAIT_FOR_SENDER_MS > now) break;
      if (!senderOf(next) && next.at + WAIT_AT_MOST_MS > now) break;
      tell(next);
    }
    waiting = waiting.slice(count);
  }

  function senderOf({ datagram, at }: Waiting): SenderFound | undefined {
    const { destinationIp, sourcePort, sentAt } = datagram;
    const since = sentAt === undefined ? bootTime.ofMonotonic(at).bootTime : bootTime.ofWall(sentAt);
    return senders.find(destinationIp, sourcePort, since);
  }

  function tell(asked: Waiting | undefined): void {
    if (!asked) return;
    const { question, datagram, at } = asked;
    const { destinationIp, sourcePort } = datagram;
    const found = senderOf(asked);
    const key = `${found?.pid ?? ''} ${question.type} ${question.name} ${destinationIp}`;
    const before = told.get(key);
    if (before !== undefined && at - before < SAME_QUESTION_MS) return;
    told.delete(key);
    told.set(key, at);
    if (told.size > MAX_REMEMBERED) told.delete(told.keys().next().value ?? '');
    push({ category: 'dns_query' }, at, found?.pid, {
      QueryName: question.name,
      QueryType: question.type,
      DestinationIp: destinationIp,
      SourcePort: sourcePort,
      ...(found ? { ProcessFoundBy: found.by } : {}),
    });
  }

  function compare(now: number): void {
    const sockets = listWaitingSockets();
    if (typeof sockets === 'number') return;
    const changes = listening.compare(sockets);
    const opened = changes.filter(({ kind }) => kind === 'socket_listening');
    const owners = opened.length === 0 ? new Map() : ownersOf(new Set(opened.map(({ socket }) => socket.inode)));
    for (const { kind, socket } of changes) {
      push({ service: SOCKET_SERVICE }, now, owners.get(socket.inode), {
        EventType: kind,
        LocalIp: socket.ip,
        LocalPort: socket.port,
        Protocol: socket.protocol,
      });
    }
  }

  function start(): void {
    const opened = openPacketSocket();
    failure = typeof opened === 'number' ? opened : undefined;
    packets = typeof opened === 'number' ? undefined : opened;
    comparedAt = monotonic();
    compare(comparedAt);
  }

  function stop(): void {
    release(Number.POSITIVE_INFINITY);
    packets?.close();
    packets = undefined;
  }

  return {
    name: 'linux-network',
    start,
    descriptors: () => (packets ? [{ fd: packets.fd, events: POLLIN }] : []),
    read() {
      const now = monotonic();
      release(now);
      const open = packets;
      if (!open) return false;
      for (let count = 0; count < DATAGRAMS_PER_READ; count += 1) {
        if (sink.full) return true;
        const datagram = open.receive();
        if (typeof datagram === 'number') return false;
        if (datagram) handle(datagram, now);
      }
      return true;
    },
    get held() {
      return waiting.length;
    },
    patienceMs: Number.POSITIVE_INFINITY,
    tick() {
      const now = monotonic();
      if (now - comparedAt < COMPARE_EVERY_MS) return;
      comparedAt = now;
      compare(now);
    },
    health(): SensorHealth {
      const base = { name: 'linux-network', events, lost: 0 };
      if (failure === undefined) return { ...base, state: 'active' };
      const name = errnoName(failure);
      const code = name === 'EPERM' || name === 'EACCES' ? 'needs_root' : 'packet_socket_unavailable';
      return { ...base, state: 'degraded', code, detail: `DNS queries cannot be seen here: ${name}.` };
    },
    restart() {
      stop();
      start();
    },
    stop,
  };
}
