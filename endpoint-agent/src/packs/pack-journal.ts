import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { RulePackHealth, RulePackReference } from '@yagura/protocol';
import { z } from 'zod';
import { readFileIfPresent, replaceFileDurably, systemCode } from '../platform/durable-file.ts';

const PackRecord = z.strictObject({
  v: z.literal(1),
  /** Whose pack it is: a machine that is enrolled anew begins anew. */
  endpointId: z.string().max(64),
  current: RulePackReference.optional(),
  /** Starts with `current` that have not stood their trial; the swap itself counts (SPEC RP5). */
  trials: z.number().int().min(0).max(1_000),
  /** The last pack that stood its trial before `current`. */
  previous: RulePackReference.optional(),
  failed: RulePackHealth.shape.failed,
});
export type PackRecord = z.infer<typeof PackRecord>;

/** What an endpoint remembers of its rule packs; durable when `write` returns. */
export interface PackJournal {
  read(): PackRecord;
  /** False when the disk refused; then nothing has changed. */
  write(record: PackRecord): boolean;
}

export const noPack = (endpointId: string): PackRecord => ({ v: 1, endpointId, trials: 0 });

/**
 * Opens `DIR/packs.json`. A damaged journal is as good as none: the agent's own rules stay, and the console
 * shows that no pack is in force.
 */
export function openPackJournal(dir: string): { readonly journal: PackJournal; readonly damaged: boolean } {
  const path = join(dir, 'packs.json');
  let record = noPack('');
  let damaged = false;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const text = readFileIfPresent(path);
    if (text !== undefined) record = PackRecord.parse(JSON.parse(text));
  } catch {
    damaged = true;
  }
  return {
    damaged,
    journal: {
      read: () => record,
      write(next) {
        try {
          replaceFileDurably(path, JSON.stringify(next));
        } catch (error) {
          if (systemCode(error) === undefined) throw error;
          return false;
        }
        record = next;
        return true;
      },
    },
  };
}
