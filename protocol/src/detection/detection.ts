import { z } from 'zod';
import { Event, FieldValue } from '../event/event.ts';
import { LIMITS } from '../limits.ts';
import { Bilingual, Confidence, Id, Severity, ShortText, Text, WallTime } from '../vocabulary.ts';

export const DETECTION_SOURCES = ['sigma', 'indicator', 'behaviour', 'yara'] as const;
export const DetectionSource = z.enum(DETECTION_SOURCES);
export type DetectionSource = z.infer<typeof DetectionSource>;

/** What a rule says about itself; a detection carries it so that it can be read without the pack. */
export const RuleFacts = z.strictObject({
  ruleId: Id,
  title: ShortText,
  source: DetectionSource,
  severity: Severity,
  confidence: Confidence,
  /** ATT&CK technique ids such as `T1059.004`. */
  techniques: z.array(z.string().regex(/^T\d{4}(\.\d{3})?$/)).max(20),
  /** ATT&CK tactics as Sigma spells them: `defense-evasion`. */
  tactics: z.array(z.string().max(64)).max(14),
  author: ShortText.optional(),
  reference: Text.optional(),
  licence: ShortText.optional(),
  /** What it means, for a person without knowledge of security. */
  explanation: Bilingual.optional(),
  /** What that person should do now. */
  advice: Bilingual.optional(),
  /** The rule's own titles in the product's languages. */
  localTitle: Bilingual.optional(),
  /** The rule's own severity, where people gave it another one (SPEC CM13). */
  tunedFrom: Severity.optional(),
});
export type RuleFacts = z.infer<typeof RuleFacts>;

/** One rule or detector on one event. */
export const Detection = z.strictObject({
  detectionId: Id,
  rule: RuleFacts,
  event: Event,
  /** The fields that made the rule match, as far as it can say. */
  matched: z.array(z.strictObject({ field: z.string().max(LIMITS.fieldName), value: FieldValue })).max(32),
  time: WallTime,
});
export type Detection = z.infer<typeof Detection>;
