import { constants } from 'node:os';
import type { EventFields, SensorHealth } from '@yagura/protocol';
import type { BootTime } from '../capture/boot-time.ts';
import type { CanaryClaims } from '../capture/canaries.ts';
import { type CaptureSource, type SourceSink, TAMPER_SERVICE } from '../capture/source.ts';
import { NETLINK_AUDIT, NLMSG_HEADER_BYTES, openNetlink } from '../native/netlink.ts';
import { POLLIN } from '../native/poll-set.ts';
import { createAuditSession } from './audit-session.ts';
import { readConfigChange } from './config-change.ts';
import { openAuditControl } from './control.ts';
import { type AuditEvent, EventAssembler } from './event-assembler.ts';
import { type AuditContext, toObservation } from './observations.ts';
import type { WatchedPath } from './rules.ts';
import type { TamperReport } from './tamper-report.ts';

export interface AuditSourceOptions {
  /** Where the former kernel state is kept while ours is in force. */
  readonly stateFile: string;
  readonly watched: readonly WatchedPath[];
  readonly sink: SourceSink;
  readonly canaries: CanaryClaims;
  readonly bootTime: BootTime;
  readonly monotonic: () => number;
  readonly userName: AuditContext['userName'];
  readonly socketProtocol: AuditContext['socketProtocol'];
  readonly receiveBufferBytes?: number;
}

/** Holds what comes while the reader stands still for many seconds; the kernel reserves none of it beforehand. */
const RECEIVE_BUFFER_BYTES = 32 * 1024 * 1024;
const MAX_RECORD_BYTES = 16 * 1024;
const RECORDS_PER_READ = 4_000;
const FIRST_RECORD_TYPE = 1100;
const EAGAIN = -constants.errno.EAGAIN;
const EINTR = -constants.errno.EINTR;
const ENOBUFS = -constants.errno.ENOBUFS;

/** Process starts, connections, tracing, module loads and reads of credential files, from Linux audit. */
export function createAuditSource(options: AuditSourceOptions): CaptureSource {
  const { sink, monotonic, canaries, bootTime, userName } = options;
  const context: AuditContext = {
    userName,
    socketProtocol: options.socketProtocol,
    bootTimeOf: (time) => bootTime.ofWall(time),
  };
  const buffer = Buffer.alloc(MAX_RECORD_BYTES);
  let events = 0;

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
  });
  const assembler = new EventAssembler(take);

  function record(type: number, body: Buffer): void {
    if (type >= FIRST_RECORD_TYPE) assembler.add(type, body.toString('latin1'), monotonic());
  }

  function take(event: AuditEvent): void {
    const change = readConfigChange(event);
    if (change) session.noteChange(change);
    const result = toObservation(event, context);
    if (!result || isCanary(result.observation)) return;
    events += 1;
    sink.push('linux-audit', result.observation, result.image);
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

  function read(): boolean {
    for (let count = 0; count < RECORDS_PER_READ; count += 1) {
      // Asked anew: a look at the kernel's state may have opened another one.
      const { socket } = session;
      if (!socket) return false;
      if (sink.full) return true;
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
      return assembler.pending > 0 ? 250 : Number.POSITIVE_INFINITY;
    },
    tick() {
      assembler.sweep(monotonic());
      session.tick();
    },
    health(): SensorHealth {
      const lost = assembler.missing + Math.max(assembler.incomplete, session.lostInKernel);
      const { trouble, warning } = session;
      const problem = trouble ?? warning;
      return {
        name: 'linux-audit',
        state: trouble ? 'blind' : warning ? 'degraded' : 'active',
        ...(problem ? { code: problem.code, detail: problem.detail } : {}),
        events,
        lost,
      };
    },
    restart: () => session.restart(),
    stop: () => session.stop(),
  };
}
