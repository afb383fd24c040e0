/** Why a rule is rejected; stable, for tools and tests. The message beside it is for people. */
export const REJECTION_CODES = [
  'file_too_large',
  'yaml_invalid',
  'yaml_too_deep',
  'yaml_too_large',
  'yaml_alias_cycle',
  'wrong_type',
  'missing_attribute',
  'invalid_attribute',
  'unsupported_document',
  'duplicate_rule_id',
  'unknown_modifier',
  'modifier_conflict',
  'modifier_needs_field',
  'invalid_value',
  'null_in_list',
  'empty_value',
  'placeholder_unresolved',
  'regex_unsupported',
  'condition_invalid',
  'condition_unknown_selection',
  'condition_aggregation',
  'rule_too_large',
  'rule_unsupported',
  'reference_unresolved',
  'reference_cycle',
  'correlation_invalid',
] as const;
export type RejectionCode = (typeof REJECTION_CODES)[number];

/** Collects the first problem of one document; a document with a problem is not loaded. */
export class Problem {
  found: { readonly line: number; readonly code: RejectionCode; readonly message: string } | undefined;

  /** Notes the problem unless one stands already. Returns undefined, so that a parser can return what this does. */
  reject(line: number, code: RejectionCode, message: string): undefined {
    this.found ??= { line, code, message: message.slice(0, 300) };
    return undefined;
  }
}
