/** Every error of the HTTP interface that this console makes itself: its status and a sentence for logs. */
export const HTTP_ERRORS = {
  bad_request: [400, 'The request does not have the form that the interface describes.'],
  body_too_large: [413, 'The request is too large.'],
  unauthenticated: [401, 'Sign in first.'],
  link_unknown: [401, 'This sign-in link is not known.'],
  link_used: [401, 'This sign-in link has been used. Ask for a new one.'],
  link_expired: [401, 'This sign-in link has expired. Ask for a new one.'],
  forbidden: [403, 'Your role does not allow this.'],
  origin_refused: [403, 'The request does not come from this console.'],
  not_found: [404, 'There is no such thing.'],
  already_closed: [409, 'The incident is closed.'],
  already_open: [409, 'The incident is open.'],
  already_ended: [409, 'The seat has ended.'],
  token_not_open: [409, 'The token has been used, has expired or was withdrawn.'],
  endpoint_revoked: [409, 'The endpoint is revoked.'],
  exclusion_unknown: [409, 'This exclusion is not in force.'],
  exclusion_limit: [409, 'The endpoint has as many exclusions as it can hold.'],
  exclusions_version: [409, 'The exclusions have changed since this was planned. Plan it again.'],
  tuning_unknown: [409, 'This tuning is not in force.'],
  tuning_limit: [409, 'There are as many tuned rules as an endpoint can hold. End some first.'],
  tunings_version: [409, 'The tunings have changed since this was planned. Plan it again.'],
  rule_pack_unknown: [409, 'This console does not have this rule pack.'],
  rule_pack_limit: [409, 'The console holds as many rule packs as it can. Remove one first.'],
  rule_pack_in_use: [409, 'An endpoint uses this rule pack, or is about to.'],
  pack_invalid: [422, 'The file is not a rule pack.'],
  pack_version_unknown: [422, 'The rule pack was compiled by a newer version.'],
  approval_duplicate: [409, 'This approval has been used.'],
  approval_malformed: [400, 'The approval cannot be read.'],
  rate_limited: [429, 'Too many requests. Try again in a minute.'],
  internal: [500, 'Something went wrong in the console. It has been logged.'],
  signer_unavailable: [503, 'The signer does not answer.'],
  database_busy: [503, 'The database is busy. Try again.'],
  database_unreachable: [503, 'The database cannot be read.'],
  database_read_only: [503, 'The database cannot be written.'],
  database_damaged: [503, 'The database is damaged.'],
  database_newer: [503, 'The database belongs to a newer console.'],
  database_full: [507, 'The disk of the console is full.'],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type HttpErrorCode = keyof typeof HTTP_ERRORS;

/** An expected failure as a value. */
export interface Failure {
  readonly ok: false;
  readonly status: number;
  readonly code: string;
  readonly message: string;
}
export type Result<T> = { readonly ok: true; readonly value: T } | Failure;

export function succeed<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function fail(code: HttpErrorCode): Failure {
  const [status, message] = HTTP_ERRORS[code];
  return { ok: false, status, code, message };
}

/** A value that may be missing, as the same 404 for what does not exist and what belongs to others. */
export function orNotFound<T>(value: T | undefined): Result<T> {
  return value === undefined ? fail('not_found') : succeed(value);
}

/**
 * A refusal of the signer, with its own code: the request was understood, and the signer's policy said no.
 * Only its absence and its limits have a status of their own.
 */
export function signerFailure(refusal: { readonly code: string; readonly message: string }): Failure {
  if (refusal.code === 'signer_unavailable' || refusal.code === 'rate_limited') return fail(refusal.code);
  return { ok: false, status: 422, code: refusal.code, message: refusal.message };
}
