import type { FileParts } from './file-parts.ts';
import { itemOf } from './quarantine/quarantine-file.ts';

/**
 * Brings vault and journal together: drops containers of files that were restored or deleted, and takes in
 * those that the journal does not know (its database was replaced), from their own authenticated metadata.
 * What cannot be authenticated stays where it is and is logged.
 */
export async function reconcileVault({ journal, vault, log }: FileParts): Promise<void> {
  const planned = new Set(
    journal.unfinished().flatMap(({ plan }) => ('quarantineId' in plan ? [plan.quarantineId] : [])),
  );
  for (const quarantineId of vault.ids()) {
    const item = journal.item(quarantineId);
    if (item?.state === 'held' || planned.has(quarantineId)) continue;
    if (item !== undefined) {
      vault.remove(quarantineId);
      continue;
    }
    const metadata = await vault.metadata(quarantineId);
    if (metadata.ok) journal.putItem(itemOf(metadata.value));
    else log.warn({ quarantineId, code: metadata.code }, 'a container in the vault cannot be opened');
  }
}
