import { webcrypto } from 'node:crypto';
import {
  APPROVAL_SIGNATURE_CONTEXT,
  type Approval,
  type OrderAction,
  type SignedApproval,
  TENANT_APPROVAL_SIGNATURE_CONTEXT,
  type TenantApproval,
  type TenantOrderAction,
} from '@yagura/protocol';

/** What the approver's browser does, with the same Web Crypto calls and a key of its own. */
export interface BrowserApprover {
  /** SPKI, base64. */
  readonly publicKey: string;
  /** The registration that the browser sends, made with the code of the sign-in link's fragment. */
  registration(code: string): Promise<{ publicKey: string; mac: string }>;
  /** `context` is what keeps signatures for different purposes apart; a test may leave it out. */
  sign(approval: Approval, context?: string): Promise<SignedApproval>;
  signForTenant(approval: TenantApproval, context?: string): Promise<SignedApproval>;
}

export async function createBrowserApprover(): Promise<BrowserApprover> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  const spki = new Uint8Array(await webcrypto.subtle.exportKey('spki', keys.publicKey));
  const publicKey = Buffer.from(spki).toString('base64');
  return {
    publicKey,
    async registration(code) {
      const key = await webcrypto.subtle.importKey(
        'raw',
        new Uint8Array(Buffer.from(code, 'base64url')),
        { name: 'HMAC', hash: 'SHA-256' },
        false,
        ['sign'],
      );
      const mac = await webcrypto.subtle.sign('HMAC', key, spki);
      return { publicKey, mac: Buffer.from(mac).toString('base64') };
    },
    sign: (approval, context = APPROVAL_SIGNATURE_CONTEXT) => signText(approval, context),
    signForTenant: (approval, context = TENANT_APPROVAL_SIGNATURE_CONTEXT) => signText(approval, context),
  };
  async function signText(approval: Approval | TenantApproval, context: string): Promise<SignedApproval> {
    const payload = Buffer.from(JSON.stringify(approval));
    const bytes = new Uint8Array(Buffer.concat([Buffer.from(context), payload]));
    const signature = await webcrypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, keys.privateKey, bytes);
    return { payload: payload.toString('base64'), signature: Buffer.from(signature).toString('base64') };
  }
}

/** The same for a whole tenant. */
export function tenantApprovalOf(facts: {
  readonly tenantId: string;
  readonly approverKeyId: string;
  readonly action: TenantOrderAction;
  readonly now: number;
}): TenantApproval {
  const { tenantId, approverKeyId, action, now } = facts;
  serial += 1;
  const approvalId = `tap_${serial}_${now}`;
  const expiresAt = now + 300_000;
  return { approvalId, tenantId, scope: 'tenant', action, approverKeyId, approvedAt: now, expiresAt };
}

export interface ApprovalFacts {
  readonly tenantId: string;
  readonly endpointId: string;
  readonly approverKeyId: string;
  readonly action?: OrderAction;
  readonly now: number;
}

let serial = 0;

/** An approval that is good for five minutes from `now`; each has an id of its own. */
export function approvalOf(facts: ApprovalFacts): Approval {
  serial += 1;
  return {
    approvalId: `apr_${serial}_${facts.now}`,
    tenantId: facts.tenantId,
    endpointId: facts.endpointId,
    approverKeyId: facts.approverKeyId,
    action: facts.action ?? { kind: 'test-detection' },
    approvedAt: facts.now,
    expiresAt: facts.now + 300_000,
  };
}
