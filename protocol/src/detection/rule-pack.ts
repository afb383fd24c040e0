import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { SEVERITIES, Sha256, ShortText } from '../vocabulary.ts';
import { RULE_SYSTEMS, RuleSummary, RuleSystem } from './rule-catalogue.ts';

const Count = z.number().int().min(0).max(1_000_000);
const PackName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\p{C}]*$/u);
const PackVersion = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\p{C}]*$/u);

/** Which pack: what an order names and an endpoint reports. The hash is of the whole file. */
export const RulePackReference = z.strictObject({
  sha256: Sha256,
  /** Bytes of the whole file. */
  size: z.number().int().min(1).max(LIMITS.rulePackBytes),
  name: PackName,
  version: PackVersion,
});
export type RulePackReference = z.infer<typeof RulePackReference>;

export const RULE_PACK_FORMAT = 'yagura-rule-pack';
/** Layout of the file: header and catalogue, each one line of JSON with a line feed, and the compiled rules. */
export const RULE_PACK_LAYOUT = 2;

/** Rules for one system. */
export const RulePackSystem = z.strictObject({
  system: RuleSystem,
  rules: Count,
  /** Rules of which every field is filled by a sensor; absent where nobody decided it. */
  canFire: Count.optional(),
});
export type RulePackSystem = z.infer<typeof RulePackSystem>;

/**
 * What a pack says about itself, so that the console can show it without a rule engine. It lies within what
 * the order's hash covers, and is no more trustworthy than the pack: the agent counts for itself.
 */
export const RulePackHeader = z.strictObject({
  format: z.literal(RULE_PACK_FORMAT),
  layout: z.literal(RULE_PACK_LAYOUT),
  name: PackName,
  version: PackVersion,
  /** Rules, correlations and filters. */
  documents: Count,
  systems: z.array(RulePackSystem).max(RULE_SYSTEMS.length),
  levels: z.strictObject(
    Object.fromEntries(SEVERITIES.map((level) => [level, Count])) as Record<(typeof SEVERITIES)[number], typeof Count>,
  ),
  /** Rules and correlations that name who wrote them and under which licence. */
  withAuthor: Count,
  withLicence: Count,
  licences: z.array(ShortText).max(16),
  /** Files and documents of the source that were left out, each named when the pack was compiled. */
  rejected: Count,
});
export type RulePackHeader = z.infer<typeof RulePackHeader>;

export const RULE_PACK_HEADER_FAILURES = ['pack_invalid', 'pack_version_unknown'] as const;
export type RulePackHeaderResult =
  | { readonly ok: true; readonly header: RulePackHeader }
  | { readonly ok: false; readonly code: (typeof RULE_PACK_HEADER_FAILURES)[number] };

/** Reads a pack's first line. A pack of a layout that does not exist yet is `pack_version_unknown`. */
export function parseRulePackHeader(line: string): RulePackHeaderResult {
  let value: unknown;
  try {
    value = line.length > LIMITS.rulePackHeaderBytes ? undefined : JSON.parse(line);
  } catch {
    return { ok: false, code: 'pack_invalid' };
  }
  const parsed = RulePackHeader.safeParse(value);
  if (parsed.success) return { ok: true, header: parsed.data };
  const other = OtherLayout.safeParse(value);
  return {
    ok: false,
    code: other.success && other.data.layout !== RULE_PACK_LAYOUT ? 'pack_version_unknown' : 'pack_invalid',
  };
}

const OtherLayout = z.object({ format: z.literal(RULE_PACK_FORMAT), layout: z.number() });

/** Every rule and correlation of a pack, so that people can look one up in a console without a rule engine. */
export const RulePackCatalogue = z.array(RuleSummary).max(LIMITS.rulePackRules);

/** Reads a pack's second line; nothing when it is no catalogue. */
export function parseRulePackCatalogue(line: string): RuleSummary[] | undefined {
  try {
    const parsed = RulePackCatalogue.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
