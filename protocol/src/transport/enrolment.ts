import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { Id, Platform, Sha256, ShortText } from '../vocabulary.ts';
import { decodeBase64Url, decodeUtf8, encodeBase64Url, encodeUtf8 } from './text-encoding.ts';

/**
 * What an enrolment token says: where the console is, the secret that is used once, and the fingerprints
 * that the agent trusts from then on. The tenant stays with the console (the secret leads to it).
 */
export const EnrolmentToken = z.strictObject({
  v: z.literal(1),
  /** `https://host:port` of the agents' gateway. */
  gateway: z.url({ protocol: /^https$/ }).max(LIMITS.shortText),
  secret: z.string().regex(/^[A-Za-z0-9_-]{32,64}$/),
  /** SHA-256 of the CA certificate's DER. */
  ca: Sha256,
  /** SHA-256 of the raw 32-byte Ed25519 key that signs orders. */
  orderKey: Sha256,
});
export type EnrolmentToken = z.infer<typeof EnrolmentToken>;

const TOKEN_PREFIX = 'YGR1.';

/** `YGR1.` + base64url(JSON): one word that survives copying through mail and chat. */
export function formatEnrolmentToken(token: EnrolmentToken): string {
  return TOKEN_PREFIX + encodeBase64Url(encodeUtf8(JSON.stringify(token)));
}

/** Reads a token that a person pasted; surrounding white space and line breaks are forgiven. */
export function parseEnrolmentToken(text: string): EnrolmentToken | undefined {
  const word = text.replaceAll(/\s/g, '');
  if (!word.startsWith(TOKEN_PREFIX) || word.length > 4_096) return undefined;
  try {
    const result = EnrolmentToken.safeParse(JSON.parse(decodeUtf8(decodeBase64Url(word.slice(TOKEN_PREFIX.length)))));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

/** `POST /enrol` on the gateway, over TLS without a client certificate. */
export const EnrolRequest = z.strictObject({
  secret: z.string().min(1).max(128),
  /** PKCS#10, PEM; P-256. The subject is ignored: the console names the endpoint. */
  csr: z.string().max(LIMITS.csr),
  hostname: ShortText,
  platform: Platform,
  agentVersion: ShortText,
});
export type EnrolRequest = z.infer<typeof EnrolRequest>;

export const EnrolResponse = z.strictObject({
  endpointId: Id,
  tenantId: Id,
  certificate: z.string().max(LIMITS.certificateChain),
  ca: z.string().max(LIMITS.certificateChain),
  /** Raw 32-byte Ed25519 key, base64. Its hash must equal the token's `orderKey`. */
  orderKey: z.string().max(64),
});
export type EnrolResponse = z.infer<typeof EnrolResponse>;

/** Stable codes of a refused enrolment. */
export const ENROLMENT_REFUSALS = [
  'token_unknown',
  'token_used',
  'token_expired',
  'csr_invalid',
  'rate_limited',
  'signer_unavailable',
] as const;
export type EnrolmentRefusal = (typeof ENROLMENT_REFUSALS)[number];

/** The only shape in which either listener of the console reports an error. */
export const ErrorBody = z.strictObject({
  error: z.strictObject({ code: ShortText, message: z.string().max(LIMITS.text) }),
});
export type ErrorBody = z.infer<typeof ErrorBody>;
