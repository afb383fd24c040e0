import type { InventoryChange, InventoryItem } from '@yagura/protocol';

export interface KnownThing {
  readonly factsJson: string;
  readonly firstSeenAt: number;
}

/** One line of what became different. */
export interface RecordedChange {
  readonly position: number;
  readonly category: InventoryItem['category'];
  readonly key: string;
  readonly kind: 'added' | 'changed' | 'removed';
  readonly beforeJson?: string;
  readonly afterJson?: string;
}

export interface Difference {
  readonly put: readonly InventoryItem[];
  readonly removed: InventoryChange['gone'];
  readonly changes: readonly RecordedChange[];
}

/** Names a thing among those of one endpoint. */
export function thingId({ category, key }: { readonly category: string; readonly key: string }): string {
  return `${category} ${key}`;
}

/** What a report changes in what is known; what is known already, or is not known, is no change. */
export function differencesOf(
  report: Pick<InventoryChange, 'present' | 'gone'>,
  known: ReadonlyMap<string, KnownThing>,
  firstPosition = 0,
): Difference {
  const put = new Map<string, InventoryItem>();
  for (const item of report.present) put.set(thingId(item), item);
  const removed = new Map(report.gone.map((thing) => [thingId(thing), thing] as const));
  const changes: RecordedChange[] = [];
  const add = (change: Omit<RecordedChange, 'position'>) =>
    void changes.push({ position: firstPosition + changes.length, ...change });
  for (const [id, { category, key, facts }] of put) {
    const before = known.get(id)?.factsJson;
    const afterJson = JSON.stringify(facts);
    if (before === afterJson) {
      put.delete(id);
      continue;
    }
    add({
      category,
      key,
      afterJson,
      ...(before === undefined ? { kind: 'added' } : { kind: 'changed', beforeJson: before }),
    });
  }
  for (const [id, { category, key }] of removed) {
    const before = known.get(id)?.factsJson;
    if (before === undefined || put.has(id)) removed.delete(id);
    else add({ category, key, kind: 'removed', beforeJson: before });
  }
  return { put: [...put.values()], removed: [...removed.values()], changes };
}
