import { z } from 'zod';
import { RulePackReference } from '../detection/rule-pack.ts';
import { RuleTuningScope, RuleTunings } from '../detection/rule-tuning.ts';
import { LIMITS } from '../limits.ts';
import { Id, WallTime } from '../vocabulary.ts';
import { Exclusions, PolicyMode } from './action.ts';

/** The hash in the signed order is all that vouches for the pack's content (SPEC CM11). */
const SetRulePack = z.strictObject({ kind: z.literal('set-rule-pack'), ...RulePackReference.shape });
/** Back to the rules that the agent brings. */
const ClearRulePack = z.strictObject({ kind: z.literal('clear-rule-pack') });
/** Replaces the scope's whole set; an older version changes nothing (SPEC CM13). */
const SetRuleTunings = z.strictObject({
  kind: z.literal('set-rule-tunings'),
  scope: RuleTuningScope,
  version: z.number().int().min(1),
  tunings: RuleTunings,
});

/** What an order may ask for, each with exactly its arguments. */
export const OrderAction = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('test-detection') }),
  z.strictObject({ kind: z.literal('restore-file'), quarantineId: Id }),
  z.strictObject({ kind: z.literal('delete-quarantined'), quarantineId: Id }),
  z.strictObject({ kind: z.literal('contain-story'), storyId: Id }),
  z.strictObject({ kind: z.literal('set-policy'), mode: PolicyMode }),
  z.strictObject({ kind: z.literal('set-exclusions'), version: z.number().int().min(1), exclusions: Exclusions }),
  SetRulePack,
  ClearRulePack,
  SetRuleTunings,
]);
export type OrderAction = z.infer<typeof OrderAction>;
export type OrderKind = OrderAction['kind'];
export const ORDER_KINDS = [
  'test-detection',
  'restore-file',
  'delete-quarantined',
  'contain-story',
  'set-policy',
  'set-exclusions',
  'set-rule-pack',
  'clear-rule-pack',
  'set-rule-tunings',
] as const satisfies readonly OrderKind[];

/**
 * What a person approves: made and signed in the person's browser with a key that only the signer knows,
 * so that a stolen web process has nothing to sign with (SPEC CM2).
 */
export const Approval = z.strictObject({
  approvalId: Id,
  tenantId: Id,
  endpointId: Id,
  action: OrderAction,
  approverKeyId: Id,
  approvedAt: WallTime,
  expiresAt: WallTime,
});
export type Approval = z.infer<typeof Approval>;

/** What may be approved for a whole tenant; of each the signer makes an order for every endpoint by itself. */
export const TenantOrderAction = z.discriminatedUnion('kind', [
  SetRulePack,
  ClearRulePack,
  SetRuleTunings.extend({ scope: z.literal('tenant') }),
]);
export type TenantOrderAction = z.infer<typeof TenantOrderAction>;
export type TenantOrderKind = TenantOrderAction['kind'];

/**
 * What a person approves for every endpoint of a tenant, those enrolled later included (SPEC CM14). Signed in
 * another context than an `Approval`: neither can ever pass for the other.
 */
export const TenantApproval = z.strictObject({
  approvalId: Id,
  tenantId: Id,
  scope: z.literal('tenant'),
  action: TenantOrderAction,
  approverKeyId: Id,
  approvedAt: WallTime,
  expiresAt: WallTime,
});
export type TenantApproval = z.infer<typeof TenantApproval>;

const Base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);

/** The approval's exact bytes (JSON) and an ECDSA P-256 signature over them (IEEE P1363 form, SHA-256). */
export const SignedApproval = z.strictObject({
  payload: Base64.max(1_000_000),
  signature: Base64.max(128),
});
export type SignedApproval = z.infer<typeof SignedApproval>;

/** What an agent obeys. `counter` rises per endpoint; a counter at or below the last one is refused. */
export const Order = z.strictObject({
  orderId: Id,
  tenantId: Id,
  endpointId: Id,
  counter: z.number().int().min(1),
  issuedAt: WallTime,
  expiresAt: WallTime,
  approver: Id,
  action: OrderAction,
});
export type Order = z.infer<typeof Order>;

/** The order's exact bytes (JSON) and an Ed25519 signature over `yagura-order-v1\0` + bytes (SPEC CM1). */
export const SignedOrder = z.strictObject({
  payload: Base64.max(1_000_000),
  signature: Base64.length(88),
});
export type SignedOrder = z.infer<typeof SignedOrder>;

/** Prefix of the signed bytes: a signature made for another purpose never verifies as an order. */
export const ORDER_SIGNATURE_CONTEXT = 'yagura-order-v1\0';
export const APPROVAL_SIGNATURE_CONTEXT = 'yagura-approval-v1\0';
export const TENANT_APPROVAL_SIGNATURE_CONTEXT = 'yagura-tenant-approval-v1\0';

/** Why an agent refused an order; sent back as the outcome's `detail` and shown as words. */
export const ORDER_REFUSALS = [
  'order_malformed',
  'order_signature',
  'order_foreign',
  'order_expired',
  'order_replayed',
  'order_unsupported',
] as const;
export type OrderRefusal = (typeof ORDER_REFUSALS)[number];

export const orderFrameLimit = LIMITS.frameBytes;
