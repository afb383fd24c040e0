import { type Item, type ItemBody, LANES, type Lane } from '@yagura/protocol';
import { type Durability, type Row, type Statement, type Store, textOf } from '../store/sqlite.ts';
import { ROW_OVERHEAD } from './limits.ts';

const SCHEMA_VERSION = 1;

/** A row to be written; `subject` and `revision` say what a newer row may replace (SP6). */
export interface NewRow {
  readonly sequence: number;
  readonly lane: Lane;
  readonly type: ItemBody['type'];
  readonly spooledAt: number;
  readonly json: string;
  readonly subject?: string;
  readonly revision?: number;
  /** Order of shedding among alerts: the lowest goes first. Of telemetry, a number for the user whose it is. */
  readonly weight: number;
  /** Alerts with the same signature say the same (SP4). */
  readonly signature?: string;
}

export interface RowKey {
  readonly sequence: number;
  readonly lane: Lane;
  readonly size: number;
  readonly spooledAt: number;
}

export interface TelemetryOwner {
  readonly owner: number;
  readonly rows: number;
  readonly bytes: number;
}

export type LaneTotals = Record<Lane, { rows: number; bytes: number }>;

/**
 * The spool's tables. Methods that write must run inside `transaction`; the totals follow the tables and
 * are put back when a transaction fails.
 */
export class ItemStore {
  readonly epoch: string;
  readonly #store: Store;
  readonly #statements: ReturnType<typeof prepare>;
  #totals: LaneTotals;
  #lastSequence: number;

  /** Creates the tables when there are none, with `newEpoch`. Throws what `storeFailure` understands. */
  constructor(store: Store, newEpoch: () => string) {
    this.#store = store;
    createSchema(store, newEpoch);
    this.#statements = prepare(store);
    const meta = store.prepare('SELECT epoch, last_sequence FROM meta').get();
    if (meta === undefined) throw Object.assign(new Error('spool without epoch'), { errcode: 11 });
    this.epoch = textOf(meta, 'epoch');
    this.#lastSequence = Number(meta['last_sequence']);
    this.#totals = readTotals(store);
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  get totals(): Readonly<LaneTotals> {
    return this.#totals;
  }

  transaction<Result>(durability: Durability, work: () => Result): Result {
    const totals = structuredClone(this.#totals);
    const lastSequence = this.#lastSequence;
    try {
      return this.#store.transaction(durability, () => {
        const result = work();
        if (this.#lastSequence !== lastSequence) this.#statements.setSequence.run(this.#lastSequence);
        return result;
      });
    } catch (error) {
      this.#totals = totals;
      this.#lastSequence = lastSequence;
      throw error;
    }
  }

  /** Makes every commit so far durable. */
  sync(): void {
    this.#store.sync();
  }

  nextSequence(): number {
    this.#lastSequence += 1;
    return this.#lastSequence;
  }

  insert(row: NewRow): void {
    const size = Buffer.byteLength(row.json) + ROW_OVERHEAD;
    const lane = LANES.indexOf(row.lane);
    this.#statements.insert.run(
      row.sequence,
      lane,
      row.type,
      row.spooledAt,
      size,
      row.subject ?? null,
      row.revision ?? null,
      row.weight,
      row.signature ?? null,
      row.json,
    );
    this.#count(row.lane, 1, size);
  }

  /** Removes older rows of the subject, those without revision as well; returns how many. */
  removeOlder(subject: string, revision: number | undefined): number {
    const older = this.#statements.older.all(subject, revision ?? Number.MAX_SAFE_INTEGER).map(toKey);
    this.remove(older);
    return older.length;
  }

  remove(keys: readonly RowKey[]): void {
    for (const key of keys) {
      if (this.#statements.remove.run(key.sequence) === 1) this.#count(key.lane, -1, -key.size);
    }
  }

  removeRange(from: number, to: number): void {
    this.remove(this.#statements.range.all(from, to).map(toKey));
  }

  find(sequence: number): RowKey | undefined {
    const row = this.#statements.range.get(sequence, sequence);
    return row === undefined ? undefined : toKey(row);
  }

  /** Oldest first. */
  *keys(lane: Lane): IterableIterator<RowKey> {
    for (const row of this.#statements.lane.iterate(LANES.indexOf(lane))) yield toKey(row);
  }

  /** What each user has of the telemetry. */
  telemetryOwners(): TelemetryOwner[] {
    return this.#statements.owners.all().map((row) => ({
      owner: Number(row['weight']),
      rows: Number(row['rows']),
      bytes: Number(row['bytes']),
    }));
  }

