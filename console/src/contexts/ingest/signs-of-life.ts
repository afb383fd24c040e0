import type { Tx } from '../../store/store.ts';
import type { Fleet, Origin } from '../fleet/api.ts';
import type { ReceivedBatch } from './api.ts';

/** How often an endpoint's sign of life is passed on; a write for each batch would be most of the writes. */
const STEP_MS = 5_000;
/** Endpoints remembered; one that is forgotten is merely passed on once more. */
const MAX_REMEMBERED = 20_000;

/** Tells the fleet when each endpoint was last heard of, every few seconds at most. */
export class SignsOfLife {
  readonly #fleet: Pick<Fleet, 'touch'>;
  readonly #toldAt = new Map<string, number>();

  constructor(fleet: Pick<Fleet, 'touch'>) {
    this.#fleet = fleet;
  }

  async tell(tx: Tx, batches: readonly ReceivedBatch[]): Promise<void> {
    const due = new Map<string, { origin: Origin; at: number }>();
    for (const { origin, receivedAt } of batches) {
      const key = `${origin.tenantId}/${origin.endpointId}`;
      const toldAt = this.#toldAt.get(key);
      // A clock that jumped back is told at once.
      if (toldAt !== undefined && receivedAt >= toldAt && receivedAt - toldAt < STEP_MS) continue;
      due.set(key, { origin, at: receivedAt });
    }
    for (const { origin, at } of due.values()) await this.#fleet.touch(tx, origin, at);
    tx.afterCommit(() => {
      for (const [key, { at }] of due) {
        this.#toldAt.delete(key);
        this.#toldAt.set(key, at);
      }
      for (const key of this.#toldAt.keys()) {
        if (this.#toldAt.size <= MAX_REMEMBERED) break;
        this.#toldAt.delete(key);
      }
    });
  }
}
