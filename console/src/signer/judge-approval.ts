import { verify } from 'node:crypto';
import type { Approver } from './approvers.ts';
import { type Refusal, refused, type SignerRefusal } from './messages.ts';
import { SIGNER_LIMITS } from './policy.ts';

/** What every approval says about itself, whatever it is for. */
interface ApprovalFacts {
  readonly tenantId: string;
  readonly approvedAt: number;
  readonly expiresAt: number;
}

/** Reads the JSON of a signed payload; nothing when it is not what the schema says. */
export function parsePayload<T>(
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
  payload: Buffer,
): T | undefined {
  try {
    const result = schema.safeParse(JSON.parse(payload.toString('utf8')));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the approver signed exactly these bytes for exactly this purpose. */
export function verifiesApproval(approver: Approver, context: string, payload: Buffer, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64');
  if (bytes.length !== 64) return false;
  const signedBytes = Buffer.concat([Buffer.from(context), payload]);
  return verify('sha256', signedBytes, { key: approver.key, dsaEncoding: 'ieee-p1363' }, bytes);
}

/** What speaks against an approval whose signature is good. */
export function judgeApproval(
  approval: ApprovalFacts,
  approver: Approver,
  now: number,
): Refusal<SignerRefusal> | undefined {
  if (approver.revoked) return refused('approver_revoked', 'this browser may no longer approve');
  if (approver.role !== 'admin') return refused('approver_role', 'only administrators may approve orders');
  if (approval.tenantId !== approver.tenantId) return refused('approval_foreign', 'the approval is for another tenant');
  if (approval.expiresAt <= now) return refused('approval_expired', 'the approval has expired: approve again');
  if (approval.approvedAt > now + SIGNER_LIMITS.approvalSkewMs) {
    return refused('approval_not_yet_valid', "the approval is from the future: check the browser's clock");
  }
  const lifetime = approval.expiresAt - approval.approvedAt;
  if (lifetime <= 0 || lifetime > SIGNER_LIMITS.approvalLifetimeMs) {
    return refused('approval_too_long', 'an approval is good for ten minutes at most');
  }
  return undefined;
}
