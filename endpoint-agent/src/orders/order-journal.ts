import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  ActionOutcome,
  Exclusions,
  Id,
  ORDER_KINDS,
  PolicyMode,
  RuleTunings,
  Sha256,
  WallTime,
} from '@yagura/protocol';
import { z } from 'zod';
import { readFileIfPresent, replaceFileDurably, systemCode } from '../platform/durable-file.ts';

/** Orders whose end is remembered, for redelivery (SPEC CM6); older ones are covered by the counter. */
const REMEMBERED = 200;
/** Orders that may be under way at once. */
export const UNFINISHED = 16;

const JournalEntry = z.strictObject({
  orderId: Id,
  kind: z.enum(ORDER_KINDS),
  storyId: Id.optional(),
  quarantineId: Id.optional(),
  /** SHA-256 of the payload's bytes. */
  digest: Sha256,
  /** `begun`: the effect may or may not have happened; `finished`: `outcome` says what became of it. */
  state: z.enum(['begun', 'finished', 'reported']),
  startedAt: WallTime,
  /** Kept until it is reported. */
  outcome: ActionOutcome.optional(),
});
export type JournalEntry = z.infer<typeof JournalEntry>;

const TuningSet = z.strictObject({ version: z.number().int().min(0), list: RuleTunings });
export type TuningSet = z.infer<typeof TuningSet>;
const NO_TUNINGS: { endpoint: TuningSet; tenant: TuningSet } = {
  endpoint: { version: 0, list: [] },
  tenant: { version: 0, list: [] },
};

const JournalContent = z.strictObject({
  v: z.literal(1),
  /** Whose orders these are: a machine that is enrolled anew begins anew. */
  endpointId: z.string(),
  counter: z.number().int().min(0),
  /** The latest `issuedAt` of an accepted order: time was at least this (SPEC CM9). */
  issuedFloor: WallTime,
  /** How late it was when somebody last looked, by the time that settings end by (SPEC CM15). */
  seenAt: WallTime.default(0),
  policy: PolicyMode.optional(),
  exclusions: z.strictObject({ version: z.number().int().min(0), list: Exclusions }),
  /** Absent in the journals of agents that knew none. */
  tunings: z.strictObject({ endpoint: TuningSet, tenant: TuningSet }).default(NO_TUNINGS),
  entries: z.array(JournalEntry).max(REMEMBERED + UNFINISHED),
});
export type JournalContent = z.infer<typeof JournalContent>;

export type JournalUpdate = (content: JournalContent) => JournalContent;

/** What an endpoint remembers of its orders. One small file, since orders are rare and must be whole. */
export interface OrderJournal {
  content(): JournalContent;
  /** Durable when it returns true; on false nothing has changed, on disk or here. */
  update(change: JournalUpdate): boolean;
}

export type JournalResult =
  | { ok: true; journal: OrderJournal }
  | { ok: false; code: 'orders_damaged'; message: string };

/**
 * Opens the journal in `stateDir`. A damaged one is a failure and is not replaced: without its counter
 * every order of the past would be new again. Enrolling anew starts a new one.
 */
export function openOrderJournal(stateDir: string, endpointId: string): JournalResult {
  const path = join(stateDir, 'orders.json');
  const fresh: JournalContent = {
    v: 1,
    endpointId,
    counter: 0,
    issuedFloor: 0,
    seenAt: 0,
    exclusions: { version: 0, list: [] },
    tunings: NO_TUNINGS,
    entries: [],
  };
  let content = fresh;
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    const text = readFileIfPresent(path);
    if (text !== undefined) {
      const stored = JournalContent.parse(JSON.parse(text));
      if (stored.endpointId === endpointId) content = stored;
    }
  } catch (error) {
    const reason = systemCode(error) ?? 'not an order journal';
    return { ok: false, code: 'orders_damaged', message: `${path}: ${reason}` };
  }
  return {
    ok: true,
    journal: {
      content: () => content,
      update: (change) => {
        const next = change(content);
        const bounded = { ...next, entries: forgetOldest(next.entries) };
        try {
          replaceFileDurably(path, JSON.stringify(bounded));
        } catch (error) {
          if (systemCode(error) === undefined) throw error;
          return false;
        }
        content = bounded;
        return true;
      },
    },
  };
}

/** Orders under way are never forgotten. */
function forgetOldest(entries: readonly JournalEntry[]): JournalEntry[] {
  const reported = entries.filter((entry) => entry.state === 'reported');
  const forgotten = new Set(reported.slice(0, Math.max(0, reported.length - REMEMBERED)));
  return entries.filter((entry) => !forgotten.has(entry));
}
