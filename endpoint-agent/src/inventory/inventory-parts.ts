import type { InventoryCategory, InventoryItem } from '@yagura/protocol';

/** One part of the inventory, with how often it is worth reading. */
export interface InventoryPart {
  readonly categories: readonly InventoryCategory[];
  readonly everyMs: number;
  /**
   * Cheap; the part is read only when the answer differs from the last one. Undefined reads it each time.
   */
  version?(): string;
  read(): readonly InventoryItem[] | Promise<readonly InventoryItem[]>;
}
