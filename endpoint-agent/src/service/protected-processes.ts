import type { ProcessTable } from '../state/process-table.ts';

const MAX_ANCESTORS = 32;

/** The agent and every process above it: no story may grow over them, and nothing may stop them. */
export function protectedProcesses(processes: ProcessTable, selfPid: number): ReadonlySet<string> {
  const self = processes.byPid(selfPid);
  if (self === undefined) return new Set();
  return new Set([
    self.entityId,
    ...processes.ancestors(self.entityId, MAX_ANCESTORS).map((ancestor) => ancestor.entityId),
  ]);
}
