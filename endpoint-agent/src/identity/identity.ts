import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { Id, LIMITS, WallTime } from '@yagura/protocol';
import { z } from 'zod';
import { readFileIfPresent, replaceFileDurably, systemCode } from '../platform/durable-file.ts';

/** Everything that makes this machine an endpoint of one console, in one file (SPEC EN2). PEM but for `orderKey`. */
export const Identity = z.strictObject({
  v: z.literal(1),
  /** `https://host:port`. */
  gateway: z.url({ protocol: /^https$/ }).max(LIMITS.shortText),
  endpointId: Id,
  tenantId: Id,
  privateKey: z.string().max(4_096),
  certificate: z.string().max(LIMITS.certificateChain),
  ca: z.string().max(LIMITS.certificateChain),
  /** Raw 32-byte Ed25519 key, base64. */
  orderKey: z.string().max(64),
  enrolledAt: WallTime,
});
export type Identity = Readonly<z.infer<typeof Identity>>;

export type IdentityResult =
  | { ok: true; identity: Identity }
  | { ok: false; code: 'not_enrolled' | 'identity_damaged'; message: string };

const FILE = 'identity.json';

/** Reads and checks the identity in `stateDir` (SPEC EN12). An expired certificate is no damage (EN10). */
export function loadIdentity(stateDir: string): IdentityResult {
  const path = join(stateDir, FILE);
  const damaged = (reason: string): IdentityResult => ({
    ok: false,
    code: 'identity_damaged',
    message: `${path}: ${reason}`,
  });
  let text: string | undefined;
  try {
    text = readFileIfPresent(path);
  } catch (error) {
    return damaged(systemCode(error) ?? 'cannot be read');
  }
  if (text === undefined) return { ok: false, code: 'not_enrolled', message: `no identity in ${stateDir}` };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return damaged('not JSON');
  }
  const parsed = Identity.safeParse(json);
  if (!parsed.success) return damaged('not an identity');
  const fault = findFault(parsed.data);
  return fault === undefined ? { ok: true, identity: Object.freeze(parsed.data) } : damaged(fault.message);
}

/** Replaces the identity atomically. Throws the system's error when it cannot. */
export function saveIdentity(stateDir: string, identity: Identity): void {
  replaceFileDurably(join(stateDir, FILE), JSON.stringify(identity));
}

export interface IdentityFault {
  readonly code: 'gateway_untrusted' | 'certificate_mismatch' | 'response_malformed';
  readonly message: string;
}

/** Checks that the parts belong together (SPEC EN8): CA, certificate, key, names and order key. */
export function findFault(
  identity: Pick<Identity, 'ca' | 'certificate' | 'privateKey' | 'endpointId' | 'tenantId' | 'orderKey'>,
): IdentityFault | undefined {
  const mismatch = (message: string): IdentityFault => ({ code: 'certificate_mismatch', message });
  try {
    const ca = new X509Certificate(identity.ca);
    const certificate = new X509Certificate(identity.certificate);
    if (!certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) {
      return { code: 'gateway_untrusted', message: "the certificate is not from the console's CA" };
    }
    if (!certificate.checkPrivateKey(createPrivateKey(identity.privateKey))) {
      return mismatch('the certificate is for another key');
    }
    const subject = new Set(certificate.subject.split('\n'));
    if (!subject.has(`CN=${identity.endpointId}`) || !subject.has(`O=${identity.tenantId}`)) {
      return mismatch('the certificate names another endpoint or tenant');
    }
    importOrderKey(identity.orderKey);
    return undefined;
  } catch {
    return { code: 'response_malformed', message: 'a certificate or key cannot be read' };
  }
}

/** SHA-256 of a PEM certificate's DER, in hexadecimal. Throws when it is no certificate. */
export function certificateFingerprint(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
}

/** Validity of a certificate, in milliseconds since the epoch. */
export function validityOf(pem: string): { readonly notBefore: number; readonly notAfter: number } {
  const certificate = new X509Certificate(pem);
  return { notBefore: certificate.validFromDate.getTime(), notAfter: certificate.validToDate.getTime() };
}

/** The key that orders are verified with. Throws when it is not 32 bytes of base64. */
export function importOrderKey(base64: string): ReturnType<typeof createPublicKey> {
  const raw = Buffer.from(base64, 'base64');
  if (raw.length !== 32) throw new TypeError('an Ed25519 key has 32 bytes');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
}
