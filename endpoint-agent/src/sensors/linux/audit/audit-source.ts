import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import type { EventFields, SensorHealth } from '@yagura/protocol';
import { procReader } from '../../../state/read-proc.ts';
import type { Observation } from '../../sensor.ts';
import type { BootTime } from '../capture/boot-time.ts';
import type { CanaryClaims } from '../capture/canaries.ts';
import { type CaptureSource, type SourceSink, TAMPER_SERVICE } from '../capture/source.ts';
import { NETLINK_AUDIT, NLMSG_HEADER_BYTES, openNetlink } from '../native/netlink.ts';
import { POLLIN } from '../native/poll-set.ts';
import { socketNames } from '../native/socket-names.ts';
import { createAuditSession } from './audit-session.ts';
import { readConfigChange } from './config-change.ts';
import { ConnectionCoalescer } from './connection-coalescer.ts';
import { openAuditControl } from './control.ts';
import { ASSEMBLER_LIMITS, type AuditEvent, EventAssembler } from './event-assembler.ts';
import { IntakeGate } from './intake-gate.ts';
import { bootId } from './kernel-state.ts';
import { SOCKET_SERVICE } from './network-observations.ts';
import { type AuditContext, type ExecutedImage, meaningOfCall, toObservation } from './observations.ts';
import { createProcessContexts } from './process-context.ts';
import { AUDITD_SERVICE, type AuditDemand } from './raw/audit-demand.ts';
import type { RawRecords } from './raw/raw-records.ts';
import { RawSource } from './raw/raw-source.ts';
import { decimal } from './record.ts';
import type { WatchedPath } from './rules.ts';
import { decodeSockaddr } from './socket-address.ts';
import { abisOf } from './syscalls.ts';
import { TalkativeProcesses } from './talkative-processes.ts';
import type { TamperReport } from './tamper-report.ts';
import { UnauditedProcesses, uptimeTicks } from './unaudited-processes.ts';

export interface AuditSourceOptions {
  /** Where the former kernel state is kept while ours is in force. */
  readonly stateFile: string;
  readonly watched: readonly WatchedPath[];
  readonly sink: SourceSink;
  /** Whether something of this user's may still come although the sink is full. */
  readonly hasRoomFor: (user: string) => boolean;
  readonly canaries: CanaryClaims;
  readonly bootTime: BootTime;
  readonly monotonic: () => number;
  readonly userName: AuditContext['userName'];
  readonly socketProtocol: AuditContext['socketProtocol'];
  readonly receiveBufferBytes?: number;
  /** Told of each peer that a datagram was addressed to on the port of name servers, with the local port if known. */
  readonly onDatagramPeer: (pid: number, ip: string, localPort: number | undefined, bootTime: number) => void;
  readonly onListening: (ip: string, port: number) => void;
  /** Makes records for rules about the raw log. */
  readonly rawRecords: RawRecords;
}

export interface AuditSource extends CaptureSource {
  /** What the rules that are loaded from now on can use of the raw log. */
  demand(demand: AuditDemand): void;
}

/** Holds what comes while the reader stands still for many seconds; the kernel reserves none of it beforehand. */
const RECEIVE_BUFFER_BYTES = 32 * 1024 * 1024;
/** When audit was first switched on in this boot, beside the former kernel state. */
const FIRST_ENABLED_FILE = 'audit-first-enabled.json';
const MAX_RECORD_BYTES = 16 * 1024;
const RECORDS_PER_READ = 4_000;
/** Records between two looks at how full the kernel's buffer is. */
const PRESSURE_EVERY = 64;
const FIRST_RECORD_TYPE = 1100;
const DNS_PORT = 53;
const EAGAIN = -constants.errno.EAGAIN;
const EINTR = -constants.errno.EINTR;
const ENOBUFS = -constants.errno.ENOBUFS;

