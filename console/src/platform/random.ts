import { createHash, randomBytes } from 'node:crypto';

/** Source of unpredictable bytes. Injected so that tests can name what was drawn. */
export interface Random {
  bytes(length: number): Buffer;
}

export const systemRandom: Random = { bytes: (length) => randomBytes(length) };

/** A new identifier such as `inc_4Zt...`: 120 random bits, base64url. */
export function newId(random: Random, prefix: string): string {
  return `${prefix}_${random.bytes(15).toString('base64url')}`;
}

/** A secret for a person or a machine: 256 random bits, 43 characters of base64url. */
export function newSecret(random: Random): string {
  return random.bytes(32).toString('base64url');
}

/** What is stored of a secret. Secrets have 256 bits of entropy, so that no slow hash is needed. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
