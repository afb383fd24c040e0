import type { z } from 'zod';
import type { ListQuery } from '../../api/fleet.ts';
import type { AuditPage } from '../../api/session.ts';
import type { Result } from '../../platform/http-errors.ts';
import type { Tx } from '../../store/store.ts';

/** What is recorded. `action` is a stable word such as `endpoint.revoke`; the rest is data, shown as text. */
export interface AuditRecord {
  readonly tenantId: string;
  /** A person's name, `operator` for the command line, or the process that acted. */
  readonly actor: string;
  readonly action: string;
  readonly target?: string;
  readonly detail?: string;
}

export interface AuditFinding {
  readonly tenantId: string;
  /** First entry that does not fit. */
  readonly sequence: number;
  readonly code: 'changed' | 'missing' | 'out_of_order';
}

export interface AuditHead {
  readonly tenantId: string;
  readonly sequence: number;
  /** Kept elsewhere, it also proves that no entries were cut off the end. */
  readonly hash: string;
}

export interface AuditVerification {
  readonly entries: number;
  readonly heads: AuditHead[];
  readonly findings: AuditFinding[];
}

/** The append-only record of who did what: a hash chain per tenant. */
export interface Audit {
  /** Part of the transaction that does the act: neither exists without the other. */
  record(tx: Tx, record: AuditRecord): Promise<void>;
  /** Newest first. */
  page(tenantId: string, query: z.infer<typeof ListQuery>): Promise<Result<AuditPage>>;
  /** Recomputes every chain; `anchors` are heads noted earlier that must still be part of them. */
  verify(anchors?: readonly AuditHead[]): Promise<AuditVerification>;
}
