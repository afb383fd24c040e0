import { LANES } from '@yagura/protocol';
import type { ItemStore, RowKey } from './item-store.ts';

/**
 * What is to be sent next: alerts before all else, oldest first, at least one item however large. Items for
 * which `skip` holds are passed over.
 */
export function selectKeys(
  store: ItemStore,
  limit: { readonly items: number; readonly bytes: number },
  skip: (sequence: number) => boolean,
): readonly RowKey[] {
  const chosen: RowKey[] = [];
  let bytes = 0;
  for (const lane of LANES) {
    for (const key of store.keys(lane)) {
      if (skip(key.sequence)) continue;
      const full = chosen.length >= limit.items || (chosen.length > 0 && bytes + key.size > limit.bytes);
      if (full) return chosen;
      chosen.push(key);
      bytes += key.size;
    }
  }
  return chosen;
}
