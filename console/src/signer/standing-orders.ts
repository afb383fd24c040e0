import {
  type Order,
  type OrderAction,
  RULE_TUNING_LIFETIME_MS,
  type SignedApproval,
  TENANT_APPROVAL_SIGNATURE_CONTEXT,
  TenantApproval,
  TenantOrderAction,
  type TenantOrderKind,
} from '@yagura/protocol';
import { newId } from '../platform/random.ts';
import type { Approvers } from './approvers.ts';
import { judgeApproval, parsePayload, verifiesApproval } from './judge-approval.ts';
import {
  type Answer,
  accepted,
  type Refusal,
  refused,
  type SignedOrderAnswer,
  type SignerRefusal,
  type StandingOrderAnswer,
} from './messages.ts';
import type { OrderKey } from './order-key.ts';
import { ORDER_POLICY, SIGNER_LIMITS, STANDING_POLICY } from './policy.ts';
import type { SignerEnvironment } from './state.ts';

const HOUR_MS = 3_600_000;

/** What a standing order is about: a newer one about the same replaces it. */
const SUBJECT: Record<TenantOrderKind, string> = {
  'set-rule-tunings': 'rule-tunings',
  'set-rule-pack': 'rule-pack',
  'clear-rule-pack': 'rule-pack',
};

/**
 * Keeps what a person approved for a whole tenant, and makes orders of it for one endpoint at a time (SPEC CM14).
 * Agents know no order for a tenant: replay protection stays the endpoint's counter, and what people have replaced
 * cannot be given to anybody any more, however late an endpoint is enrolled.
 */
