import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { PLATFORMS } from '../vocabulary.ts';
import { RuleFacts } from './detection.ts';

/** `any` is for rules that name no system, `other` for those of devices and services without an agent. */
export const RULE_SYSTEMS = [...PLATFORMS, 'any', 'other'] as const;
export const RuleSystem = z.enum(RULE_SYSTEMS);
export type RuleSystem = z.infer<typeof RuleSystem>;

/**
 * One rule as people look it up: what it says about itself, and whether the sensors of its system fill every
 * field that it needs (absent where nobody decided it).
 */
export const RuleSummary = z.strictObject({
  ...RuleFacts.omit({ tunedFrom: true }).shape,
  system: RuleSystem,
  canFire: z.boolean().optional(),
});
export type RuleSummary = z.infer<typeof RuleSummary>;

/** The rules that an agent brings, reported once in each run of the agent (SPEC HE5). */
export const RuleCatalogue = z.strictObject({
  rules: z.array(RuleSummary).max(LIMITS.catalogueRules),
  /** Rules beyond the limit, which are not listed. */
  omitted: z.number().int().min(0),
});
export type RuleCatalogue = z.infer<typeof RuleCatalogue>;
