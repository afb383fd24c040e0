/** Bounds of what the responder does, reads and keeps. */
export interface ResponseLimits {
  /** Largest file that is quarantined, in bytes. */
  readonly maxFileBytes: number;
  /** What all containers may take together, in bytes on disk. */
  readonly vaultBytes: number;
  /** What is left free on the vault's disk, in bytes. */
  readonly reserveBytes: number;
  readonly maxTreeProcesses: number;
  /** Milliseconds after which an action on a tree says how far it came. */
  readonly treeDeadlineMs: number;
  /** Milliseconds that an action on a file waits for another process that is at the vault. */
  readonly lockWaitMs: number;
  readonly journalActions: number;
  readonly journalItems: number;
  readonly journalAgeMs: number;
  /** Milliseconds after which a returned outcome is taken to be stored by whoever asked for it. */
  readonly reportGraceMs: number;
}

export const RESPONSE_LIMITS: ResponseLimits = {
  maxFileBytes: 536_870_912,
  vaultBytes: 8_589_934_592,
  reserveBytes: 134_217_728,
  maxTreeProcesses: 65_536,
  treeDeadlineMs: 5_000,
  lockWaitMs: 30_000,
  journalActions: 20_000,
  journalItems: 20_000,
  journalAgeMs: 180 * 24 * 3_600_000,
  reportGraceMs: 60_000,
};
