import type { InventoryItem } from '@yagura/protocol';

/** Reads one part of what a machine is made of, below `root` (empty for the machine itself). Never throws. */
export type InventoryReader = (root: string) => readonly InventoryItem[];
