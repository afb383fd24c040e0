/** What the core needs to know of one process. The agent's process table has such records. */
export interface ProcessFacts {
  readonly entityId: string;
  readonly pid: number;
  readonly parentEntityId?: string | undefined;
  readonly parentPid?: number | undefined;
  readonly image?: string | undefined;
  readonly commandLine?: string | undefined;
  readonly user?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly startedAt?: number | undefined;
  readonly endedAt?: number | undefined;
}

/** Read access to the process table. No method throws for any argument. */
export interface ProcessLookup {
  /** The live process with this pid. */
  byPid(pid: number): ProcessFacts | undefined;
  get(entityId: string): ProcessFacts | undefined;
  /** From the parent upwards, at most `limit`. */
  ancestors(entityId: string, limit: number): readonly ProcessFacts[];
  /** Live descendants, parents before children. */
  descendants(entityId: string): readonly ProcessFacts[];
}
