import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { Id, WallTime } from '../vocabulary.ts';

/** What a machine is made of, as far as the agent lists it. */
export const INVENTORY_CATEGORIES = [
  'hardware',
  'system',
  'software',
  'user',
  'group',
  'disk',
  'filesystem',
  'network-interface',
  'listening-port',
  'usb-device',
  'kernel-module',
] as const;
export const InventoryCategory = z.enum(INVENTORY_CATEGORIES);
export type InventoryCategory = z.infer<typeof InventoryCategory>;

const FactName = z
  .string()
  .max(LIMITS.fieldName)
  .regex(/^[a-z][A-Za-z0-9]*$/)
  .refine((name) => name !== 'constructor' && name !== 'prototype', 'reserved name');

/** What is known of one thing; unknown facts are absent. */
export const InventoryFacts = z
  .record(FactName, z.union([z.string().max(LIMITS.inventoryFact), z.number(), z.boolean()]))
  .refine((facts) => Object.keys(facts).length <= LIMITS.factsPerInventoryItem, 'too many facts');
export type InventoryFacts = z.infer<typeof InventoryFacts>;

const Key = z.string().min(1).max(LIMITS.shortText);

/** One thing; its key names it within its category for as long as it is there. */
export const InventoryItem = z.strictObject({ category: InventoryCategory, key: Key, facts: InventoryFacts });
export type InventoryItem = z.infer<typeof InventoryItem>;

/**
 * What became different on a machine. With `snapshot` the parts together name everything there is: what an
 * earlier report named and no part does, is gone (SPEC IV1).
 */
export const InventoryChange = z.strictObject({
  time: WallTime,
  snapshot: z
    .strictObject({ id: Id, part: z.number().int().min(1).max(1_000), parts: z.number().int().min(1).max(1_000) })
    .optional(),
  /** New things, and all facts of things whose facts changed. */
  present: z.array(InventoryItem).max(LIMITS.inventoryItems),
  gone: z.array(z.strictObject({ category: InventoryCategory, key: Key })).max(LIMITS.inventoryItems),
});
export type InventoryChange = z.infer<typeof InventoryChange>;
