import { InventoryItem, LIMITS } from '@yagura/protocol';
import { z } from 'zod';
import { readFileIfPresent, replaceFileDurably, systemCode } from '../platform/durable-file.ts';

/** Things that are kept; of a machine with more, the rest is not reported. */
export const MAX_INVENTORY = 10 * LIMITS.inventoryItems;

const Record = z.strictObject({
  /** To whom it was reported: a console that never got it needs all of it. */
  recipient: z.string(),
  /** When all of it was last reported, in milliseconds since the epoch. */
  snapshotAt: z.number(),
  items: z.array(InventoryItem).max(MAX_INVENTORY),
});
export type InventoryRecord = z.infer<typeof Record>;

/** What was last reported of this machine, kept over restarts. */
export interface InventoryRecordFile {
  /** Undefined when nothing was reported yet, or the file is damaged: then everything is reported anew. */
  load(): InventoryRecord | undefined;
  /** False when it did not reach the disk: after a restart some is reported again. */
  save(record: InventoryRecord): boolean;
}

export function openInventoryRecord(path: string): InventoryRecordFile {
  return {
    load() {
      try {
        const text = readFileIfPresent(path);
        return text === undefined ? undefined : Record.safeParse(JSON.parse(text)).data;
      } catch (error) {
        if (error instanceof SyntaxError || systemCode(error) !== undefined) return undefined;
        throw error;
      }
    },
    save(record) {
      try {
        replaceFileDurably(path, JSON.stringify(record));
        return true;
      } catch (error) {
        if (systemCode(error) === undefined) throw error;
        return false;
      }
    },
  };
}
