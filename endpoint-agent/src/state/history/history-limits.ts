const MIB = 1_048_576;
const DAY_MS = 86_400_000;

/** Bounds of the local history. */
export interface HistoryLimits {
  /** Of the database, by its used pages. */
  readonly bytes: number;
  readonly ageMs: number;
  /**
   * Parts of `bytes` that file events, what goes beyond a user's budget, and the table of processes take at most; the
   * rest keeps what is rarer.
   */
  readonly fileShare: number;
  readonly bulkShare: number;
  readonly processShare: number;
  /**
   * Events of one second, and of those how many may be of files; beyond that only of users who had less than their
   * share of it. The rest is counted and not kept.
   */
  readonly perSecond: number;
  readonly filesPerSecond: number;
  /** What a user may have among the events of others: at once, and over time. */
  readonly userBurst: number;
  readonly userPerSecond: number;
  /** Nothing is kept while the disk has less free space than this: the spool needs it more. */
  readonly freeBytes: number;
}

export const HISTORY_LIMITS: HistoryLimits = {
  bytes: 200 * MIB,
  ageMs: 7 * DAY_MS,
  fileShare: 0.35,
  bulkShare: 0.15,
  processShare: 0.25,
  perSecond: 5_000,
  filesPerSecond: 3_000,
  userBurst: 50_000,
  userPerSecond: 10,
  freeBytes: 512 * MIB,
};
