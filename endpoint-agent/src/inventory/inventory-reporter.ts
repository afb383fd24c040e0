import type { InventoryChange, InventoryItem } from '@yagura/protocol';
import type { Clock } from '../platform/clock.ts';
import type { InventoryRecordFile } from '../state/inventory-record.ts';
import type { InventoryPart } from './inventory-parts.ts';
import { InventoryTracker, reportsOf, snapshotOf } from './inventory-tracker.ts';

export interface InventoryReporterOptions {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly parts: readonly InventoryPart[];
  readonly record: InventoryRecordFile;
  /** Names who gets the reports: changes with the spool's epoch and the endpoint's identity. */
  readonly recipient: () => string;
  /** Reports that were dropped on their way so far: what they said is then not known there. */
  readonly shed: () => number;
  readonly send: (changes: readonly InventoryChange[]) => void;
  /** A part could not be read for a reason that nobody thought of; the others go on. */
  readonly onBug: (error: unknown) => void;
}

/** Tells what is on this machine once, and from then on only what became different (SPEC IV1). */
export interface InventoryReporter {
  /** Call about every second. Reads what is due, one part after the other; never throws. */
  tick(): void;
  /** Resolves when nothing is being read. */
  idle(): Promise<void>;
}

/** The start of the agent has better to do. */
const FIRST_MS = 5_000;
/** All of it is told again, should anything have gone astray. */
const SNAPSHOT_MS = 7 * 86_400_000;
/** A spool under pressure sheds all the time; to tell everything each time would add to it. */
const AFTER_SHEDDING_MS = 3_600_000;

export function createInventoryReporter(options: InventoryReporterOptions): InventoryReporter {
  const { clock, parts, record, send } = options;
  const stored = record.load();
  const tracker = new InventoryTracker(stored?.items);
  const readAt = new Map<InventoryPart, number>();
  const versions = new Map<InventoryPart, string>();
  const startedAt = clock.monotonic();
  let recipient = stored?.recipient;
  let snapshotAt = stored?.snapshotAt ?? Number.NEGATIVE_INFINITY;
  let shed = options.shed();
  let running: Promise<void> | undefined;

  function due(): InventoryPart[] {
    const now = clock.monotonic();
    if (now - startedAt < FIRST_MS) return [];
    return parts.filter((part) => now - (readAt.get(part) ?? Number.NEGATIVE_INFINITY) >= part.everyMs);
  }

  async function read(part: InventoryPart): Promise<readonly InventoryItem[] | undefined> {
    readAt.set(part, clock.monotonic());
    const version = part.version?.();
    if (version !== undefined && versions.get(part) === version) return undefined;
    const items = await part.read();
    if (version !== undefined) versions.set(part, version);
    return items;
  }

  async function run(wanted: readonly InventoryPart[]): Promise<void> {
    const changes: InventoryChange[] = [];
    for (const part of wanted) {
      try {
        const items = await read(part);
        if (items) changes.push(...reportsOf(tracker.update(part.categories, items), clock.now()));
      } catch (error) {
        options.onBug(error);
      }
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const now = clock.now();
    const wasShed = options.shed() > shed && now - snapshotAt >= AFTER_SHEDDING_MS;
    // A clock that was set back far must not put the snapshot off for ever.
    const isOld = now - snapshotAt >= SNAPSHOT_MS || now < snapshotAt;
    if (wasShed || isOld || options.recipient() !== recipient) {
      changes.splice(0, changes.length, ...snapshotOf(tracker.all(), options.newId(), now));
      recipient = options.recipient();
      snapshotAt = now;
      shed = options.shed();
    }
    if (changes.length === 0) return;
    send(changes);
    // Sent first: what a crash loses in between is told again, and has the same effect.
    record.save({ recipient: recipient ?? '', snapshotAt, items: tracker.all() });
  }

  return {
    tick() {
      if (running) return;
      const wanted = due();
      if (wanted.length === 0) return;
      running = run(wanted).finally(() => {
        running = undefined;
      });
    },
    async idle() {
      await running;
    },
  };
}
