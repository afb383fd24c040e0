import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { ORDER_SIGNATURE_CONTEXT, type SignedOrder } from '@yagura/protocol';
import type { SignerState } from './state.ts';

/** The Ed25519 key that agents obey. */
export interface OrderKey {
  /** The raw 32 bytes of the public key, base64. */
  readonly publicKey: string;
  /** Signs `yagura-order-v1\0` + the bytes (SPEC CM1). */
  sign(payload: Uint8Array): SignedOrder;
}

/** Loads the order key from the state, or makes it at the first start. */
export function openOrderKey(state: SignerState): OrderKey {
  const row = state.db.prepare("SELECT value FROM key_material WHERE name = 'order.key'").get();
  if (row !== undefined) {
    return new OpenOrderKey(
      createPrivateKey({ key: Buffer.from(row['value'] as Uint8Array), format: 'der', type: 'pkcs8' }),
    );
  }
  const { privateKey } = generateKeyPairSync('ed25519');
  const der = privateKey.export({ format: 'der', type: 'pkcs8' });
  state.transaction(() => {
    state.db.prepare("INSERT INTO key_material (name, value) VALUES ('order.key', ?)").run(der);
  });
  return new OpenOrderKey(privateKey);
}

class OpenOrderKey implements OrderKey {
  readonly publicKey: string;
  readonly #key: KeyObject;
  constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
  }
  sign(payload: Uint8Array): SignedOrder {
    const signature = sign(null, Buffer.concat([Buffer.from(ORDER_SIGNATURE_CONTEXT), payload]), this.#key);
    return { payload: Buffer.from(payload).toString('base64'), signature: signature.toString('base64') };
  }
}
