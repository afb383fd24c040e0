import { webcrypto } from 'node:crypto';
import { APPROVAL_SIGNATURE_CONTEXT, Approval, type SignedApproval } from '@yagura/protocol';

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

/** Verifies an approval as the signer does; undefined when it is not one of a registered key. */
export async function readApproval(
  signed: SignedApproval,
  publicKeyOf: (keyId: string) => string | undefined,
): Promise<Approval | undefined> {
  const payload = Buffer.from(signed.payload, 'base64');
  const parsed = Approval.safeParse(JSON.parse(payload.toString('utf8')));
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
    Buffer.concat([Buffer.from(APPROVAL_SIGNATURE_CONTEXT), payload]),
  );
  return valid ? parsed.data : undefined;
}
