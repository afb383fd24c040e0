import { webcrypto } from 'node:crypto';
import {
  APPROVAL_SIGNATURE_CONTEXT,
  Approval,
  type SignedApproval,
  TENANT_APPROVAL_SIGNATURE_CONTEXT,
  TenantApproval,
} from '@yagura/protocol';
import type { z } from 'zod';

/** Whether the MAC proves that the key's owner was given the link. */
export async function isMacOf(publicKey: string, mac: string, approverCode: string): Promise<boolean> {
  const key = await webcrypto.subtle.importKey(
    'raw',
    Buffer.from(approverCode, 'base64url'),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['verify'],
  );
  return webcrypto.subtle.verify('HMAC', key, Buffer.from(mac, 'base64'), Buffer.from(publicKey, 'base64'));
}

type KeyLookup = (keyId: string) => string | undefined;

/** Verifies an approval as the signer does; undefined when it is not one of a registered key. */
export function readApproval(signed: SignedApproval, publicKeyOf: KeyLookup): Promise<Approval | undefined> {
  return readSigned(Approval, APPROVAL_SIGNATURE_CONTEXT, signed, publicKeyOf);
}

/** The same for a whole tenant. */
export function readTenantApproval(
  signed: SignedApproval,
  publicKeyOf: KeyLookup,
): Promise<TenantApproval | undefined> {
  return readSigned(TenantApproval, TENANT_APPROVAL_SIGNATURE_CONTEXT, signed, publicKeyOf);
}

async function readSigned<T extends { readonly approverKeyId: string }>(
  schema: z.ZodType<T>,
  context: string,
  signed: SignedApproval,
  publicKeyOf: KeyLookup,
): Promise<T | undefined> {
  const payload = Buffer.from(signed.payload, 'base64');
  const parsed = schema.safeParse(JSON.parse(payload.toString('utf8')));
  if (!parsed.success) return undefined;
  const spki = publicKeyOf(parsed.data.approverKeyId);
  if (spki === undefined) return undefined;
  const key = await webcrypto.subtle.importKey(
    'spki',
    Buffer.from(spki, 'base64'),
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['verify'],
  );
  const valid = await webcrypto.subtle.verify(
    { name: 'ECDSA', hash: 'SHA-256' },
    key,
    Buffer.from(signed.signature, 'base64'),
    Buffer.concat([Buffer.from(context), payload]),
  );
  return valid ? parsed.data : undefined;
}
