/**
 * What the loaded rules for the raw audit log (`product: linux, service: auditd`) can use. Records that no rule
 * asks for are neither made from what comes anyway nor asked of the kernel.
 */
export interface AuditDemand {
  /** By record type (`EXECVE`): the fields that rules test; `any` when a keyword may stand in every one. */
  readonly records: Readonly<Record<string, readonly string[] | 'any'>>;
  /** System calls that rules name. */
  readonly syscalls: readonly string[];
  /** True when a rule takes the SYSCALL record of any call, such as one by its program. */
  readonly anySyscall: boolean;
  /** Texts, one of which the name of a PATH record must contain, whatever its case; `any` when nothing is known. */
  readonly names: readonly string[] | 'any';
}

export const NO_DEMAND: AuditDemand = { records: {}, syscalls: [], anySyscall: false, names: [] };

/** `logsource.service` of raw audit records. */
export const AUDITD_SERVICE = 'auditd';
