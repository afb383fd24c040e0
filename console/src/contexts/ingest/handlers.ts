import type { Item, ItemBody, ItemType } from '@yagura/protocol';
import type { Tx } from '../../store/store.ts';
import type { Alerts } from '../alerts/api.ts';
import type { Fleet } from '../fleet/api.ts';
import type { Inventories } from '../inventory/api.ts';
import type { Response } from '../response/api.ts';
import type { Rules } from '../rules/api.ts';
import type { ReceivedBatch } from './api.ts';
import type { TelemetryRow } from './telemetry-rows.ts';

/** The contexts that own what endpoints report. */
export interface IngestTargets {
  readonly alerts: Pick<Alerts, 'applyStory'>;
  readonly fleet: Pick<Fleet, 'applyHealth' | 'applyInventory' | 'touch'>;
  readonly inventories: Pick<Inventories, 'apply'>;
  readonly response: Pick<Response, 'applyOutcome' | 'applyQuarantineItem'>;
  readonly rules: Pick<Rules, 'applyCatalogue'>;
}

/** What a handler works with besides the item. */
export interface ItemContext {
  readonly tx: Tx;
  readonly batch: ReceivedBatch;
  readonly sequence: number;
  /** Collects events, which are written many rows at a time. */
  readonly telemetry: TelemetryRow[];
}

type BodyOf = { readonly [Type in ItemType]: Extract<ItemBody, { type: Type }> };

/** One handler for each kind of item; a kind without one does not compile. Each is safe to repeat. */
export type ItemHandlers = {
  readonly [Type in ItemType]: (context: ItemContext, body: BodyOf[Type]) => Promise<void> | void;
};

export function createItemHandlers({ alerts, fleet, inventories, response, rules }: IngestTargets): ItemHandlers {
  return {
    story: ({ tx, batch }, { story }) => alerts.applyStory(tx, batch.origin, story, batch),
    outcome: ({ tx, batch }, { outcome }) => response.applyOutcome(tx, batch.origin, outcome, batch.receivedAt),
    quarantine: ({ tx, batch }, { item }) => response.applyQuarantineItem(tx, batch.origin, item, batch.receivedAt),
    health: ({ tx, batch }, { health }) => fleet.applyHealth(tx, batch.origin, health, batch.receivedAt),
    inventory: ({ tx, batch }, { inventory }) => fleet.applyInventory(tx, batch.origin, inventory, batch.receivedAt),
    'inventory-change': ({ tx, batch, sequence }, { change }) =>
      inventories.apply(tx, batch.origin, change, { epoch: batch.epoch, sequence, receivedAt: batch.receivedAt }),
    'rule-catalogue': ({ tx, batch }, { catalogue }) => rules.applyCatalogue(tx, batch.origin, catalogue),
    event: ({ batch, sequence, telemetry }, { event }) => {
      telemetry.push({ origin: batch.origin, epoch: batch.epoch, sequence, receivedAt: batch.receivedAt, event });
    },
    gap: async ({ tx, batch, sequence }, { gap }) => {
      await tx.db
        .insertInto('gaps')
        .values({
          tenant_id: batch.origin.tenantId,
          endpoint_id: batch.origin.endpointId,
          epoch: batch.epoch,
          sequence,
          received_at: batch.receivedAt,
          gap_json: JSON.stringify(gap),
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },
  };
}

/** Hands an item to the handler of its kind. */
export async function applyItem(handlers: ItemHandlers, context: ItemContext, item: Item): Promise<void> {
  await dispatch(handlers, context, item.body.type, item.body);
}

function dispatch<Type extends ItemType>(
  handlers: ItemHandlers,
  context: ItemContext,
  type: Type,
  body: BodyOf[Type],
): Promise<void> | void {
  return handlers[type](context, body);
}
