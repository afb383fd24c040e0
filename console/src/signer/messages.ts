import { Id, LIMITS, SignedApproval, SignedOrder } from '@yagura/protocol';
import { z } from 'zod';

/**
 * What travels over the signer's two sockets: one JSON object per line. The console's socket can ask for
 * certificates and hand in what people approved; the operator's socket says who may approve.
 */
export const SIGNER_LINE_BYTES = 1_200_000;

export const APPROVER_ROLES = ['admin', 'viewer'] as const;
export const ApproverRole = z.enum(APPROVER_ROLES);
export type ApproverRole = z.infer<typeof ApproverRole>;

const RequestId = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const Csr = z.string().min(1).max(LIMITS.csr);

export const ConsoleRequest = z.discriminatedUnion('verb', [
  z.strictObject({ id: RequestId, verb: z.literal('info') }),
  z.strictObject({ id: RequestId, verb: z.literal('issue-gateway-certificate'), csr: Csr }),
  z.strictObject({
    id: RequestId,
    verb: z.literal('issue-endpoint-certificate'),
    csr: Csr,
    tenantId: Id,
    endpointId: Id,
  }),
  z.strictObject({
    id: RequestId,
    verb: z.literal('register-approver'),
    tenantId: Id,
    userId: Id,
    /** SPKI DER of a P-256 key, base64. */
    publicKey: z.string().min(1).max(512),
    /** HMAC-SHA256 of the SPKI bytes under the 32 bytes of the approver code, base64. */
    mac: z.string().min(1).max(64),
  }),
  /** Keys of one person that the signer accepts now. */
  z.strictObject({ id: RequestId, verb: z.literal('approver-keys'), tenantId: Id, userId: Id }),
  z.strictObject({ id: RequestId, verb: z.literal('sign-order'), approval: SignedApproval }),
  /** Keeps what a person approved for the whole tenant. */
  z.strictObject({ id: RequestId, verb: z.literal('approve-standing-order'), approval: SignedApproval }),
  /** Makes one endpoint's order of the newest such approval. */
  z.strictObject({ id: RequestId, verb: z.literal('sign-standing-order'), standingId: Id, endpointId: Id }),
]);
export type ConsoleRequest = z.infer<typeof ConsoleRequest>;
export type ConsoleVerb = ConsoleRequest['verb'];

export const AdminRequest = z.discriminatedUnion('verb', [
  z.strictObject({ id: RequestId, verb: z.literal('info') }),
  z.strictObject({
    id: RequestId,
    verb: z.literal('create-approver-code'),
    tenantId: Id,
    userId: Id,
    role: ApproverRole,
  }),
  z.strictObject({ id: RequestId, verb: z.literal('revoke-approver'), approverKeyId: Id }),
  z.strictObject({ id: RequestId, verb: z.literal('list-approvers'), tenantId: Id.optional() }),
]);
export type AdminRequest = z.infer<typeof AdminRequest>;
export type AdminVerb = AdminRequest['verb'];

export const SignerInfo = z.strictObject({
  /** The CA's certificate, PEM. */
  ca: z.string().max(LIMITS.certificateChain),
  /** Raw 32-byte Ed25519 key that signs orders, base64. */
  orderKey: z.string().max(64),
});
export type SignerInfo = z.infer<typeof SignerInfo>;

export const IssuedCertificate = z.strictObject({
  certificate: z.string().max(LIMITS.certificateChain),
  /** Lower-case hexadecimal, as X.509 tools print it, without leading zeros. */
  serial: z.string().regex(/^[0-9a-f]{1,64}$/),
  notAfter: z.number().int(),
});
export type IssuedCertificate = z.infer<typeof IssuedCertificate>;

export const RegisteredApprover = z.strictObject({ approverKeyId: Id, role: ApproverRole });
export type RegisteredApprover = z.infer<typeof RegisteredApprover>;

export const ApproverKeys = z.strictObject({ approverKeyIds: z.array(Id) });
export type ApproverKeys = z.infer<typeof ApproverKeys>;

/** The signed bytes of `order` are its `payload`; whoever wants to read the order parses those. */
export const SignedOrderAnswer = z.strictObject({ order: SignedOrder });
export type SignedOrderAnswer = z.infer<typeof SignedOrderAnswer>;

