import type { Item, ItemBody, Lane } from '@yagura/protocol';

export interface SpoolStatus {
  readonly epoch: string;
  readonly lastSequence: number;
  readonly pending: Readonly<Record<Lane, number>>;
  readonly bytes: number;
  /** Items dropped to stay within the bound; each range left a gap marker. */
  readonly shed: number;
  /** Alerts among `shed` that were dropped because a newer one says the same (SP4). */
  readonly aggregated: number;
  /** Items that were never stored: no room on the disk even for what is set apart, or too large. */
  readonly refused: number;
  /** Alerts that wait in memory for room on the disk; a crash loses them. */
  readonly held: number;
  readonly setAside: number;
  /** What is wrong, if anything; `spool_damaged` stays for the run in which it was found. */
  readonly problem?: SpoolProblem;
}

export const SPOOL_PROBLEMS = ['spool_damaged', 'spool_volatile', 'disk_full', 'io_error'] as const;
export type SpoolProblem = (typeof SPOOL_PROBLEMS)[number];

/**
 * Durable queue to the console. `append` returns after the items are on disk (alerts with full sync);
 * nothing is removed before `acknowledge`. Alerts are never shed before telemetry.
 */
export interface Spool extends Disposable {
  append(bodies: readonly ItemBody[]): readonly Item[];
  /** Oldest first within a lane, alerts before all else; skips sequences in `inFlight`. */
  next(limit: { readonly items: number; readonly bytes: number }, inFlight: ReadonlySet<number>): readonly Item[];
  acknowledge(ranges: readonly (readonly [number, number])[]): void;
  /** Sets aside an item that the console can never take, and keeps it for `doctor`. */
  quarantine(sequence: number, code: string): void;
  status(): SpoolStatus;
  /** Called whenever something new can be sent. */
  onAppend(listener: () => void): void;
}
