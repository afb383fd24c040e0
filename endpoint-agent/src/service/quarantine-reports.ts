import type { ItemBody, QuarantineItem } from '@yagura/protocol';
import type { Spool } from '../spool/spool.ts';

/** Tells the console what the vault holds: each item once for each state that it was in. */
export function createQuarantineReports(spool: Spool): (items: readonly QuarantineItem[]) => void {
  const reported = new Map<string, QuarantineItem['state']>();
  return (items) => {
    const changed = items.filter((item) => reported.get(item.quarantineId) !== item.state);
    for (const item of changed) reported.set(item.quarantineId, item.state);
    for (const id of reported.keys()) {
      if (!items.some((item) => item.quarantineId === id)) reported.delete(id); // No longer listed.
    }
    if (changed.length > 0) spool.append(changed.map((item): ItemBody => ({ type: 'quarantine', item })));
  };
}
