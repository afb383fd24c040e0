import { constants } from 'node:os';
import type { SensorHealth } from '@yagura/protocol';
import { errnoName } from '../../../native/libc.ts';
import type { BootTime } from '../capture/boot-time.ts';
import type { CaptureSource, SourceSink } from '../capture/source.ts';
import { NETLINK_AUDIT, NLMSG_HEADER_BYTES, type NetlinkSocket, openNetlink } from '../native/netlink.ts';
import { POLLIN } from '../native/poll-set.ts';
import { ACTION_NEVER, ENABLED_LOCKED, FIELD, FAILURE_PANIC, GROUP_READLOG, LIST_EXCLUDE } from './constants.ts';
import { type AuditControl, openAuditControl, registerDaemon } from './control.ts';
import { EventAssembler } from './event-assembler.ts';
import { type AuditRole, applySettings, restoreSettings } from './kernel-state.ts';
import { type AuditContext, toObservation } from './observations.ts';
import { isOurs, sensorRules, type WatchedPath } from './rules.ts';
import type { AuditRule } from './rule.ts';
import type { AuditStatus } from './status.ts';
import { abisOf } from './syscalls.ts';

export interface AuditSourceOptions {
  /** Where the former kernel state is kept while ours is in force. */
  readonly stateFile: string;
  readonly watched: readonly WatchedPath[];
  readonly sink: SourceSink;
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
const CHECK_EVERY_MS = 5_000;
const EAGAIN = -constants.errno.EAGAIN;
const EINTR = -constants.errno.EINTR;
const ENOBUFS = -constants.errno.ENOBUFS;
const EINVAL = -constants.errno.EINVAL;
const EEXIST = -constants.errno.EEXIST;

interface Trouble {
  readonly code: string;
  readonly detail: string;
}

/** Process starts, connections, tracing, module loads and reads of credential files, from Linux audit. */
export function createAuditSource(options: AuditSourceOptions): CaptureSource {
  const { sink, monotonic } = options;
  const context: AuditContext = {
    userName: options.userName,
    socketProtocol: options.socketProtocol,
    bootTimeOf: (time) => options.bootTime.ofWall(time),
  };
  const buffer = Buffer.alloc(MAX_RECORD_BYTES);
  let control: AuditControl | undefined;
  let socket: NetlinkSocket | undefined;
  let role: AuditRole = 'daemon';
  let trouble: Trouble | undefined;
  let warning: Trouble | undefined;
  let lostBefore: number | undefined;
  let lostInKernel = 0;
  let overruns = 0;
  let events = 0;
  let checkedAt = 0;
  let installed = 0;

  const assembler = new EventAssembler((event) => {
    const result = toObservation(event, context);
    if (!result) return;
    events += 1;
    sink.push('linux-audit', result.observation, result.image);
  });

  function record(type: number, body: Buffer): void {
    if (type >= FIRST_RECORD_TYPE) assembler.add(type, body.toString('latin1'), monotonic());
  }

  function begin(): Trouble | undefined {
    const opened = openAuditControl();
    if (typeof opened === 'number') return refused(opened);
    control = opened;
    // What a former run left behind goes first, or its settings would be taken for the machine's own.
    const restored = restoreSettings(control, options.stateFile);
    if (!restored.ok) return refused(restored.error ?? 0);
    const status = control.status();
    if (typeof status === 'number') return refused(status);
    lostBefore = status.lost;
    return subscribe(control, status);
  }

  function subscribe(on: AuditControl, status: AuditStatus): Trouble | undefined {
    role = status.pid === 0 || status.pid === process.pid || !isAlive(status.pid) ? 'daemon' : 'listener';
    if (role === 'listener' && status.failure === FAILURE_PANIC) return PANIC_ON_LOSS;
    if (status.enabled !== ENABLED_LOCKED) {
      const applied = applySettings(on, status, role, options.stateFile);
      if (applied < 0) return refused(applied);
    }
    const joined = join();
    if (joined) return joined;
    if (status.enabled === ENABLED_LOCKED) return LOCKED;
    return addRules(on);
  }

  /** Opens the receiving socket: as the daemon, or in the multicast group when another process is it. */
  function join(): Trouble | undefined {
    socket?.close();
    socket = undefined;
    const opened = openNetlink(NETLINK_AUDIT, role === 'listener' ? GROUP_READLOG : 0);
    if (typeof opened === 'number') return refused(opened);
    socket = opened;
    socket.setReceiveBuffer(options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES);
    if (role === 'listener') return undefined;
    const registered = registerDaemon(socket, process.pid, record);
    if (registered !== EEXIST) return registered < 0 ? refused(registered) : undefined;
    role = 'listener';
    return join();
  }

  function addRules(on: AuditControl): Trouble | undefined {
    const abis = abisOf(process.arch);
    if (abis.length === 0) return { code: 'architecture_unknown', detail: `No system call table for ${process.arch}.` };
    // Each rule is put before those added earlier; foreign rules stay behind all of ours.
    for (const rule of sensorRules(abis, options.watched)) {
      const result = addRule(on, rule);
      if (result < 0 && result !== EEXIST) {
        warning = { code: 'audit_rule_refused', detail: `The kernel refused an audit rule: ${errnoName(result)}.` };
      }
    }
    const rules = on.rules();
    installed = typeof rules === 'number' ? 0 : rules.filter(isOurs).length;
    return undefined;
  }

  /** Notices what others did to audit since the last look, and mends what can be mended. */
  function check(on: AuditControl): void {
    const status = on.status();
    const rules = on.rules();
    if (typeof status === 'number' || typeof rules === 'number') return;
    if (lostBefore !== undefined) lostInKernel = (status.lost - lostBefore) >>> 0;
    if (trouble) return;
    warning = undefined;
    if (role === 'daemon' && status.pid !== process.pid) {
      role = status.pid === 0 ? 'daemon' : 'listener';
      trouble = join();
      warning = { code: 'audit_daemon_replaced', detail: 'Another process took or reset the audit connection.' };
    }
    if (role === 'listener' && (status.pid === 0 || !isAlive(status.pid))) {
      role = 'daemon';
      trouble = join();
    }
    const ours = rules.filter(isOurs).length;
    if (status.enabled === 0 || ours < installed) {
      if (status.enabled !== ENABLED_LOCKED) {
        applySettings(on, status, role, options.stateFile);
        addRules(on);
      }
      warning = { code: 'audit_tampered', detail: 'Audit was switched off or our rules were removed; put back.' };
    }
    const never = rules.filter((rule) => rule.action === ACTION_NEVER && rule.list !== LIST_EXCLUDE && !isOurs(rule));
    if (never.length > 0) {
      warning = {
        code: 'audit_never_rule',
        detail: `${never.length} foreign audit rules with the action "never" may hide processes. See auditctl -l.`,
      };
    }
  }

  function read(): boolean {
    if (!socket) return false;
    for (let count = 0; count < RECORDS_PER_READ; count += 1) {
      if (sink.full) return true;
      const received = socket.receive(buffer);
      if (received === EAGAIN || received === EINTR) return false;
      if (received === ENOBUFS) overruns += 1;
      else if (received < 0) return false;
      else if (received > NLMSG_HEADER_BYTES) {
        record(buffer.readUInt16LE(4), buffer.subarray(NLMSG_HEADER_BYTES, received));
      }
    }
    return true;
  }

  return {
    name: 'linux-audit',
    start() {
      trouble = begin();
      checkedAt = monotonic();
    },
    descriptors: () => (socket ? [{ fd: socket.fd, events: POLLIN }] : []),
    read,
    held: 0,
    tick() {
      const now = monotonic();
      assembler.sweep(now);
      if (control && now - checkedAt >= CHECK_EVERY_MS) {
        checkedAt = now;
        check(control);
      }
    },
    health(): SensorHealth {
      const lost = assembler.missing + Math.max(assembler.incomplete, lostInKernel, overruns);
      const problem = trouble ?? warning;
      return {
        name: 'linux-audit',
        state: trouble ? (trouble.code === LOCKED.code ? 'degraded' : 'blind') : warning ? 'degraded' : 'active',
        ...(problem ? { code: problem.code, detail: problem.detail } : {}),
        events,
        lost,
      };
    },
    stop() {
      if (control) restoreSettings(control, options.stateFile);
      if (socket && role === 'daemon' && !trouble) registerDaemon(socket, 0, record);
      socket?.close();
      control?.[Symbol.dispose]();
      socket = undefined;
      control = undefined;
    },
  };
}

/** Kernels before 5.3 cannot filter by address family: there every connect is reported and sorted out here. */
function addRule(on: AuditControl, rule: AuditRule): number {
  const result = on.addRule(rule);
  const fields = rule.fields.filter(({ field }) => field !== FIELD.SADDR_FAM);
  return result === EINVAL && fields.length < rule.fields.length ? on.addRule({ ...rule, fields }) : result;
}

const LOCKED: Trouble = {
  code: 'audit_locked',
  detail: 'Audit is locked until the next boot (auditctl -e 2); our rules cannot be added. Unlock it and restart.',
};

const PANIC_ON_LOSS: Trouble = {
  code: 'audit_panics_on_loss',
  detail: 'Audit is set to panic when it loses a record (auditctl -f 2); more rules could halt the machine.',
};

function refused(result: number): Trouble {
  const name = errnoName(result);
  if (name === 'EPERM' || name === 'EACCES') {
    return { code: 'needs_root', detail: 'Reading audit needs root (CAP_AUDIT_CONTROL, CAP_AUDIT_READ).' };
  }
  if (name === 'EPROTONOSUPPORT' || name === 'ECONNREFUSED') {
    return { code: 'audit_unavailable', detail: 'This kernel or container gives no access to audit.' };
  }
  return { code: 'audit_failed', detail: `Audit could not be set up: ${name}.` };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
