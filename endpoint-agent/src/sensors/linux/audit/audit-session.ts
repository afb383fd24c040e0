import { constants } from 'node:os';
import { errnoName } from '../../../native/libc.ts';
import type { NetlinkSocket } from '../native/netlink.ts';
import type { ConfigChange } from './config-change.ts';
import { ENABLED_LOCKED, FAILURE_PANIC, FIELD, GROUP_READLOG } from './constants.ts';
import { type AuditControl, registerDaemon } from './control.ts';
import { withoutGracePeriods } from './grace-period.ts';
import { type AuditRole, type AuditSettings, applySettings, restoreSettings } from './kernel-state.ts';
import type { AuditRule, ListedRule } from './rule.ts';
import { isMute, isOurs, isRaw, muteRules, sensorRules, type WatchedPath } from './rules.ts';
import type { AuditStatus } from './status.ts';
import { abisOf } from './syscalls.ts';
import { judgeTampering, type TamperReport } from './tamper-report.ts';
import { type AuditTampering, type Difference, findTampering, hidesTasks, identityOf } from './tampering.ts';

export interface AuditSessionOptions {
  /** The kernel's two ends; `-errno` when refused. */
  readonly openControl: () => AuditControl | number;
  readonly openSocket: (groups: number) => NetlinkSocket | number;
  readonly ownPid: number;
  readonly stateFile: string;
  readonly watched: readonly WatchedPath[];
  readonly receiveBufferBytes: number;
  readonly monotonic: () => number;
  readonly onRecord: (type: number, body: Buffer) => void;
  readonly onTampering: (report: TamperReport) => void;
  /** Audit is off, and is switched on next. */
  readonly onEnabling?: () => void;
}

export interface Trouble {
  readonly code: string;
  readonly detail: string;
}

/** Our hold on the kernel's audit subsystem: who we are to it, our rules, and what others do to them. */
export interface AuditSession {
  start(): void;
  /** The socket that records come from; undefined when there is none. */
  readonly socket: NetlinkSocket | undefined;
  /** Nothing can be seen, or only what was set up before. */
  readonly trouble: Trouble | undefined;
  /** Something is seen, not all; or somebody tampered a short time ago. */
  readonly warning: Trouble | undefined;
  /** Records that the kernel says it dropped since the start. */
  readonly lostInKernel: number;
  /** The kernel wrote that audit was changed: looked into at the next tick. */
  noteChange(change: ConfigChange): void;
  tick(): void;
  /** Passes over what this process sends and takes, from now on. */
  mute(pid: number): void;
  unmute(pid: number): void;
  /** Rules that only some loaded detection rules need, in place of those given before. */
  setRawRules(rules: readonly AuditRule[]): void;
  /** Sets everything up anew, after a last look at what others did. */
  restart(): void;
  /** Puts the kernel's state back. Safe to call twice. */
  stop(): void;
}

/** Found and mended, not yet told of. */
interface Untold {
  readonly differences: readonly Difference[];
  readonly mended: ReadonlySet<AuditTampering>;
  readonly since: number;
}

const CHECK_EVERY_MS = 5_000;
/** How long a tampering that was mended is still shown. */
const SHOWN_MS = 120_000;
const TELL_AFTER_MS = 400;
/** A daemon that is restarted gets its place back: the kernel would refuse it while we hold it. */
const TAKE_OVER_AFTER_MS = 4_000;
const MAX_CHANGES = 512;
const EINVAL = -constants.errno.EINVAL;
const EEXIST = -constants.errno.EEXIST;

