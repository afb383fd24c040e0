import type { ItemBody, QuarantineItem } from '@yagura/protocol';

/** Tells the console what the vault holds: each item once for each state that it was in. */
export function createQuarantineReports(spool: {
  append(bodies: readonly ItemBody[]): unknown;
}): (items: readonly QuarantineItem[]) => void {
  const reported = new Map<string, QuarantineItem['state']>();
  return (items) => {
    const changed = items.filter((item) => reported.get(item.quarantineId) !== item.state);
    for (const item of changed) reported.set(item.quarantineId, item.state);
    const listed = new Set(items.map((item) => item.quarantineId));
    for (const id of reported.keys()) if (!listed.has(id)) reported.delete(id);
    if (changed.length > 0) spool.append(changed.map((item): ItemBody => ({ type: 'quarantine', item })));
  };
}
