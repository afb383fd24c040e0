import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { Bilingual, BootTime, FilePath, Id, Sha256, ShortText, Text, WallTime } from '../vocabulary.ts';

/** What an endpoint can do to itself. Freeze, kill and quarantine follow verdicts; the rest only orders. */
export const ACTION_KINDS = [
  'freeze-tree',
  'kill-tree',
  'release-tree',
  'quarantine-file',
  'restore-file',
  'delete-quarantined',
  'test-detection',
  'contain-story',
  'set-policy',
  'set-exclusions',
  'set-rule-pack',
  'clear-rule-pack',
  'set-rule-tunings',
] as const;
export const ActionKind = z.enum(ACTION_KINDS);
export type ActionKind = z.infer<typeof ActionKind>;

/**
 * Why an action did not have its full effect. Stable: screens and tests depend on these words.
 * Guards (`protected_process` ... `file_in_use`) are decisions, the rest are failures.
 */
export const ACTION_CODES = [
  'done',
  'already_done',
  'protected_process',
  'package_owned_file',
  'file_in_use',
  'hard_linked_file',
  'not_a_regular_file',
  'file_too_large',
  'path_changed',
  'path_unsafe',
  'process_gone',
  'target_exists',
  'not_found',
  'not_permitted',
  'no_space',
  'cap_reached',
  'unsupported',
  'excluded',
  'interrupted',
  'io_error',
  'refused',
  /** The gateway does not have the pack, or could not be asked. */
  'pack_unavailable',
  /** What came does not have the size and hash that were ordered. */
  'pack_damaged',
  /** The agent's own engine does not load it, or not within its bounds. */
  'pack_rejected',
] as const;
export const ActionCode = z.enum(ACTION_CODES);
export type ActionCode = z.infer<typeof ActionCode>;

export const ActionTarget = z.strictObject({
  entityId: Id.optional(),
  pid: z.number().int().min(1).optional(),
  image: FilePath.optional(),
  path: FilePath.optional(),
  sha256: Sha256.optional(),
  size: z.number().int().min(0).optional(),
  quarantineId: Id.optional(),
});
export type ActionTarget = z.infer<typeof ActionTarget>;

/** What became of one action; exactly one final outcome per `actionId`. */
export const ActionOutcome = z.strictObject({
  actionId: Id,
  kind: ActionKind,
  /** `policy` acted by itself; `order` because a person asked. */
  origin: z.enum(['policy', 'order', 'local']),
  storyId: Id.optional(),
  orderId: Id.optional(),
  target: ActionTarget,
  ok: z.boolean(),
  code: ActionCode,
  /** For people who want to know more; never parsed, never the only carrier of a fact. */
  detail: Text.optional(),
  startedAt: WallTime,
  endedAt: WallTime,
  bootTime: BootTime.optional(),
  /** How many processes it reached, for trees. */
  processes: z.number().int().min(0).optional(),
});
export type ActionOutcome = z.infer<typeof ActionOutcome>;

/** `observe` only reports; `balanced` contains severe stories by itself. */
export const POLICY_MODES = ['observe', 'balanced'] as const;
export const PolicyMode = z.enum(POLICY_MODES);
export type PolicyMode = z.infer<typeof PolicyMode>;

/**
 * "This is software that we use." Never a bare path: by hash, by rule, or by rule with path. Each has an
 * owner and an end, and the endpoint counts what it suppressed.
 */
export const ExclusionMatch = z.union([
  z.strictObject({ by: z.literal('sha256'), sha256: Sha256 }),
  z.strictObject({ by: z.literal('rule'), ruleId: Id }),
  z.strictObject({ by: z.literal('rule-path'), ruleId: Id, path: FilePath }),
]);
export type ExclusionMatch = z.infer<typeof ExclusionMatch>;

export const Exclusion = z.strictObject({
  exclusionId: Id,
  match: ExclusionMatch,
  owner: ShortText,
  reason: Text,
  createdAt: WallTime,
  expiresAt: WallTime,
});
export type Exclusion = z.infer<typeof Exclusion>;

export const Exclusions = z.array(Exclusion).max(LIMITS.exclusions);

/** A file that the endpoint holds in its vault. */
export const QuarantineItem = z.strictObject({
  quarantineId: Id,
  path: FilePath,
  sha256: Sha256,
  size: z.number().int().min(0),
  /** Owner, group and permission bits as they were. */
  uid: z.number().int().min(0),
  gid: z.number().int().min(0),
  mode: z.number().int().min(0),
  storyId: Id.optional(),
  quarantinedAt: WallTime,
  state: z.enum(['held', 'restored', 'deleted']),
  reason: Bilingual.optional(),
});
export type QuarantineItem = z.infer<typeof QuarantineItem>;
