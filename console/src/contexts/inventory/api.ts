import type { InventoryChange } from '@yagura/protocol';
import type { EndpointInventory, EndpointInventoryQuery } from '../../api/inventory.ts';
import type { Result } from '../../platform/http-errors.ts';
import type { Tx } from '../../store/store.ts';
import type { Origin } from '../fleet/api.ts';

/** Which item of which spool told of a change, and when it came. */
export interface ChangeSource {
  readonly epoch: string;
  readonly sequence: number;
  readonly receivedAt: number;
}

/** What the machines are made of. */
export interface Inventories {
  /** Takes in a report, inside the ingesting transaction (SPEC IV1). Safe to repeat. */
  apply(tx: Tx, origin: Origin, change: InventoryChange, source: ChangeSource): Promise<void>;
  page(tenantId: string, endpointId: string, query: EndpointInventoryQuery): Promise<Result<EndpointInventory>>;
}