  /** One user's telemetry, oldest first. */
  *telemetryOf(owner: number): IterableIterator<RowKey> {
    for (const row of this.#statements.owned.iterate(owner)) yield toKey(row);
  }

  /** Alerts that repeat a newer one's signature, oldest first. */
  repeatedAlerts(): RowKey[] {
    return this.#statements.repeated.all().map(toKey);
  }

  /** Alerts but for gaps, weakest and oldest first. */
  *weakestAlerts(): IterableIterator<RowKey> {
    for (const row of this.#statements.weakest.iterate()) yield toKey(row);
  }

  /** The item as it is sent; undefined when its row is gone or cannot be read. */
  read(key: RowKey): Item | undefined {
    const row = this.#statements.body.get(key.sequence);
    if (row === undefined) return undefined;
    try {
      const body = JSON.parse(textOf(row, 'body')) as Item['body'];
      return { sequence: key.sequence, spooledAt: key.spooledAt, body };
    } catch {
      return undefined;
    }
  }

  /** Moves an item aside, keeping at most `bound` such rows. */
  setAside(key: RowKey, code: string, at: number, bound: number): void {
    this.#statements.setAside.run(code, at, key.sequence);
    this.remove([key]);
    this.#statements.trimSetAside.run(bound);
  }

  setAsideCount(): number {
    return Number(this.#statements.countSetAside.get()?.['n'] ?? 0);
  }

  #count(lane: Lane, rows: number, bytes: number): void {
    this.#totals[lane].rows += rows;
    this.#totals[lane].bytes += bytes;
  }
}

function toKey(row: Row): RowKey {
  const lane = LANES[Number(row['lane'])];
  if (lane === undefined) throw Object.assign(new Error('spool row of unknown lane'), { errcode: 11 });
  return { sequence: Number(row['sequence']), lane, size: Number(row['size']), spooledAt: Number(row['spooled_at']) };
}

const ITEM_BY_OWNER =
  'CREATE INDEX IF NOT EXISTS item_owner ON item (lane, weight, sequence, size, spooled_at) WHERE lane = 2';

function createSchema(store: Store, newEpoch: () => string): void {
  const version = Number(store.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version === SCHEMA_VERSION) {
    // Spools from before there was this index are as good as others.
    store.exec(ITEM_BY_OWNER);
    return;
  }
  // A version that this build does not know is set aside like damage, and kept.
  if (version !== 0) throw Object.assign(new Error(`spool of version ${version}`), { errcode: 11 });
  store.transaction('durable', () => {
    store.exec(`
      CREATE TABLE meta (epoch TEXT NOT NULL, last_sequence INTEGER NOT NULL);
      CREATE TABLE item (
        sequence INTEGER PRIMARY KEY, lane INTEGER NOT NULL, type TEXT NOT NULL, spooled_at INTEGER NOT NULL,
        size INTEGER NOT NULL, subject TEXT, revision INTEGER, weight INTEGER NOT NULL, signature TEXT,
        body TEXT NOT NULL
      );
      CREATE INDEX item_lane ON item (lane, sequence, size, spooled_at);
      CREATE INDEX item_subject ON item (subject) WHERE subject IS NOT NULL;
      CREATE INDEX item_signature ON item (signature, sequence) WHERE signature IS NOT NULL;
      ${ITEM_BY_OWNER};
      CREATE TABLE set_aside (sequence INTEGER PRIMARY KEY, code TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL);
      PRAGMA user_version = ${SCHEMA_VERSION};
    `);
    store.prepare('INSERT INTO meta VALUES (?, 0)').run(newEpoch());
  });
}

function readTotals(store: Store): LaneTotals {
  const totals: LaneTotals = {
    alerts: { rows: 0, bytes: 0 },
    detail: { rows: 0, bytes: 0 },
    telemetry: { rows: 0, bytes: 0 },
  };
  for (const row of store.prepare('SELECT lane, count(*) AS rows, sum(size) AS bytes FROM item GROUP BY lane').all()) {
    const lane = LANES[Number(row['lane'])];
    if (lane !== undefined) totals[lane] = { rows: Number(row['rows']), bytes: Number(row['bytes']) };
  }
  return totals;
}

function prepare(
  store: Store,
): Record<
  | 'setSequence'
  | 'insert'
  | 'older'
  | 'remove'
  | 'range'
  | 'lane'
  | 'owners'
  | 'owned'
  | 'repeated'
  | 'weakest'
  | 'body'
  | 'setAside'
  | 'trimSetAside'
  | 'countSetAside',
  Statement
> {
  const key = 'sequence, lane, size, spooled_at';
  return {
    setSequence: store.prepare('UPDATE meta SET last_sequence = ?'),
    insert: store.prepare('INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    older: store.prepare(`SELECT ${key} FROM item WHERE subject = ? AND coalesce(revision, 0) < ?`),
    remove: store.prepare('DELETE FROM item WHERE sequence = ?'),
    range: store.prepare(`SELECT ${key} FROM item WHERE sequence BETWEEN ? AND ?`),
    lane: store.prepare(`SELECT ${key} FROM item WHERE lane = ? ORDER BY sequence`),
    owners: store.prepare(
      'SELECT weight, count(*) AS rows, sum(size) AS bytes FROM item INDEXED BY item_owner WHERE lane = 2 GROUP BY weight',
    ),
    owned: store.prepare(
      `SELECT ${key} FROM item INDEXED BY item_owner WHERE lane = 2 AND weight = ? ORDER BY sequence`,
    ),
    repeated: store.prepare(
      `SELECT ${key} FROM item AS old WHERE lane = 0 AND signature IS NOT NULL AND EXISTS
         (SELECT 1 FROM item AS new WHERE new.signature = old.signature AND new.sequence > old.sequence)
       ORDER BY sequence`,
    ),
    weakest: store.prepare(`SELECT ${key} FROM item WHERE lane = 0 AND type <> 'gap' ORDER BY weight, sequence`),
    body: store.prepare('SELECT body FROM item WHERE sequence = ?'),
    setAside: store.prepare(
      'INSERT OR REPLACE INTO set_aside SELECT sequence, ?, ?, body FROM item WHERE sequence = ?',
    ),
    trimSetAside: store.prepare(
      'DELETE FROM set_aside WHERE sequence NOT IN (SELECT sequence FROM set_aside ORDER BY at DESC, sequence DESC LIMIT ?)',
    ),
    countSetAside: store.prepare('SELECT count(*) AS n FROM set_aside'),
  };
}
