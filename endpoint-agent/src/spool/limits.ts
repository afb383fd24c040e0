const MIB = 1_048_576;

/** Bounds of a spool (SPEC SP4). Sizes in bytes of stored items, `ROW_OVERHEAD` included. */
export interface SpoolLimits {
  readonly bytes: number;
  readonly rows: number;
  /** Part of `bytes` and `rows` that detail and telemetry never use. */
  readonly alertBytes: number;
  readonly alertRows: number;
  /** One item; a larger story is cut to fit, anything else is refused. Small enough for one frame in plain. */
  readonly itemBytes: number;
  readonly setAsideRows: number;
  /** Alerts that wait in memory when the disk takes nothing at all. */
  readonly heldItems: number;
  /** A file of this size is kept on the disk and given up when the disk is full (SP8). */
  readonly ballastBytes: number;
}

export const DEFAULT_SPOOL_LIMITS: SpoolLimits = {
  bytes: 256 * MIB,
  rows: 1_000_000,
  alertBytes: 64 * MIB,
  alertRows: 100_000,
  itemBytes: 900_000,
  setAsideRows: 1_000,
  heldItems: 500,
  ballastBytes: 8 * MIB,
};

/** What a row costs beside its body, about: keys, indexes, page slack. */
export const ROW_OVERHEAD = 96;