export function createAuditSession(options: AuditSessionOptions): AuditSession {
  const { monotonic, ownPid } = options;
  let control: AuditControl | undefined;
  let socket: NetlinkSocket | undefined;
  let role: AuditRole = 'daemon';
  let trouble: Trouble | undefined;
  let standing: Trouble | undefined;
  let tampered: (Trouble & { readonly until: number }) | undefined;
  let lostBefore: number | undefined;
  let lostInKernel = 0;
  let checkedAt = 0;
  let goneSince: number | undefined;
  let installed = 0;
  let rawRules: readonly AuditRule[] = [];
  let settings: AuditSettings | undefined;
  let known: ReadonlySet<string> = new Set();
  let changes: ConfigChange[] = [];
  let untold: Untold | undefined;
  /** Kinds that last and were told of. */
  let lasting: ReadonlySet<AuditTampering> = new Set();

  function begin(): Trouble | undefined {
    const opened = options.openControl();
    if (typeof opened === 'number') return refused(opened);
    control = opened;
    // What a former run left behind goes first, or its settings would be taken for the machine's own.
    const status = control.status();
    if (typeof status === 'number') return refused(status);
    if (status.enabled !== ENABLED_LOCKED) {
      const restored = restoreSettings(control, options.stateFile);
      if (!restored.ok) return refused(restored.error ?? 0);
    }
    const clean = control.status();
    const rules = control.rules();
    if (typeof clean === 'number') return refused(clean);
    if (typeof rules === 'number') return refused(rules);
    lostBefore ??= clean.lost;
    known = new Set(rules.filter((rule) => !isOurs(rule)).map(identityOf));
    standing = rules.some(hidesTasks) ? TASKS_HIDDEN : undefined;
    return subscribe(control, clean);
  }

  function subscribe(on: AuditControl, status: AuditStatus): Trouble | undefined {
    role = status.pid === 0 || status.pid === ownPid || !isAlive(status.pid) ? 'daemon' : 'listener';
    if (role === 'listener' && status.failure === FAILURE_PANIC) return PANIC_ON_LOSS;
    if (status.enabled !== ENABLED_LOCKED) {
      if (status.enabled === 0) options.onEnabling?.();
      const applied = applySettings(on, status, role, options.stateFile);
      if (typeof applied === 'number') return refused(applied);
      settings = applied;
    }
    const joined = join();
    // Locked, the kernel takes no daemon either, and says so as if we lacked the right.
    if (status.enabled === ENABLED_LOCKED) return LOCKED;
    return joined ?? addRules(on);
  }

  /** Opens the receiving socket: as the daemon, or in the multicast group when another process is it. */
  function join(): Trouble | undefined {
    socket?.close();
    socket = undefined;
    const opened = options.openSocket(role === 'listener' ? GROUP_READLOG : 0);
    if (typeof opened === 'number') return refused(opened);
    socket = opened;
    socket.setReceiveBuffer(options.receiveBufferBytes);
    if (role === 'listener') return undefined;
    const registered = registerDaemon(socket, ownPid, options.onRecord);
    if (registered !== EEXIST) return registered < 0 ? refused(registered) : undefined;
    role = 'listener';
    return join();
  }

  function addRules(on: AuditControl): Trouble | undefined {
    const abis = abisOf(process.arch);
    if (abis.length === 0) return { code: 'architecture_unknown', detail: `No system call table for ${process.arch}.` };
    // Each rule is put before those added earlier; foreign rules stay behind all of ours.
    for (const rule of [...sensorRules(abis, options.watched), ...rawRules]) {
      const result = addRule(on, rule);
      if (result < 0 && result !== EEXIST && !rule.optional) {
        standing = { code: 'audit_rule_refused', detail: `The kernel refused an audit rule: ${errnoName(result)}.` };
      }
    }
    countInstalled(on);
    return undefined;
  }

  function countInstalled(on: AuditControl): void {
    const rules = on.rules();
    installed = typeof rules === 'number' ? 0 : rules.filter((rule) => isOurs(rule) && !isMute(rule)).length;
  }

  /** Notices what others did to audit since the last look, and mends what can be mended. */
  function check(on: AuditControl): void {
    const status = on.status();
    const rules = on.rules();
    if (typeof status === 'number' || typeof rules === 'number') return;
    if (lostBefore !== undefined) lostInKernel = (status.lost - lostBefore) >>> 0;
    if (standing === TASKS_HIDDEN && !rules.some(hidesTasks)) standing = undefined;
    if (trouble || !settings) return;
    if (role !== 'listener' || (status.pid !== 0 && isAlive(status.pid))) goneSince = undefined;
    else goneSince ??= monotonic();
    if (goneSince !== undefined && monotonic() - goneSince >= TAKE_OVER_AFTER_MS) {
      // The daemon that was here has ended and does not come back; nobody is robbed.
      goneSince = undefined;
      role = 'daemon';
      trouble = join();
    }
    const differences = findTampering({ status, rules }, { ownPid, role, installed, settings, known });
    const mended = new Set(untold?.mended);
    for (const difference of differences) if (mend(on, status, difference)) mended.add(difference.kind);
    const all = [...(untold?.differences ?? []), ...differences];
    if (all.length === 0 && changes.length === 0) return;
    untold = { differences: all, mended, since: untold?.since ?? monotonic() };
  }

  /** Some moments after the look: the kernel's record of who did it may still have been on its way. */
  function tell({ differences, mended }: Untold): void {
    for (const report of judgeTampering(differences, mended, changes, ownPid)) {
      if (report.pid === undefined && lasting.has(report.kind)) continue;
      tampered = { code: report.kind, detail: report.detail, until: monotonic() + SHOWN_MS };
      options.onTampering(report);
    }
    changes = [];
    lasting = new Set(differences.map(({ kind }) => kind).filter((kind) => !mended.has(kind)));
  }

  /** True when we see again what we saw before. */
  function mend(on: AuditControl, status: AuditStatus, { kind, rules }: Difference): boolean {
    switch (kind) {
      case 'audit_rules_removed':
        return status.enabled !== ENABLED_LOCKED && addRules(on) === undefined;
      case 'audit_rules_overruled': {
        const ours = on.rules();
        if (typeof ours === 'number' || status.enabled === ENABLED_LOCKED) return false;
        withoutGracePeriods(() => ours.filter(isOurs).forEach((rule) => on.deleteRule(rule)));
        return addRules(on) === undefined;
      }
      case 'audit_tasks_hidden':
      case 'audit_records_excluded':
        return rules.every((rule) => on.deleteRule(rule) >= 0);
      case 'audit_disabled':
      case 'audit_settings_weakened': {
        const applied = applySettings(on, status, role, options.stateFile);
        return typeof applied !== 'number';
      }
      case 'audit_daemon_replaced':
        role = status.pid === 0 || !isAlive(status.pid) ? 'daemon' : 'listener';
        trouble = join();
        return trouble === undefined;
      case 'audit_locked':
        // Our rules are locked with it: nothing is lost, and nothing can be put back when we end.
        standing = LOCKED_AFTER;
        return false;
      case 'audit_daemon_attempt':
        return true;
    }
  }

  function stop(): void {
    if (control) restoreSettings(control, options.stateFile);
    if (socket && role === 'daemon' && !trouble) registerDaemon(socket, 0, options.onRecord);
    socket?.close();
    control?.[Symbol.dispose]();
    socket = undefined;
    control = undefined;
  }

  function start(): void {
    trouble = begin();
    checkedAt = monotonic();
  }

  return {
    get socket() {
      return socket;
    },
    get trouble() {
      return trouble;
    },
    get warning() {
      return tampered && monotonic() < tampered.until ? tampered : standing;
    },
    get lostInKernel() {
      return lostInKernel;
    },
    start,
    noteChange(change) {
      if (change.explains.length === 0 || change.pid === ownPid) return;
      if (changes.length < MAX_CHANGES) changes.push(change);
    },
    tick() {
      const now = monotonic();
      if (!control) return;
      const isDue = untold && now - untold.since >= TELL_AFTER_MS;
      const isNoted = untold === undefined && changes.length > 0;
      if (!isDue && !isNoted && now - checkedAt < CHECK_EVERY_MS) return;
      checkedAt = now;
      // Also before telling: what was noted since the first look may have its own difference.
      check(control);
      if (!isDue || !untold) return;
      tell(untold);
      untold = undefined;
    },
    mute(pid) {
      for (const rule of muteRules(abisOf(process.arch), pid)) control?.addRule(rule);
    },
    unmute(pid) {
      const rules = control?.rules();
      if (!control || rules === undefined || typeof rules === 'number') return;
      const isOfPid = ({ fields }: ListedRule) =>
        fields.some(({ field, value }) => field === FIELD.PID && value === pid);
      for (const rule of rules.filter((listed) => isMute(listed) && isOfPid(listed))) control.deleteRule(rule);
    },
    setRawRules(next) {
      rawRules = next;
      const status = control?.status();
      if (!control || trouble || typeof status !== 'object' || status.enabled === ENABLED_LOCKED) return;
      const rules = control.rules();
      if (typeof rules === 'number') return;
      const open = control;
      withoutGracePeriods(() => rules.filter(isRaw).forEach((rule) => open.deleteRule(rule)));
      for (const rule of rawRules) addRule(open, rule);
      countInstalled(control);
    },
    restart() {
      // What made it necessary is told; afterwards it would look like the machine's own state.
      if (control) check(control);
      if (untold) tell(untold);
      untold = undefined;
      stop();
      start();
    },
    stop,
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

const LOCKED_AFTER: Trouble = {
  code: 'audit_locked',
  detail: 'Audit was locked until the next boot (auditctl -e 2). Our rules stay in force, also after the agent ends.',
};

const TASKS_HIDDEN: Trouble = {
  code: 'audit_tasks_hidden',
  detail:
    'A rule "never" of the task list hides every process born since it was set. Remove "-a never,task" from ' +
    '/etc/audit/rules.d and restart the machine.',
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
