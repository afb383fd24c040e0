import type { PlanOf } from '../../journal/plan.ts';
import { refuse } from '../../refusal.ts';
import { type ActionResult, type FileParts, failed } from '../file-parts.ts';

/** Removes a container, and with it the only copy of the key that opens it. Safe to repeat after a crash. */
export function deleteQuarantined({ quarantineId }: PlanOf<'delete-quarantined'>, parts: FileParts): ActionResult {
  const item = parts.journal.item(quarantineId);
  if (item === undefined || item.state === 'restored') return failed(refuse('not_found'), { quarantineId });
  const { path, sha256, size } = item;
  const target = { quarantineId, path, sha256, size };
  if (item.state === 'deleted') return { code: 'already_done', target };
  const removed = parts.vault.remove(quarantineId);
  if (!removed.ok) return failed(removed, target);
  parts.reached('removed');
  return { code: 'done', target, item: { ...item, state: 'deleted' } };
}
