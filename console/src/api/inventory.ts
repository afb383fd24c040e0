import { InventoryCategory, InventoryFacts, ShortText, WallTime } from '@yagura/protocol';
import { z } from 'zod';

export const EndpointInventoryQuery = z.strictObject({
  category: InventoryCategory.optional(),
  /** Part of a key or of a fact. */
  search: z.string().max(256).optional(),
  /** `next` of the page before. */
  cursor: z.string().max(1_024).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
});
export type EndpointInventoryQuery = z.infer<typeof EndpointInventoryQuery>;

export const InventoryRow = z.strictObject({
  category: InventoryCategory,
  key: ShortText,
  facts: InventoryFacts,
  /** When the console first heard of it, and when its facts last changed. */
  firstSeenAt: WallTime,
  changedAt: WallTime,
});
export type InventoryRow = z.infer<typeof InventoryRow>;

export const INVENTORY_CHANGE_KINDS = ['added', 'changed', 'removed'] as const;

export const InventoryChangeRow = z.strictObject({
  category: InventoryCategory,
  key: ShortText,
  kind: z.enum(INVENTORY_CHANGE_KINDS),
  before: InventoryFacts.optional(),
  after: InventoryFacts.optional(),
  /** By the endpoint's clock. */
  time: WallTime,
  receivedAt: WallTime,
});
export type InventoryChangeRow = z.infer<typeof InventoryChangeRow>;

export const EndpointInventory = z.strictObject({
  /** How many things there are of each category; one without any is absent. */
  counts: z.partialRecord(InventoryCategory, z.number().int().min(0)),
  /** By category and key. */
  items: z.array(InventoryRow),
  next: z.string().optional(),
  /** The newest first, of this category if one was asked for; on the first page only. */
  changes: z.array(InventoryChangeRow),
});
export type EndpointInventory = z.infer<typeof EndpointInventory>;
