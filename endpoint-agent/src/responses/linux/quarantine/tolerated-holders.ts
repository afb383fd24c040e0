import type { Journal } from '../../journal/journal.ts';
import type { ProcessKey } from '../process-tree/signal-process.ts';

/** Processes of the story whose file it is, as the freezes and kills before remember them. */
export function toleratedHolders(storyId: string | undefined, journal: Journal): readonly ProcessKey[] {
  if (storyId === undefined) return [];
  const keys: ProcessKey[] = [];
  for (const plan of journal.treePlans(storyId)) {
    if (plan.kind !== 'freeze-tree' && plan.kind !== 'kill-tree') continue;
    for (const { pid, startTicks } of [plan.root, ...plan.members]) {
      if (startTicks !== undefined) keys.push({ pid, startTicks });
    }
    keys.push(...(plan.stopped ?? []));
  }
  return keys;
}
