import type { OrderKind, TenantOrderKind } from '@yagura/protocol';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long an order may wait for its endpoint, and how many a tenant may have signed within an hour. */
export interface OrderPolicy {
  readonly lifetimeMs: number;
  readonly perTenantAndHour: number;
}

/**
 * The signer's own policy: it holds whatever the console asks for, and a kind of order that is not in this
 * table does not compile. Lifetimes follow how long the wish stays true: a test is wanted now, a file may be
 * restored when the laptop is opened after a long weekend, a policy holds until it is replaced.
 */
export const ORDER_POLICY: Record<OrderKind, OrderPolicy> = {
  'test-detection': { lifetimeMs: 5 * MINUTE, perTenantAndHour: 60 },
  'restore-file': { lifetimeMs: 7 * DAY, perTenantAndHour: 500 },
  'delete-quarantined': { lifetimeMs: 7 * DAY, perTenantAndHour: 500 },
  'contain-story': { lifetimeMs: DAY, perTenantAndHour: 200 },
  'set-policy': { lifetimeMs: 30 * DAY, perTenantAndHour: 1_000 },
  'set-exclusions': { lifetimeMs: 30 * DAY, perTenantAndHour: 1_000 },
  'set-rule-pack': { lifetimeMs: 30 * DAY, perTenantAndHour: 1_000 },
  'clear-rule-pack': { lifetimeMs: 30 * DAY, perTenantAndHour: 1_000 },
  'set-rule-tunings': { lifetimeMs: 30 * DAY, perTenantAndHour: 1_000 },
};

/** How long what people approved for a whole tenant holds for endpoints that are still to come, and how often. */
export const STANDING_POLICY: Record<TenantOrderKind, OrderPolicy> = {
  'set-rule-tunings': { lifetimeMs: 366 * DAY, perTenantAndHour: 60 },
  'set-rule-pack': { lifetimeMs: 366 * DAY, perTenantAndHour: 60 },
  'clear-rule-pack': { lifetimeMs: 366 * DAY, perTenantAndHour: 60 },
};

export const SIGNER_LIMITS = {
  /** An approval may not promise longer than this between `approvedAt` and `expiresAt`. */
  approvalLifetimeMs: 10 * MINUTE,
  /** How far a browser's clock may run ahead of the signer's. */
  approvalSkewMs: 2 * MINUTE,
  approverCodeLifetimeMs: 15 * MINUTE,
  /** Codes of one person that may be open at the same time; the oldest gives way. */
  openCodesPerUser: 4,
  /** Keys (browsers) of one person that are not revoked. */
  keysPerUser: 32,
  /** Gateway certificates issued in one life of the process: the first, and renewals while it lives. */
  gatewayCertificatesPerDay: 24,
  endpointCertificateLifetimeMs: 30 * DAY,
  gatewayCertificateLifetimeMs: 90 * DAY,
  authorityLifetimeMs: 3_650 * DAY,
  /** How far the version of a set of tunings may be ahead of the clock whose seconds it follows. */
  versionLeadMs: DAY,
  /** Orders that one endpoint may be given from one standing order: a machine that is off for months needs some. */
  ordersPerStandingAndEndpoint: 24,
  /** How long the record of a signed order is kept; far longer than any approval could be replayed. */
  orderRecordsMs: 400 * DAY,
} as const;
