import {
  ACTION_NEVER,
  ENABLED_LOCKED,
  FAILURE_PANIC,
  FIELD,
  LIST_EXCLUDE,
  LIST_EXIT,
  LIST_TASK,
  LIST_URING,
  RECORD,
} from './constants.ts';
import type { AuditRole, AuditSettings } from './kernel-state.ts';
import type { ListedRule } from './rule.ts';
import { isMute, isOurs } from './rules.ts';
import type { AuditStatus } from './status.ts';

/** Ways in which audit is turned against its reader; `EventType` of the events about them. Stable. */
export const AUDIT_TAMPERINGS = [
  'audit_rules_removed',
  'audit_rules_overruled',
  'audit_tasks_hidden',
  'audit_records_excluded',
  'audit_disabled',
  'audit_locked',
  'audit_settings_weakened',
  'audit_daemon_replaced',
  'audit_daemon_attempt',
] as const;
export type AuditTampering = (typeof AUDIT_TAMPERINGS)[number];

/** What audit is like now. */
export interface AuditState {
  readonly status: AuditStatus;
  /** In the kernel's order, which is the order in which they are asked. */
  readonly rules: readonly ListedRule[];
}

/** What it was like when we had set it up. */
export interface ExpectedState {
  readonly ownPid: number;
  readonly role: AuditRole;
  /** How many of our rules the kernel took. */
  readonly installed: number;
  readonly settings: AuditSettings;
  /** Rules of others that stood before we came, as hexadecimal. */
  readonly known: ReadonlySet<string>;
}

export interface Difference {
  readonly kind: AuditTampering;
  /** Foreign rules that do the harm. */
  readonly rules: readonly ListedRule[];
}

/** Without one of these no event of ours is whole. */
const NEEDED_RECORDS: ReadonlySet<number> = new Set([
  RECORD.SYSCALL,
  RECORD.SOCKADDR,
  RECORD.EXECVE,
  RECORD.OBJ_PID,
  RECORD.EOE,
  RECORD.CONFIG_CHANGE,
]);

/** Everything that takes away from what we see, compared with what we had set up. */
export function findTampering({ status, rules }: AuditState, expected: ExpectedState): Difference[] {
  const found: Difference[] = [];
  const add = (kind: AuditTampering, harmful: readonly ListedRule[] = []) => found.push({ kind, rules: harmful });
  const isNew = (rule: ListedRule) => !expected.known.has(identityOf(rule));
  if (status.enabled === 0) add('audit_disabled');
  if (status.enabled === ENABLED_LOCKED) add('audit_locked');
  if (rules.filter((rule) => isOurs(rule) && !isMute(rule)).length < expected.installed) add('audit_rules_removed');
  const overruling = overrulingRules(rules);
  if (overruling.length > 0) add('audit_rules_overruled', overruling);
  const hiding = rules.filter((rule) => hidesTasks(rule) && isNew(rule));
  if (hiding.length > 0) add('audit_tasks_hidden', hiding);
  const excluding = rules.filter((rule) => excludesNeeded(rule) && isNew(rule));
  if (excluding.length > 0) add('audit_records_excluded', excluding);
  if (isWeaker(status, expected)) add('audit_settings_weakened');
  if (expected.role === 'daemon' && status.pid !== expected.ownPid) add('audit_daemon_replaced');
  return found;
}

/** Tells one rule from every other. */
export function identityOf(rule: ListedRule): string {
  return Buffer.from(rule.raw).toString('hex');
}

/** Processes born while such a rule stands are unknown to audit for all their life. */
export function hidesTasks(rule: ListedRule): boolean {
  return rule.list === LIST_TASK && rule.action === ACTION_NEVER;
}

/** A rule of the exclude list that swallows what we need; one that names no record type may swallow anything. */
export function excludesNeeded(rule: ListedRule): boolean {
  if (rule.list !== LIST_EXCLUDE) return false;
  const types = rule.fields.filter(({ field }) => field === FIELD.MSGTYPE);
  return types.length === 0 || types.some(({ value }) => NEEDED_RECORDS.has(value));
}

/** The first match decides: a `never` that stands before one of ours hides what it matches. */
function overrulingRules(rules: readonly ListedRule[]): ListedRule[] {
  return [LIST_EXIT, LIST_URING].flatMap((list) => {
    const inList = rules.filter((rule) => rule.list === list);
    const lastOfOurs = inList.findLastIndex(isOurs);
    return inList.slice(0, Math.max(0, lastOfOurs)).filter((rule) => rule.action === ACTION_NEVER && !isOurs(rule));
  });
}

function isWeaker(status: AuditStatus, { role, settings }: ExpectedState): boolean {
  if (status.backlogLimit !== 0 && (settings.backlogLimit === 0 || status.backlogLimit < settings.backlogLimit)) {
    return true;
  }
  if (status.rateLimit !== settings.rateLimit && status.rateLimit !== 0) return true;
  if (status.failure === FAILURE_PANIC && settings.failure !== FAILURE_PANIC) return true;
  return role === 'daemon' && status.backlogWaitTime > settings.backlogWaitTime;
}
