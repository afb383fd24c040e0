import type { InventoryCategory, InventoryChange, InventoryItem } from '@yagura/protocol';
import { LIMITS } from '@yagura/protocol';
import { MAX_INVENTORY } from '../state/inventory-record.ts';

/** UTF-16 code units of the things in one report: well below what one item of the spool may have in bytes. */
const PART_CHARS = 200_000;

type Gone = InventoryChange['gone'][number];

export interface Difference {
  readonly present: readonly InventoryItem[];
  readonly gone: readonly Gone[];
}

/** What is known of the machine, by category and key. Bounded by `MAX_INVENTORY`; what is beyond is counted. */
export class InventoryTracker {
  readonly #known = new Map<InventoryCategory, Map<string, string>>();
  #size = 0;
  dropped = 0;

  constructor(items: readonly InventoryItem[] = []) {
    for (const item of items) this.#put(item, JSON.stringify(item.facts));
  }

  /** Takes in all things of these categories as they are now, and says what that changed. */
  update(categories: readonly InventoryCategory[], items: readonly InventoryItem[]): Difference {
    const present: InventoryItem[] = [];
    const seen = new Map(categories.map((category) => [category, new Set<string>()]));
    for (const item of items) {
      const keys = seen.get(item.category);
      if (!keys || keys.has(item.key)) continue;
      keys.add(item.key);
      const facts = JSON.stringify(item.facts);
      if (this.#known.get(item.category)?.get(item.key) !== facts && this.#put(item, facts)) present.push(item);
    }
    const gone: Gone[] = [];
    for (const [category, keys] of seen) {
      const known = this.#known.get(category);
      for (const key of known?.keys() ?? []) {
        if (keys.has(key)) continue;
        known?.delete(key);
        this.#size -= 1;
        gone.push({ category, key });
      }
    }
    return { present, gone };
  }

  all(): InventoryItem[] {
    return [...this.#known].flatMap(([category, things]) =>
      [...things].map(([key, facts]) => ({ category, key, facts: JSON.parse(facts) as InventoryItem['facts'] })),
    );
  }

  #put({ category, key }: InventoryItem, facts: string): boolean {
    const things = this.#known.get(category) ?? new Map<string, string>();
    if (!things.has(key)) {
      if (this.#size >= MAX_INVENTORY) {
        this.dropped += 1;
        return false;
      }
      this.#size += 1;
    }
    things.set(key, facts);
    this.#known.set(category, things);
    return true;
  }
}

/** Lays a difference out in reports that each fit into one item of the spool. Empty when nothing changed. */
export function reportsOf(difference: Difference, time: number): InventoryChange[] {
  const reports: InventoryChange[] = [];
  for (const present of partsOf(difference.present)) reports.push({ time, present, gone: [] });
  for (const gone of partsOf(difference.gone)) reports.push({ time, present: [], gone });
  return reports;
}

/** All things in numbered parts; at least one, since that there is nothing is news as well. */
export function snapshotOf(items: readonly InventoryItem[], id: string, time: number): InventoryChange[] {
  const parts = items.length === 0 ? [[]] : partsOf(items);
  return parts.map((present, index) => ({
    time,
    snapshot: { id, part: index + 1, parts: parts.length },
    present,
    gone: [],
  }));
}

function partsOf<Thing extends InventoryItem | Gone>(things: readonly Thing[]): Thing[][] {
  const parts: Thing[][] = [];
  let part: Thing[] = [];
  let chars = 0;
  for (const thing of things) {
    const size = JSON.stringify(thing).length;
    if (part.length > 0 && (part.length >= LIMITS.inventoryItems || chars + size > PART_CHARS)) {
      parts.push(part);
      part = [];
      chars = 0;
    }
    part.push(thing);
    chars += size;
  }
  return part.length > 0 ? [...parts, part] : parts;
}
