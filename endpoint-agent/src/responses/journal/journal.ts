import { ActionOutcome, QuarantineItem } from '@yagura/protocol';
import { z } from 'zod';
import type { Row, Store } from '../../store/sqlite.ts';
import type { ActionContext } from '../responder.ts';
import { Plan } from './plan.ts';

type Origin = ActionContext['origin'];

/** An action whose intent is durable and whose outcome is not. */
export interface BegunAction {
  readonly context: ActionContext;
  readonly plan: Plan;
  readonly startedAt: number;
  /** Another boot's processes are gone whatever their pids say. */
  readonly bootId: string;
}

export interface JournalLimits {
  /** Finished actions and items that left the vault, by count and by age in milliseconds. */
  readonly maxActions: number;
  readonly maxItems: number;
  readonly maxAgeMs: number;
}

/**
 * What this machine has done to itself, on disk before it was done. Every method is durable when it returns
 * and throws what `storeFailure` understands.
 */
export interface Journal extends Disposable {
  /** The recorded outcome of a finished action. */
  outcome(actionId: string): ActionOutcome | undefined;
  begun(actionId: string): BegunAction | undefined;
  /** Every action that was begun and has no outcome, oldest first. */
  unfinished(): readonly BegunAction[];
  begin(action: BegunAction): void;
  /** Replaces the plan of a begun action. */
  advance(actionId: string, plan: Plan): void;
  /** Records the outcome, and what became of the quarantined file, in one transaction. */
  finish(outcome: ActionOutcome, plan: Plan, item?: QuarantineItem): void;
  item(quarantineId: string): QuarantineItem | undefined;
  /** Newest first. */
  items(): readonly QuarantineItem[];
  putItem(item: QuarantineItem): void;
  /** Plans of finished freezes and kills of one story, newest first. */
  treePlans(storyId: string): readonly Plan[];
  /** Outcomes that nobody is known to have stored, oldest first: of the command line, and those before a crash. */
  unreported(origins: readonly Origin[]): readonly ActionOutcome[];
  markReported(actionIds: readonly string[]): void;
  /** Drops what is past the limits, never what is unfinished or still in the vault. Returns the count. */
  prune(now: number): number;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS action (
  action_id TEXT PRIMARY KEY,
  story_id TEXT,
  boot_id TEXT NOT NULL,
  context TEXT NOT NULL,
  plan TEXT NOT NULL,
  outcome TEXT,
  origin TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  reported INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS action_story ON action (story_id, started_at);
CREATE INDEX IF NOT EXISTS action_ended ON action (ended_at);
CREATE TABLE IF NOT EXISTS item (
  quarantine_id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  quarantined_at INTEGER NOT NULL,
  item TEXT NOT NULL
) STRICT;
`;

const Context = z.strictObject({
  actionId: z.string(),
  origin: z.enum(['policy', 'order', 'local']),
  storyId: z.string().optional(),
  orderId: z.string().optional(),
});

export function createJournal(store: Store, limits: JournalLimits): Journal {
  store.exec(SCHEMA);
  const select = {
    outcome: store.prepare('SELECT outcome FROM action WHERE action_id = ? AND outcome IS NOT NULL'),
    begun: store.prepare('SELECT * FROM action WHERE action_id = ? AND outcome IS NULL'),
    unfinished: store.prepare('SELECT * FROM action WHERE outcome IS NULL ORDER BY started_at, rowid'),
    item: store.prepare('SELECT item FROM item WHERE quarantine_id = ?'),
    items: store.prepare('SELECT item FROM item ORDER BY quarantined_at DESC, rowid DESC'),
    treePlans: store.prepare(
      `SELECT plan FROM action WHERE story_id = ? AND outcome IS NOT NULL
       AND json_extract(plan, '$.kind') IN ('freeze-tree', 'kill-tree') ORDER BY started_at DESC LIMIT 16`,
    ),
    unreported: store.prepare(
      'SELECT outcome FROM action WHERE reported = 0 AND outcome IS NOT NULL AND origin = ? ORDER BY ended_at, rowid',
    ),
  };
  const begin = store.prepare(
    'INSERT OR REPLACE INTO action (action_id, story_id, boot_id, context, plan, origin, started_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const advance = store.prepare('UPDATE action SET plan = ? WHERE action_id = ? AND outcome IS NULL');
  const finish = store.prepare(
    'UPDATE action SET outcome = ?, plan = ?, ended_at = ? WHERE action_id = ? AND outcome IS NULL',
  );
  const putItem = store.prepare('INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?)');
  const mark = store.prepare('UPDATE action SET reported = 1 WHERE action_id = ?');
  const prune = {
    actionsByAge: store.prepare('DELETE FROM action WHERE outcome IS NOT NULL AND ended_at < ?'),
    actionsByCount: store.prepare(
      `DELETE FROM action WHERE outcome IS NOT NULL AND action_id IN
       (SELECT action_id FROM action WHERE outcome IS NOT NULL ORDER BY ended_at DESC, rowid DESC LIMIT -1 OFFSET ?)`,
    ),
    itemsByAge: store.prepare("DELETE FROM item WHERE state <> 'held' AND quarantined_at < ?"),
    itemsByCount: store.prepare(
      `DELETE FROM item WHERE quarantine_id IN
       (SELECT quarantine_id FROM item WHERE state <> 'held' ORDER BY quarantined_at DESC LIMIT -1 OFFSET ?)`,
    ),
  };
  const put = (item: QuarantineItem): void => {
    putItem.run(item.quarantineId, item.state, item.quarantinedAt, JSON.stringify(item));
  };

  return {
    outcome: (actionId) => parsed(ActionOutcome, select.outcome.get(actionId)?.['outcome']),
    begun: (actionId) => toBegun(select.begun.get(actionId)),
    unfinished: () => select.unfinished.all().flatMap((row) => toBegun(row) ?? []),
    begin: ({ context, plan, startedAt, bootId }) =>
      store.transaction('durable', () => {
        const { actionId, storyId = null, origin } = context;
        begin.run(actionId, storyId, bootId, JSON.stringify(context), JSON.stringify(plan), origin, startedAt);
      }),
    advance: (actionId, plan) =>
      store.transaction('durable', () => {
        advance.run(JSON.stringify(plan), actionId);
      }),
    finish: (outcome, plan, item) =>
      store.transaction('durable', () => {
        finish.run(JSON.stringify(outcome), JSON.stringify(plan), outcome.endedAt, outcome.actionId);
        if (item !== undefined) put(item);
      }),
    item: (quarantineId) => parsed(QuarantineItem, select.item.get(quarantineId)?.['item']),
    items: () => select.items.all().flatMap((row) => parsed(QuarantineItem, row['item']) ?? []),
    putItem: (item) => store.transaction('durable', () => put(item)),
    treePlans: (storyId) => select.treePlans.all(storyId).flatMap((row) => parsed(Plan, row['plan']) ?? []),
    unreported: (origins) =>
      origins.flatMap((origin) =>
        select.unreported.all(origin).flatMap((row) => parsed(ActionOutcome, row['outcome']) ?? []),
      ),
    markReported: (actionIds) =>
      store.transaction('deferred', () => {
        for (const actionId of actionIds) mark.run(actionId);
      }),
    prune: (now) =>
      store.transaction('deferred', () => {
        const before = now - limits.maxAgeMs;
        return (
          prune.actionsByAge.run(before) +
          prune.actionsByCount.run(limits.maxActions) +
          prune.itemsByAge.run(before) +
          prune.itemsByCount.run(limits.maxItems)
        );
      }),
    [Symbol.dispose]: () => store[Symbol.dispose](),
  };
}

function toBegun(row: Row | undefined): BegunAction | undefined {
  if (row === undefined) return undefined;
  const context = parsed(Context, row['context']);
  const plan = parsed(Plan, row['plan']);
  if (context === undefined || plan === undefined) return undefined;
  const { storyId, orderId, ...named } = context;
  return {
    context: { ...named, ...(storyId === undefined ? {} : { storyId }), ...(orderId === undefined ? {} : { orderId }) },
    plan,
    startedAt: Number(row['started_at']),
    bootId: String(row['boot_id']),
  };
}

/** A row that no longer says what it should (another version's, a damaged page) is as good as none. */
function parsed<Schema extends z.ZodType>(schema: Schema, text: unknown): z.infer<Schema> | undefined {
  if (typeof text !== 'string') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}
