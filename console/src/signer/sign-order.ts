import { APPROVAL_SIGNATURE_CONTEXT, Approval, type Order, type SignedApproval } from '@yagura/protocol';
import { newId } from '../platform/random.ts';
import type { Approvers } from './approvers.ts';
import { judgeApproval, parsePayload, verifiesApproval } from './judge-approval.ts';
import { type Answer, accepted, refused, type SignedOrderAnswer, type SignerRefusal } from './messages.ts';
import type { OrderKey } from './order-key.ts';
import { ORDER_POLICY, SIGNER_LIMITS } from './policy.ts';
import { judgeTunings } from './standing-orders.ts';
import type { SignerEnvironment } from './state.ts';

const HOUR_MS = 3_600_000;

/**
 * Turns what a person approved into an order that the endpoint obeys, or says why not. The order's counter
 * and the fact that the approval is used are on the disk before this returns: after a crash the approval is
 * spent and the counter skipped, never given out twice.
 */
export function signOrder(
  environment: SignerEnvironment,
  approvers: Approvers,
  key: OrderKey,
  signed: SignedApproval,
): Answer<SignedOrderAnswer, SignerRefusal> {
  const payload = Buffer.from(signed.payload, 'base64');
  const approval = parsePayload(Approval, payload);
  if (approval === undefined) return refused('approval_malformed', 'the payload is not an approval');
  const { action } = approval;
  if (action.kind === 'set-rule-tunings' && action.scope === 'tenant') {
    return refused('approval_malformed', "a tenant's tunings need an approval for the tenant");
  }
  const approver = approvers.find(approval.approverKeyId);
  if (approver === undefined) return refused('approver_unknown', 'the approval names a key that is not registered');
  if (!verifiesApproval(approver, APPROVAL_SIGNATURE_CONTEXT, payload, signed.signature)) {
    return refused('approval_signature', "the signature is not the approver's");
  }
  const { state, clock, random } = environment;
  const now = clock.now();
  const objection = judgeApproval(approval, approver, now) ?? judgeTunings(action, now);
  if (objection !== undefined) return objection;
  const policy = ORDER_POLICY[action.kind];

  return state.transaction((): Answer<SignedOrderAnswer, SignerRefusal> => {
    if (state.db.prepare('SELECT 1 FROM orders WHERE approval_id = ?').get(approval.approvalId) !== undefined) {
      return refused('approval_used', 'this approval has been used');
    }
    const endpoint = state.db
      .prepare('SELECT tenant_id, counter FROM endpoints WHERE endpoint_id = ?')
      .get(approval.endpointId);
    if (endpoint === undefined) return refused('endpoint_unknown', 'no certificate was ever issued to this endpoint');
    if (endpoint['tenant_id'] !== approver.tenantId) {
      return refused('endpoint_foreign', 'this endpoint belongs to another tenant');
    }
    const recent = state.db
      .prepare('SELECT count(*) AS orders FROM orders WHERE tenant_id = ? AND kind = ? AND issued_at > ?')
      .get(approver.tenantId, action.kind, now - HOUR_MS);
    if (Number(recent?.['orders']) >= policy.perTenantAndHour) {
      return refused('rate_limited', `at most ${policy.perTenantAndHour} orders ${action.kind} an hour`);
    }
    const order: Order = {
      orderId: newId(random, 'ord'),
      tenantId: approver.tenantId,
      endpointId: approval.endpointId,
      counter: Number(endpoint['counter']) + 1,
      issuedAt: now,
      expiresAt: now + policy.lifetimeMs,
      approver: approver.userId,
      action,
    };
    state.db.prepare('UPDATE endpoints SET counter = ? WHERE endpoint_id = ?').run(order.counter, order.endpointId);
    state.db
      .prepare(
        `INSERT INTO orders
           (approval_id, order_id, tenant_id, endpoint_id, kind, approver_key_id, user_id, counter, issued_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        approval.approvalId,
        order.orderId,
        order.tenantId,
        order.endpointId,
        order.action.kind,
        approver.approverKeyId,
        approver.userId,
        order.counter,
        now,
      );
    state.db.prepare('DELETE FROM orders WHERE issued_at < ?').run(now - SIGNER_LIMITS.orderRecordsMs);
    return accepted({ order: key.sign(Buffer.from(JSON.stringify(order))) });
  });
}
