import { randomFillSync } from 'node:crypto';

/** Randomness as the agent's parts see it; injected, so that a failing seed replays. */
export interface Random {
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1). */
  fraction(): number;
}

/** One call of the generator costs as much as a few hundred bytes of it; each event takes sixteen. */
const POOL_BYTES = 4_096;
const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

function bytes(count: number): Uint8Array {
  if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count));
  if (used + count > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const taken = new Uint8Array(pool.subarray(used, used + count));
  // What was given out does not lie about for somebody else.
  pool.fill(0, used, used + count);
  used += count;
  return taken;
}

export const systemRandom: Random = {
  bytes,
  fraction: () => Buffer.from(bytes(4)).readUInt32LE() / 2 ** 32,
};

/** `count` random bytes in hexadecimal. */
export function randomHex(random: Random, count: number): string {
  return Buffer.from(random.bytes(count)).toString('hex');
}