export const StandingOrderAnswer = z.strictObject({
  /** The approval's own id. */
  standingId: Id,
  issuedAt: z.number().int(),
  expiresAt: z.number().int(),
});
export type StandingOrderAnswer = z.infer<typeof StandingOrderAnswer>;

export const ApproverCode = z.strictObject({
  /** 32 random bytes, base64url. */
  code: z.string(),
  expiresAt: z.number().int(),
});
export type ApproverCode = z.infer<typeof ApproverCode>;

export const ApproverRecord = z.strictObject({
  approverKeyId: Id,
  tenantId: Id,
  userId: Id,
  role: ApproverRole,
  registeredAt: z.number().int(),
  revokedAt: z.number().int().optional(),
});
export type ApproverRecord = z.infer<typeof ApproverRecord>;
export const ApproverList = z.strictObject({ approvers: z.array(ApproverRecord) });
export type ApproverList = z.infer<typeof ApproverList>;

export const RevokedApprover = z.strictObject({ approverKeyId: Id });
export type RevokedApprover = z.infer<typeof RevokedApprover>;

/** What each verb of a socket answers. */
export interface ConsoleAnswers {
  readonly info: SignerInfo;
  readonly 'issue-gateway-certificate': IssuedCertificate;
  readonly 'issue-endpoint-certificate': IssuedCertificate;
  readonly 'register-approver': RegisteredApprover;
  readonly 'approver-keys': ApproverKeys;
  readonly 'sign-order': SignedOrderAnswer;
  readonly 'approve-standing-order': StandingOrderAnswer;
  readonly 'sign-standing-order': SignedOrderAnswer;
}
export const CONSOLE_ANSWERS: { readonly [Verb in ConsoleVerb]: z.ZodType<ConsoleAnswers[Verb]> } = {
  info: SignerInfo,
  'issue-gateway-certificate': IssuedCertificate,
  'issue-endpoint-certificate': IssuedCertificate,
  'register-approver': RegisteredApprover,
  'approver-keys': ApproverKeys,
  'sign-order': SignedOrderAnswer,
  'approve-standing-order': StandingOrderAnswer,
  'sign-standing-order': SignedOrderAnswer,
};

export interface AdminAnswers {
  readonly info: SignerInfo;
  readonly 'create-approver-code': ApproverCode;
  readonly 'revoke-approver': RevokedApprover;
  readonly 'list-approvers': ApproverList;
}
export const ADMIN_ANSWERS: { readonly [Verb in AdminVerb]: z.ZodType<AdminAnswers[Verb]> } = {
  info: SignerInfo,
  'create-approver-code': ApproverCode,
  'revoke-approver': RevokedApprover,
  'list-approvers': ApproverList,
};

/** Why the signer refused. Stable: the console passes them on and tests depend on them. */
export const SIGNER_REFUSALS = [
  'request_malformed',
  'request_too_large',
  'csr_invalid',
  'rate_limited',
  'endpoint_unknown',
  'endpoint_foreign',
  'approver_code_invalid',
  'approver_key_invalid',
  'approver_limit',
  'approver_unknown',
  'approver_revoked',
  'approver_role',
  'approval_malformed',
  'approval_signature',
  'approval_foreign',
  'approval_expired',
  'approval_not_yet_valid',
  'approval_too_long',
  'approval_used',
  'approval_outdated',
  'tuning_too_long',
  'standing_unknown',
  'standing_replaced',
  'standing_expired',
  'state_unavailable',
  'internal',
] as const;
export const SignerRefusal = z.enum(SIGNER_REFUSALS);
export type SignerRefusal = z.infer<typeof SignerRefusal>;

/** A refusal as a value: one line of text for people, a code for programs. */
export interface Refusal<Code extends string> {
  readonly ok: false;
  readonly code: Code;
  readonly message: string;
}
export type Answer<T, Code extends string> = { readonly ok: true; readonly value: T } | Refusal<Code>;

export function accepted<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function refused<Code extends string>(code: Code, message: string): Refusal<Code> {
  return { ok: false, code, message };
}

export const ResponseLine = z.union([
  z.strictObject({ id: RequestId, ok: z.literal(true), value: z.unknown() }),
  z.strictObject({ id: RequestId.optional(), ok: z.literal(false), code: SignerRefusal, message: z.string() }),
]);
export type ResponseLine = z.infer<typeof ResponseLine>;
