import { createHash } from 'node:crypto';

/** One entry of a tenant's record, without its hash. */
export interface ChainedEntry {
  readonly tenantId: string;
  readonly sequence: number;
  readonly time: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string | null;
  readonly detail: string | null;
  readonly previousHash: string;
}

/** Hash in front of a tenant's first entry. */
export const GENESIS = '0'.repeat(64);

/**
 * SHA-256 over the entry and the hash before it. The fields are laid out as a JSON array, so that no two
 * entries share their bytes (text moved from one field into the next changes the hash).
 */
export function hashEntry(entry: ChainedEntry): string {
  const fields = [
    'yagura-audit-v1',
    entry.previousHash,
    entry.tenantId,
    entry.sequence,
    entry.time,
    entry.actor,
    entry.action,
    entry.target,
    entry.detail,
  ];
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex');
}

export type ChainFault = 'changed' | 'missing' | 'out_of_order';

/** Checks an entry against the one before it (`undefined` for the first). */
export function checkEntry(
  previous: { readonly sequence: number; readonly hash: string } | undefined,
  entry: ChainedEntry & { readonly hash: string },
): ChainFault | undefined {
  const expected = (previous?.sequence ?? 0) + 1;
  if (entry.sequence > expected) return 'missing';
  if (entry.sequence < expected) return 'out_of_order';
  if (entry.previousHash !== (previous?.hash ?? GENESIS)) return 'changed';
  return hashEntry(entry) === entry.hash ? undefined : 'changed';
}
