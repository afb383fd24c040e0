import type { AuditEvent } from './event-assembler.ts';
import { decimal, stringBytes } from './record.ts';
import { RAW_KEY, READ_KEY, RULE_KEY } from './rules.ts';
import type { AuditTampering } from './tampering.ts';

/** What the kernel itself wrote down about a change of audit. */
export interface ConfigChange {
  /** What kind of tampering it would explain; absent for changes that concern nobody. */
  readonly explains: readonly AuditTampering[];
  /** True when the change by itself is tampering, whatever audit looks like by the time we look. */
  readonly conclusive: boolean;
  /** Who did it, when the kernel saw the call. */
  readonly pid?: number;
  readonly image?: string;
  readonly uid?: number;
  readonly loginUid?: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

const UNSET = 4_294_967_295;

/**
 * Reads a CONFIG_CHANGE record: `op=remove_rule key="yagura" list=4 res=1`, `op=set audit_enabled=0 old=1 res=1`,
 * `op=set audit_pid=7 old=5 res=0`, with the SYSCALL record of the netlink message that asked for it.
 */
export function readConfigChange(event: AuditEvent): ConfigChange | undefined {
  const change = event.configChange;
  if (!change) return undefined;
  const call = event.syscall;
  // A daemon can register only itself, so its pid names the caller where the call was not recorded.
  const registering = change.get('audit_pid');
  const pid = decimal(call?.get('pid') ?? (registering === '0' ? undefined : registering));
  const uid = decimal(call?.get('uid'));
  const loginUid = decimal(change.get('auid'));
  const image = stringBytes(call?.get('exe'))?.toString('utf8');
  return {
    ...meaningOfChange(change),
    time: event.time,
    ...(pid === undefined ? {} : { pid }),
    ...(image === undefined ? {} : { image }),
    ...(uid === undefined ? {} : { uid }),
    ...(loginUid === undefined || loginUid === UNSET ? {} : { loginUid }),
  };
}

function meaningOfChange(
  change: NonNullable<AuditEvent['configChange']>,
): Pick<ConfigChange, 'explains' | 'conclusive'> {
  const operation = change.get('op');
  const done = change.get('res') === '1';
  const key = stringBytes(change.get('key'))?.toString('utf8');
  if (operation === 'remove_rule') {
    const ours = key === RULE_KEY || key === READ_KEY || key === RAW_KEY;
    return { explains: ours ? ['audit_rules_removed'] : [], conclusive: ours && done };
  }
  if (operation === 'add_rule') {
    return { explains: ['audit_rules_overruled', 'audit_tasks_hidden', 'audit_records_excluded'], conclusive: false };
  }
  const enabled = change.get('audit_enabled');
  if (enabled !== undefined) {
    if (enabled === '2') return { explains: ['audit_locked'], conclusive: done };
    return { explains: ['audit_disabled'], conclusive: done && enabled === '0' };
  }
  if (change.has('audit_pid')) {
    if (!done) return { explains: ['audit_daemon_attempt'], conclusive: true };
    return { explains: ['audit_daemon_replaced'], conclusive: change.get('audit_pid') !== '0' };
  }
  return { explains: ['audit_settings_weakened'], conclusive: false };
}
