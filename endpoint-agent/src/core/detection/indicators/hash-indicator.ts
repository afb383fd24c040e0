import type { RuleFacts } from '@yagura/protocol';

export const HASH_ALGORITHMS = ['sha256', 'sha1', 'md5'] as const;
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number];

/** Hexadecimal digits of each hash. */
export const HASH_LENGTH: Record<HashAlgorithm, number> = { sha256: 64, sha1: 40, md5: 32 };

/** Files that are known by their hash, and what a match says. `rule.source` is `indicator`. */
export interface HashIndicator {
  readonly rule: RuleFacts;
  /** Hexadecimal, upper or lower case; the algorithm is known by the length. */
  readonly hashes: readonly string[];
}

/** Kind and canonical (lower-case) form of a hash; undefined when it is none. */
export function parseHash(text: string): { readonly algorithm: HashAlgorithm; readonly hash: string } | undefined {
  const algorithm = HASH_ALGORITHMS.find((candidate) => HASH_LENGTH[candidate] === text.length);
  if (algorithm === undefined || !/^[0-9a-fA-F]+$/.test(text)) return undefined;
  return { algorithm, hash: text.toLowerCase() };
}

/**
 * The hashes that an event carries: the fields `sha256`, `sha1` and `md5` (any capitals), and Sysmon's `Hashes`
 * and `Hash` (`SHA256=...,MD5=...`). At most 16.
 */
export function hashesOfEvent(
  fields: Readonly<Record<string, unknown>>,
): readonly { readonly field: string; readonly hash: string }[] {
  const found: { field: string; hash: string }[] = [];
  for (const field of Object.keys(fields)) {
    const value = fields[field];
    if (typeof value !== 'string' || value.length > 4_096 || found.length >= 16) continue;
    const name = field.toLowerCase();
    if (name === 'sha256' || name === 'sha1' || name === 'md5') {
      const parsed = parseHash(value);
      if (parsed !== undefined) found.push({ field, hash: parsed.hash });
    } else if (name === 'hashes' || name === 'hash') {
      for (const part of value.split(',', 16)) {
        const parsed = parseHash(part.slice(part.indexOf('=') + 1).trim());
        if (parsed !== undefined) found.push({ field, hash: parsed.hash });
      }
    }
  }
  return found;
}
