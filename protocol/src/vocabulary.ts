import { z } from 'zod';
import { LIMITS } from './limits.ts';

/** Sigma's levels, weakest first. */
export const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export const Severity = z.enum(SEVERITIES);
export type Severity = z.infer<typeof Severity>;

/** Orders two severities: negative when `a` is weaker than `b`. */
export function compareSeverity(a: Severity, b: Severity): number {
  return SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b);
}

export const CONFIDENCES = ['low', 'medium', 'high'] as const;
export const Confidence = z.enum(CONFIDENCES);
export type Confidence = z.infer<typeof Confidence>;

export const PLATFORMS = ['linux', 'windows', 'macos'] as const;
export const Platform = z.enum(PLATFORMS);
export type Platform = z.infer<typeof Platform>;

/** Opaque identifiers: letters, digits, `.`, `_`, `:` and `-`. */
export const Id = z
  .string()
  .min(1)
  .max(LIMITS.id)
  .regex(/^[A-Za-z0-9._:-]+$/);

/** Milliseconds since the Unix epoch, as the clock that is named beside it read them. */
export const WallTime = z.number().int().min(0).max(8_640_000_000_000_000);

/** Milliseconds since the machine booted; unaffected by changes of the wall clock. */
export const BootTime = z.number().min(0).max(1e13);

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const ShortText = z.string().max(LIMITS.shortText);
export const Text = z.string().max(LIMITS.text);
export const FilePath = z.string().min(1).max(LIMITS.path);

/** A sentence in both languages of the product. */
export const Bilingual = z.strictObject({ ja: Text, en: Text });
export type Bilingual = z.infer<typeof Bilingual>;
