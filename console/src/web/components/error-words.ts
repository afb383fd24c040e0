/** Codes for which the product has words of its own; all others get the general sentence and their code. */
const KNOWN = [
  // This browser's own.
  'network',
  'response_invalid',
  'insecure_context',
  'key_storage',
  // The server's (platform/http-errors.ts).
  'bad_request',
  'body_too_large',
  'unauthenticated',
  'link_unknown',
  'link_used',
  'link_expired',
  'forbidden',
  'origin_refused',
  'not_found',
  'already_closed',
  'already_open',
  'already_ended',
  'token_not_open',
  'endpoint_revoked',
  'exclusion_unknown',
  'exclusion_limit',
  'exclusions_version',
  'rule_pack_unknown',
  'rule_pack_limit',
  'rule_pack_in_use',
  'pack_invalid',
  'pack_version_unknown',
  'rate_limited',
  'internal',
  'signer_unavailable',
  'database_busy',
  'database_unreachable',
  'database_full',
  // The signer's refusals, passed on.
  'approver_code_invalid',
  'approver_key_invalid',
  'approver_limit',
  'approver_unknown',
  'approval_duplicate',
  'approval_used',
  'approval_expired',
  'approval_signature',
] as const;
type KnownCode = (typeof KNOWN)[number];

export type ErrorWordsKey = `error.codes.${KnownCode | 'other'}`;

function isKnown(code: string): code is KnownCode {
  return (KNOWN as readonly string[]).includes(code);
}

/** The message for a stable code of the server or of this browser. */
export function errorWordsKey(code: string): ErrorWordsKey {
  if (isKnown(code)) return `error.codes.${code}`;
  if (/^http_5\d\d$/.test(code)) return 'error.codes.internal';
  return 'error.codes.other';
}
