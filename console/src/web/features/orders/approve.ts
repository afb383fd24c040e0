import {
  APPROVAL_SIGNATURE_CONTEXT,
  type Approval,
  type OrderAction,
  type SignedApproval,
  TENANT_APPROVAL_SIGNATURE_CONTEXT,
  type TenantApproval,
  type TenantOrderAction,
} from '@yagura/protocol';
import { encodeBase64 } from './bytes.ts';

/** How long an approval may wait for the signer: long enough for a slow network, too short to be hoarded. */
export const APPROVAL_LIFETIME_MS = 5 * 60_000;

/** A key of this browser that the signer knows. The private key cannot leave the browser. */
export interface Approver {
  readonly tenantId: string;
  readonly keyId: string;
  readonly privateKey: CryptoKey;
}

/** One thing that a person asks an endpoint to do. */
export interface OrderRequest {
  readonly endpointId: string;
  readonly action: OrderAction;
  /** What it is about, for the person; stays in this browser. */
  readonly subject?: string;
}

/** What signing needs from outside, injected for tests. */
export interface ApprovalContext {
  readonly now: () => number;
  readonly newId: () => string;
}

export const browserApprovalContext: ApprovalContext = {
  now: () => Date.now(),
  newId: () => crypto.randomUUID(),
};

/** The approval that the person's click stands for. */
export function buildApproval(request: OrderRequest, approver: Approver, context: ApprovalContext): Approval {
  const approvedAt = context.now();
  return {
    approvalId: context.newId(),
    tenantId: approver.tenantId,
    endpointId: request.endpointId,
    action: request.action,
    approverKeyId: approver.keyId,
    approvedAt,
    expiresAt: approvedAt + APPROVAL_LIFETIME_MS,
  };
}

/** The same for every endpoint of the tenant, those enrolled later included. */
export function buildTenantApproval(
  action: TenantOrderAction,
  approver: Approver,
  { now, newId }: ApprovalContext,
): TenantApproval {
  const approvedAt = now();
  return {
    approvalId: newId(),
    tenantId: approver.tenantId,
    scope: 'tenant',
    action,
    approverKeyId: approver.keyId,
    approvedAt,
    expiresAt: approvedAt + APPROVAL_LIFETIME_MS,
  };
}

/**
 * Signs the exact bytes that are sent, so that the signer verifies what it later reads. What is for a tenant is
 * signed for that purpose alone. WebCrypto's ECDSA gives the P1363 form (r and s, 64 bytes) that the protocol asks
 * for.
 */
export async function signApproval(
  approval: Approval | TenantApproval,
  privateKey: CryptoKey,
): Promise<SignedApproval> {
  const encoder = new TextEncoder();
  const payload = encoder.encode(JSON.stringify(approval));
  const context = encoder.encode('scope' in approval ? TENANT_APPROVAL_SIGNATURE_CONTEXT : APPROVAL_SIGNATURE_CONTEXT);
  const signed = new Uint8Array(context.length + payload.length);
  signed.set(context);
  signed.set(payload, context.length);
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, signed);
  return { payload: encodeBase64(payload), signature: encodeBase64(new Uint8Array(signature)) };
}

/** Builds and signs one approval for each request. */
export function approveAll(
  requests: readonly OrderRequest[],
  approver: Approver,
  context: ApprovalContext = browserApprovalContext,
): Promise<SignedApproval[]> {
  return Promise.all(
    requests.map((request) => signApproval(buildApproval(request, approver, context), approver.privateKey)),
  );
}

/** Builds and signs an approval for the whole tenant. */
export function approveForTenant(
  action: TenantOrderAction,
  approver: Approver,
  context: ApprovalContext = browserApprovalContext,
): Promise<SignedApproval> {
  return signApproval(buildTenantApproval(action, approver, context), approver.privateKey);
}
