import { Id, ShortText, WallTime } from '@yagura/protocol';
import { z } from 'zod';

/** `admin` changes things; `viewer` only reads. New actions are denied to viewers by default. */
export const ROLES = ['admin', 'viewer'] as const;
export const Role = z.enum(ROLES);
export type Role = z.infer<typeof Role>;

export const SignInRequest = z.strictObject({
  /** The part before the dot of a one-time link's fragment. */
  secret: z.string().min(16).max(128),
});
export type SignInRequest = z.infer<typeof SignInRequest>;

export const Session = z.strictObject({
  user: z.strictObject({ userId: Id, name: ShortText, role: Role }),
  tenant: z.strictObject({ tenantId: Id, name: ShortText }),
  /** Keys of this user that the signer knows; a browser that holds none of them can only look. */
  approverKeyIds: z.array(Id).max(64),
  consoleVersion: ShortText,
  signedInAt: WallTime,
  expiresAt: WallTime,
});
export type Session = z.infer<typeof Session>;

/**
 * Registers a browser's key with the signer. `mac` is HMAC-SHA256 of the SPKI bytes under the approver
 * code of the one-time link, which the web process never sees.
 */
export const RegisterApproverRequest = z.strictObject({
  publicKey: z.string().max(512),
  mac: z.string().max(64),
});
export type RegisterApproverRequest = z.infer<typeof RegisterApproverRequest>;

export const RegisterApproverResponse = z.strictObject({ approverKeyId: Id });
export type RegisterApproverResponse = z.infer<typeof RegisterApproverResponse>;

export const AuditEntry = z.strictObject({
  sequence: z.number().int().min(1),
  time: WallTime,
  actor: ShortText,
  action: ShortText,
  target: ShortText.optional(),
  detail: z.string().max(4_096).optional(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

export const AuditPage = z.strictObject({ items: z.array(AuditEntry), next: z.string().optional() });
export type AuditPage = z.infer<typeof AuditPage>;
