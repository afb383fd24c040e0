import { randomBytes } from 'node:crypto';

/** Randomness as the agent's parts see it; injected, so that a failing seed replays. */
export interface Random {
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1). */
  fraction(): number;
}

export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  fraction: () => randomBytes(4).readUInt32LE() / 2 ** 32,
};

/** `count` random bytes in hexadecimal. */
export function randomHex(random: Random, count: number): string {
  return Buffer.from(random.bytes(count)).toString('hex');
}
