import type { Session } from '../../../api/index.ts';
import { ApiError, callApi } from '../../api-client.ts';
import { type StoredApproverKey, saveApproverKey } from './approver-key-store.ts';
import { decodeBase64Url, encodeBase64 } from './bytes.ts';

/** HMAC-SHA256 of a public key under the approver code of a one-time link, base64. */
export async function macOfPublicKey(
  spki: Uint8Array<ArrayBuffer>,
  approverCode: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const key = await crypto.subtle.importKey('raw', approverCode, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return encodeBase64(new Uint8Array(await crypto.subtle.sign('HMAC', key, spki)));
}

/**
 * Makes this browser's approving key, registers its public half with the signer and keeps the private half
 * where no script can read it. The code proves to the signer that the person at this browser was given the
 * link; the web process passes the proof on and never sees the code.
 * Throws `ApiError`: `insecure_context` without HTTPS or localhost, `key_storage` when the browser keeps
 * nothing, or the server's code.
 */
export async function registerApprover(
  session: Session,
  approverCode: string,
  now: number,
): Promise<StoredApproverKey> {
  if (globalThis.crypto?.subtle === undefined) throw new ApiError('insecure_context', 0, 'WebCrypto is not available');
  const code = decodeBase64Url(approverCode);
  if (code === undefined) throw new ApiError('approver_code_invalid', 0, 'the code is not base64url');
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
  const { approverKeyId } = await callApi('registerApprover', {
    body: { publicKey: encodeBase64(spki), mac: await macOfPublicKey(spki, code) },
  });
  const stored: StoredApproverKey = {
    keyId: approverKeyId,
    tenantId: session.tenant.tenantId,
    userId: session.user.userId,
    privateKey: pair.privateKey,
    createdAt: now,
  };
  try {
    await saveApproverKey(stored);
  } catch (error) {
    throw new ApiError('key_storage', 0, error instanceof Error ? error.message : 'indexedDB');
  }
  return stored;
}
