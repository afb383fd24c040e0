import type { Journal } from '../../journal/journal.ts';
import type { ProcessKey } from '../process-tree/signal-process.ts';

/** Processes of the story whose file it is, as the freezes and kills before remember them. */
export function toleratedHolders(storyId: string | undefined, journal: Journal): readonly ProcessKey[] {
  if (storyId === undefined) return [];
  return journal.treePlans(storyId).flatMap((plan) => {
    if (plan.kind !== 'freeze-tree' && plan.kind !== 'kill-tree') return [];
    const named = [plan.root, ...plan.members].flatMap(({ pid, startTicks }) => {
      return startTicks === undefined ? [] : [{ pid, startTicks }];
    });
    return [...named, ...(plan.stopped ?? [])];
  });
}