export function approveStandingOrder(
  { state, clock }: SignerEnvironment,
  approvers: Approvers,
  signed: SignedApproval,
): Answer<StandingOrderAnswer, SignerRefusal> {
  const payload = Buffer.from(signed.payload, 'base64');
  const approval = parsePayload(TenantApproval, payload);
  if (approval === undefined) return refused('approval_malformed', 'the payload is not an approval for a tenant');
  const approver = approvers.find(approval.approverKeyId);
  if (approver === undefined) return refused('approver_unknown', 'the approval names a key that is not registered');
  if (!verifiesApproval(approver, TENANT_APPROVAL_SIGNATURE_CONTEXT, payload, signed.signature)) {
    return refused('approval_signature', "the signature is not the approver's");
  }
  const now = clock.now();
  const { action } = approval;
  const objection = judgeApproval(approval, approver, now) ?? judgeTunings(action, now);
  if (objection !== undefined) return objection;
  const policy = STANDING_POLICY[action.kind];
  const subject = SUBJECT[action.kind];

  return state.transaction((): Answer<StandingOrderAnswer, SignerRefusal> => {
    const used = state.db.prepare('SELECT 1 FROM standing_orders WHERE standing_id = ?').get(approval.approvalId);
    if (used !== undefined) return refused('approval_used', 'this approval has been used');
    const recent = state.db
      .prepare('SELECT count(*) AS orders FROM standing_orders WHERE tenant_id = ? AND subject = ? AND issued_at > ?')
      .get(approver.tenantId, subject, now - HOUR_MS);
    if (Number(recent?.['orders']) >= policy.perTenantAndHour) {
      return refused('rate_limited', `at most ${policy.perTenantAndHour} approvals for the whole tenant an hour`);
    }
    if (action.kind === 'set-rule-tunings') {
      const before = state.db
        .prepare('SELECT max(version) AS version FROM standing_orders WHERE tenant_id = ? AND subject = ?')
        .get(approver.tenantId, subject);
      if (action.version <= Number(before?.['version'] ?? 0)) {
        return refused('approval_outdated', 'a newer set of tunings was approved: look again and approve anew');
      }
    }
    const standing = { standingId: approval.approvalId, issuedAt: now, expiresAt: now + policy.lifetimeMs };
    state.db
      .prepare(
        `INSERT INTO standing_orders
           (standing_id, tenant_id, subject, version, action_json, approver_key_id, user_id, issued_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        standing.standingId,
        approver.tenantId,
        subject,
        action.kind === 'set-rule-tunings' ? action.version : 0,
        JSON.stringify(action),
        approver.approverKeyId,
        approver.userId,
        now,
        standing.expiresAt,
      );
    return accepted(standing);
  });
}

export interface StandingOrderRequest {
  readonly standingId: string;
  readonly endpointId: string;
}

/** One endpoint's order from the newest standing order of its tenant. Asks for no approval: it was given. */
export function signStandingOrder(
  { state, clock, random }: SignerEnvironment,
  key: OrderKey,
  { standingId, endpointId }: StandingOrderRequest,
): Answer<SignedOrderAnswer, SignerRefusal> {
  const now = clock.now();
  return state.transaction((): Answer<SignedOrderAnswer, SignerRefusal> => {
    const standing = state.db.prepare('SELECT * FROM standing_orders WHERE standing_id = ?').get(standingId);
    if (standing === undefined) return refused('standing_unknown', 'nobody approved such an order for a tenant');
    const tenantId = String(standing['tenant_id']);
    const newest = state.db
      .prepare(
        'SELECT standing_id FROM standing_orders WHERE tenant_id = ? AND subject = ? ORDER BY rowid DESC LIMIT 1',
      )
      .get(tenantId, String(standing['subject']));
    if (newest?.['standing_id'] !== standingId) return refused('standing_replaced', 'a newer one has taken its place');
    if (Number(standing['expires_at']) <= now) return refused('standing_expired', 'it has expired: approve it again');
    const endpoint = state.db.prepare('SELECT tenant_id, counter FROM endpoints WHERE endpoint_id = ?').get(endpointId);
    if (endpoint === undefined) return refused('endpoint_unknown', 'no certificate was ever issued to this endpoint');
    if (endpoint['tenant_id'] !== tenantId) return refused('endpoint_foreign', 'this endpoint is of another tenant');
    const issued = state.db
      .prepare('SELECT count(*) AS orders FROM orders WHERE endpoint_id = ? AND approval_id GLOB ?')
      .get(endpointId, `${standingId}/*`);
    const before = Number(issued?.['orders']);
    if (before >= SIGNER_LIMITS.ordersPerStandingAndEndpoint) {
      return refused('rate_limited', 'this endpoint has been given this order too often');
    }
    const action = TenantOrderAction.parse(JSON.parse(String(standing['action_json'])));
    const order: Order = {
      orderId: newId(random, 'ord'),
      tenantId,
      endpointId,
      counter: Number(endpoint['counter']) + 1,
      issuedAt: now,
      expiresAt: Math.min(now + ORDER_POLICY[action.kind].lifetimeMs, Number(standing['expires_at'])),
      approver: String(standing['user_id']),
      action,
    };
    state.db.prepare('UPDATE endpoints SET counter = ? WHERE endpoint_id = ?').run(order.counter, endpointId);
    state.db
      .prepare(
        `INSERT INTO orders
           (approval_id, order_id, tenant_id, endpoint_id, kind, approver_key_id, user_id, counter, issued_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        `${standingId}/${endpointId}/${before + 1}`,
        order.orderId,
        tenantId,
        endpointId,
        action.kind,
        String(standing['approver_key_id']),
        order.approver,
        order.counter,
        now,
      );
    return accepted({ order: key.sign(Buffer.from(JSON.stringify(order))) });
  });
}

/**
 * Whether tunings may be ordered at all: none may outlive its year by beginning in the future. Versions follow the
 * seconds of the clock; one that is far ahead would keep every later set out for good.
 */
export function judgeTunings(action: OrderAction, now: number): Refusal<SignerRefusal> | undefined {
  if (action.kind !== 'set-rule-tunings') return undefined;
  if (action.tunings.some(({ expiresAt }) => expiresAt > now + RULE_TUNING_LIFETIME_MS)) {
    return refused('tuning_too_long', 'a rule is tuned for a year at most');
  }
  if (action.version > (now + SIGNER_LIMITS.versionLeadMs) / 1_000) {
    return refused('approval_malformed', 'the version of this set is from the future');
  }
  return undefined;
}
