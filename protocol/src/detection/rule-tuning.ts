import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { Id, Severity, ShortText, WallTime } from '../vocabulary.ts';

/** Longest life of a tuning, in milliseconds: whoever wants one for longer decides again each year. */
export const RULE_TUNING_LIFETIME_MS = 366 * 24 * 3_600_000;

/** What becomes of a rule's matches: nothing at all, or a detection of another level. */
export const RuleChange = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('disable') }),
  z.strictObject({ kind: z.literal('level'), level: Severity }),
]);
export type RuleChange = z.infer<typeof RuleChange>;

/**
 * One rule that people disabled or gave another level, for as long as it says (SPEC CM13). The reason is short
 * enough for a whole set to fit into a signed order.
 */
export const RuleTuning = z
  .strictObject({
    tuningId: Id,
    ruleId: Id,
    /** As the person saw it; the rule's id decides. */
    ruleTitle: ShortText,
    change: RuleChange,
    owner: ShortText,
    reason: ShortText.min(1),
    createdAt: WallTime,
    expiresAt: WallTime,
  })
  .refine(({ createdAt, expiresAt }) => expiresAt > createdAt && expiresAt - createdAt <= RULE_TUNING_LIFETIME_MS, {
    message: 'a tuning ends after it began, within 366 days',
  });
export type RuleTuning = z.infer<typeof RuleTuning>;

/** A set: at most one tuning of a rule. */
export const RuleTunings = z
  .array(RuleTuning)
  .max(LIMITS.ruleTunings)
  .refine((tunings) => new Set(tunings.map(({ ruleId }) => ruleId)).size === tunings.length, {
    message: 'a rule is tuned once in a set',
  });

/**
 * Whose set it is. An endpoint holds one of each; where both tune a rule, the endpoint's own counts, since
 * somebody looked at that one machine.
 */
export const RULE_TUNING_SCOPES = ['endpoint', 'tenant'] as const;
export const RuleTuningScope = z.enum(RULE_TUNING_SCOPES);
export type RuleTuningScope = z.infer<typeof RuleTuningScope>;
