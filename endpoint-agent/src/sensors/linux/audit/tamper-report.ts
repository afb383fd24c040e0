import type { ConfigChange } from './config-change.ts';
import type { AuditTampering, Difference } from './tampering.ts';

/** One act against audit, told once, with who did it as far as the kernel wrote that down. */
export interface TamperReport {
  readonly kind: AuditTampering;
  /** For the operator, in one sentence. */
  readonly detail: string;
  /** True when everything is seen again. */
  readonly mended: boolean;
  readonly pid?: number;
  readonly image?: string;
  readonly uid?: number;
  readonly loginUid?: number;
  /** Milliseconds since the epoch; absent when only the difference was seen. */
  readonly time?: number;
  /** Changes of this kind that the report stands for. */
  readonly count: number;
}

const WHAT: Readonly<Record<AuditTampering, string>> = {
  audit_rules_removed: 'Our audit rules were removed',
  audit_rules_overruled: 'A "never" rule was put before our audit rules',
  audit_tasks_hidden: 'A "never,task" rule hid every new process from audit',
  audit_records_excluded: 'An exclude rule swallowed the records that we need',
  audit_disabled: 'Audit was switched off',
  audit_locked: 'Audit was locked until the next boot',
  audit_settings_weakened: 'Settings of audit were changed so that records get lost',
  audit_daemon_replaced: 'Another process took the audit connection',
  audit_daemon_attempt: 'Another process tried to take the audit connection',
};

/**
 * Puts what is different now and what the kernel wrote about changes together: one report for each kind and
 * acting process. A change that was undone before we looked is told from the kernel's record alone.
 */
export function judgeTampering(
  differences: readonly Difference[],
  mended: ReadonlySet<AuditTampering>,
  changes: readonly ConfigChange[],
  ownPid: number,
): TamperReport[] {
  const reports = new Map<string, TamperReport>();
  const different = new Set(differences.map(({ kind }) => kind));
  const explained = new Set<AuditTampering>();
  for (const change of changes) {
    if (change.pid === ownPid) continue;
    for (const kind of change.explains) {
      // Without the caller it may be our own; then only a difference counts.
      if (!different.has(kind) && !(change.conclusive && change.pid !== undefined)) continue;
      explained.add(kind);
      const key = `${kind}:${change.pid ?? ''}`;
      const before = reports.get(key);
      reports.set(key, report(kind, mended.has(kind) || !different.has(kind), (before?.count ?? 0) + 1, change));
    }
  }
  for (const kind of different) {
    if (!explained.has(kind)) reports.set(kind, report(kind, mended.has(kind), 1));
  }
  // Who is named makes the unnamed record of the same kind superfluous.
  return [...reports.values()].filter(
    ({ kind, pid }) => pid !== undefined || ![...reports.values()].some((other) => other.kind === kind && other.pid),
  );
}

function report(kind: AuditTampering, isMended: boolean, count: number, change?: ConfigChange): TamperReport {
  const { pid, image, uid, loginUid, time } = change ?? {};
  const by = image === undefined ? '' : ` by ${image} (pid ${pid})`;
  return {
    kind,
    detail: `${WHAT[kind]}${by}${isMended ? '; put back.' : '.'}`,
    mended: isMended,
    count,
    ...(pid === undefined ? {} : { pid }),
    ...(image === undefined ? {} : { image }),
    ...(uid === undefined ? {} : { uid }),
    ...(loginUid === undefined ? {} : { loginUid }),
    ...(time === undefined ? {} : { time }),
  };
}