/** Process starts, connections, tracing, module loads and reads of credential files, from Linux audit. */
export function createAuditSource(options: AuditSourceOptions): AuditSource {
  const { sink, monotonic, canaries, bootTime, userName } = options;
  const context: AuditContext = {
    userName,
    socketProtocol: options.socketProtocol,
    socketNames: (pid, fd) => socketNames(pid, fd, decodeSockaddr),
    bootTimeOf: (time) => bootTime.ofWall(time),
  };
  const buffer = Buffer.alloc(MAX_RECORD_BYTES);
  let events = 0;

  const unaudited = new UnauditedProcesses({
    file: join(dirname(options.stateFile), FIRST_ENABLED_FILE),
    bootId: bootId(),
    processes: procReader,
    uptimeTicks,
    ownPid: process.pid,
    monotonic,
  });
  const session = createAuditSession({
    openControl: openAuditControl,
    openSocket: (groups) => openNetlink(NETLINK_AUDIT, groups),
    ownPid: process.pid,
    stateFile: options.stateFile,
    watched: options.watched,
    receiveBufferBytes: options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES,
    monotonic,
    onRecord: record,
    onTampering: tell,
    onEnabling: () => unaudited.noteEnabling(),
  });
  const { hasRoomFor } = options;
  const gate = new IntakeGate({ monotonic, userName, hasRoomFor, isFull: () => sink.full });
  const assembler = new EventAssembler(take, ASSEMBLER_LIMITS, (text, bodyAt) => gate.admits(text, bodyAt));
  const connections = new ConnectionCoalescer((observation) => emit(observation));
  const contexts = createProcessContexts();
  const talkative = new TalkativeProcesses();
  const raw = new RawSource({
    records: options.rawRecords,
    abis: abisOf(process.arch),
    emit: (observation) => emit(observation),
    setRules: (rules) => session.setRawRules(rules),
    bootTimeOf: (time) => bootTime.ofWall(time),
    monotonic,
  });

  function record(type: number, body: Buffer): void {
    if (type < FIRST_RECORD_TYPE) return;
    const text = body.toString('latin1');
    assembler.add(type, text, monotonic());
    raw.message(type, text);
  }

  function take(event: AuditEvent): void {
    const change = readConfigChange(event);
    if (change) session.noteChange(change);
    noteTalk(event);
    const result = toObservation(event, context);
    if (result && isCanary(result.observation)) return;
    const records = raw.of(event, result !== undefined);
    if (!result) return;
    const observation = withRecords(result.observation, records);
    noteNetwork(observation);
    if (observation.logsource.category === 'network_connection') {
      connections.add(observation, monotonic());
    } else emit(standing(observation), result.image);
  }

  function withRecords(observation: Observation, fields: readonly EventFields[]): Observation {
    return fields.length === 0 ? observation : { ...observation, records: { service: AUDITD_SERVICE, fields } };
  }

  function emit(observation: Observation, image?: ExecutedImage): void {
    events += 1;
    sink.push('linux-audit', observation, image);
  }

  function noteNetwork({ pid, logsource, fields, bootTime: at }: Observation): void {
    const { DestinationIp, DestinationPort, SourcePort, LocalIp, LocalPort } = fields;
    if (logsource.service === SOCKET_SERVICE && typeof LocalIp === 'string' && typeof LocalPort === 'number') {
      options.onListening(LocalIp, LocalPort);
    }
    if (DestinationPort !== DNS_PORT || typeof DestinationIp !== 'string' || pid === undefined) return;
    options.onDatagramPeer(pid, DestinationIp, typeof SourcePort === 'number' ? SourcePort : undefined, at ?? 0);
  }

  function standing(observation: Observation): Observation {
    const { pid, parentPid, logsource, fields } = observation;
    if (logsource.category !== 'process_creation' || pid === undefined) return observation;
    return { ...observation, fields: { ...fields, ...contexts.of(pid, parentPid) } };
  }

  /** Whoever sends or takes thousands of times a second is passed over for a minute, by a rule in the kernel. */
  function noteTalk({ syscall }: AuditEvent): void {
    const meaning = syscall && meaningOfCall(syscall);
    if (meaning !== 'send' && meaning !== 'accept') return;
    const pid = decimal(syscall?.get('pid'));
    if (pid !== undefined && pid !== process.pid && talkative.note(pid, monotonic())) session.mute(pid);
  }

  function isCanary({ logsource, pid, parentPid, fields }: Parameters<SourceSink['push']>[1]): boolean {
    if (logsource.category === 'process_creation') {
      return canaries.exec(pid, parentPid, fields['CommandLine']);
    }
    return (
      logsource.category === 'network_connection' &&
      canaries.connect(pid, fields['DestinationIp'], fields['DestinationPort'])
    );
  }

  function tell(report: TamperReport): void {
    const now = bootTime.now();
    const fields: Record<string, EventFields[string]> = {
      EventType: report.kind,
      Sensor: 'linux-audit',
      Details: report.detail,
      Mended: report.mended,
    };
    if (report.count > 1) fields['Count'] = report.count;
    if (report.pid !== undefined) fields['ProcessId'] = report.pid;
    if (report.image !== undefined) fields['Image'] = report.image;
    if (report.uid !== undefined) fields['User'] = userName(report.uid);
    if (report.loginUid !== undefined) fields['LogonUser'] = userName(report.loginUid);
    events += 1;
    sink.push('linux-audit', {
      logsource: { product: 'linux', service: TAMPER_SERVICE },
      time: report.time ?? Date.now(),
      bootTime: report.time === undefined ? now : bootTime.ofWall(report.time),
      ...(report.pid === undefined ? {} : { pid: report.pid }),
      fields,
    });
  }

  function mutedNote(): Pick<SensorHealth, 'code' | 'detail'> {
    const { muted } = talkative;
    if (muted.length === 0) return floodNote() ?? leftOutNote();
    const shown = muted.slice(0, 10).join(', ');
    return {
      code: 'talkative_processes',
      detail: `Sending and taking connections too often to be recorded one by one, for a minute: pid ${shown}.`,
    };
  }

  function olderNote(): Pick<SensorHealth, 'code' | 'detail'> {
    const { detail } = unaudited;
    return detail === undefined ? {} : { code: 'processes_older_than_audit', detail };
  }

  function floodNote(): Pick<SensorHealth, 'code' | 'detail'> | undefined {
    const users = gate.passedOver();
    if (users.length === 0) return undefined;
    const shown = users.slice(0, 5).map(([user, count]) => `${user} (${count})`);
    return { code: 'user_floods', detail: `More than can be recorded, passed over: events of ${shown.join(', ')}.` };
  }

  function leftOutNote(): Pick<SensorHealth, 'code' | 'detail'> {
    if (raw.leftOut.length === 0) return olderNote();
    const detail = `Called too often to be recorded for rules about the raw audit log, for a minute: ${raw.leftOut.join(', ')}.`;
    return { code: 'busy_system_calls', detail };
  }

  function read(): boolean {
    for (let count = 0; count < RECORDS_PER_READ; count += 1) {
      // Asked anew: a look at the kernel's state may have opened another one.
      const { socket } = session;
      if (!socket) return false;
      if (count % PRESSURE_EVERY === 0) gate.note(socket.occupancy());
      if (sink.full && !gate.isPressed) return true;
      const received = socket.receive(buffer);
      if (received === EAGAIN || received === EINTR) return false;
      if (received === ENOBUFS) continue;
      if (received < 0) return false;
      if (received > NLMSG_HEADER_BYTES) {
        record(buffer.readUInt16LE(4), buffer.subarray(NLMSG_HEADER_BYTES, received));
      }
    }
    return true;
  }

  return {
    name: 'linux-audit',
    start: () => session.start(),
    descriptors: () => (session.socket ? [{ fd: session.socket.fd, events: POLLIN }] : []),
    read,
    held: 0,
    get patienceMs() {
      return assembler.pending > 0 || connections.kept > 0 ? 250 : Number.POSITIVE_INFINITY;
    },
    tick() {
      assembler.sweep(monotonic());
      session.tick();
      connections.flush(monotonic());
      raw.tick();
      for (const pid of talkative.expire(monotonic())) session.unmute(pid);
    },
    health(): SensorHealth {
      const unread = Math.max(assembler.incomplete, session.lostInKernel);
      const lost = assembler.missing + assembler.passedOver + unread + raw.shed;
      const { trouble, warning } = session;
      const problem = trouble ?? warning;
      return {
        name: 'linux-audit',
        state: trouble ? 'blind' : warning ? 'degraded' : 'active',
        ...(problem ? { code: problem.code, detail: problem.detail } : mutedNote()),
        events,
        lost,
      };
    },
    restart: () => session.restart(),
    demand: (demand) => raw.demand(demand),
    stop: () => {
      connections.flush(Number.POSITIVE_INFINITY);
      session.stop();
    },
  };
}
