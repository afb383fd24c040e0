import { z } from 'zod';
import { ActionOutcome, QuarantineItem } from '../action/action.ts';
import { RuleCatalogue } from '../detection/rule-catalogue.ts';
import { Story } from '../detection/story.ts';
import { Event } from '../event/event.ts';
import { LIMITS } from '../limits.ts';
import { Id, WallTime } from '../vocabulary.ts';
import { Health, Inventory } from './health.ts';
import { InventoryChange } from './inventory.ts';

/** Lanes of the spool, the most important first: under pressure the last is shed first. */
export const LANES = ['alerts', 'detail', 'telemetry'] as const;
export const Lane = z.enum(LANES);
export type Lane = z.infer<typeof Lane>;

/** Says that the endpoint dropped a range of its own spool, and how much of what. */
export const Gap = z.strictObject({
  lane: Lane,
  fromSequence: z.number().int().min(1),
  toSequence: z.number().int().min(1),
  count: z.number().int().min(1),
  from: WallTime,
  to: WallTime,
});
export type Gap = z.infer<typeof Gap>;

export const ItemBody = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('story'), story: Story }),
  z.strictObject({ type: z.literal('event'), event: Event }),
  z.strictObject({ type: z.literal('outcome'), outcome: ActionOutcome }),
  z.strictObject({ type: z.literal('quarantine'), item: QuarantineItem }),
  z.strictObject({ type: z.literal('health'), health: Health }),
  z.strictObject({ type: z.literal('inventory'), inventory: Inventory }),
  z.strictObject({ type: z.literal('inventory-change'), change: InventoryChange }),
  z.strictObject({ type: z.literal('rule-catalogue'), catalogue: RuleCatalogue }),
  z.strictObject({ type: z.literal('gap'), gap: Gap }),
]);
export type ItemBody = z.infer<typeof ItemBody>;
export type ItemType = ItemBody['type'];

/** Which lane each kind of item travels in. */
export const LANE_OF: Record<ItemType, Lane> = {
  story: 'alerts',
  outcome: 'alerts',
  quarantine: 'alerts',
  gap: 'alerts',
  health: 'detail',
  inventory: 'detail',
  'inventory-change': 'detail',
  'rule-catalogue': 'detail',
  event: 'telemetry',
};

export const Item = z.strictObject({
  /** Rises by one per spooled item within an epoch; (endpoint, epoch, sequence) is unique for ever. */
  sequence: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  spooledAt: WallTime,
  body: ItemBody,
});
export type Item = z.infer<typeof Item>;

/** A batch's content; how it is laid out in a frame stands in codec.ts. */
export const Batch = z.strictObject({
  batchId: z.number().int().min(1),
  /** Made anew whenever the endpoint's spool is created: a lost spool never reuses sequences. */
  epoch: Id,
  sentAt: WallTime,
  items: z.array(Item).min(1).max(LIMITS.batchItems),
});
export type Batch = z.infer<typeof Batch>;
