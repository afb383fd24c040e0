import type { Gap, Lane } from '@yagura/protocol';
import type { ItemStore, RowKey } from './item-store.ts';
import { rowOf } from './row-of.ts';
import { gapOf } from './shedding.ts';

/** A marker that was not given out yet. */
interface OpenGap {
  readonly sequence: number;
  readonly gap: Gap;
}

/**
 * Leaves a marker for every shed range (SPEC SP5). A marker that was not given out yet takes in the next
 * range of its lane, so that a long time offline leaves a few markers and not thousands.
 */
export class GapLedger {
  #open: ReadonlyMap<Lane, OpenGap> = new Map();

  /**
   * Runs `work`, which sheds inside a transaction of its own; when it throws, the ledger is as before, like
   * the tables.
   */
  during<Result>(work: () => Result): Result {
    const before = this.#open;
    try {
      return work();
    } catch (error) {
      this.#open = before;
      throw error;
    }
  }

  leave(store: ItemStore, lane: Lane, removed: readonly RowKey[], now: number): void {
    const earlier = this.#open.get(lane);
    const gap = gapOf(lane, removed, earlier?.gap);
    if (earlier !== undefined) store.removeRange(earlier.sequence, earlier.sequence);
    const sequence = store.nextSequence();
    const row = rowOf({ type: 'gap', gap }, sequence, now, Number.MAX_SAFE_INTEGER);
    if (row !== undefined) store.insert(row);
    this.#open = new Map([...this.#open, [lane, { sequence, gap }]]);
  }

  /** Markers that were given out say what they say from then on. */
  close(offered: ReadonlySet<number>): void {
    this.#open = new Map([...this.#open].filter(([, { sequence }]) => !offered.has(sequence)));
  }

  forget(): void {
    this.#open = new Map();
  }
}
