import type { Observation } from '../sensors/sensor.ts';

/** What the agent knows of one process. An exec replaces image and command line under the same id. */
export interface ProcessRecord {
  readonly entityId: string;
  readonly pid: number;
  readonly startTicks?: number;
  readonly parentEntityId?: string;
  readonly parentPid?: number;
  readonly image?: string;
  readonly commandLine?: string;
  readonly user?: string;
  readonly startedAt?: number;
  readonly endedAt?: number;
}

/**
 * Every process under one opaque id, from first sight until some time after its end. Ids survive a restart
 * of the agent: they are made of boot id, pid and start time. Bounded: ended processes go first, oldest first.
 */
export interface ProcessTable {
  /** Applies a start, an exec or an exit, and returns the record it concerns. */
  apply(observation: Observation): ProcessRecord | undefined;
  /** The live process with this pid, reading the system once if the table has not seen it. */
  byPid(pid: number): ProcessRecord | undefined;
  get(entityId: string): ProcessRecord | undefined;
  /** From the parent upwards, at most `limit`. */
  ancestors(entityId: string, limit: number): readonly ProcessRecord[];
  /** Live descendants as the table knows them, parents before children. */
  descendants(entityId: string): readonly ProcessRecord[];
  readonly size: number;
  /** Records dropped to stay within the bound. */
  readonly evicted: number;
}
