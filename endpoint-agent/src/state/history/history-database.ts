import { openStore, type Statement, type Store } from '../../store/sqlite.ts';
import type { HistoryLane } from './block.ts';
import type { HistoryProcess } from './process-rows.ts';

const SCHEMA_VERSION = 1;
const PAGE_BYTES = 4_096;
const LEAST_LOG_PAGES = 250;
/** Rows deleted at once: a few milliseconds, and a small part of all. */
const BLOCKS_AT_ONCE = 50;
const PART_AT_ONCE = 20;
const PROCESSES_AT_ONCE = 2_000;

export interface NewBlock {
  readonly lane: HistoryLane;
  readonly fromTime: number;
  readonly toTime: number;
  readonly events: number;
  readonly data: Uint8Array;
}

/** The tables of the history and what is done to them. Throws what `storeFailure` understands. */
export class HistoryDatabase implements Disposable {
  readonly #store: Store;
  readonly #insertBlock: Statement;
  readonly #putProcess: Statement;
  readonly #endProcess: Statement;

  /**
   * `logBytes`: what the write-ahead log may take. Rows of processes lie all over the file: the longer the log,
   * the more of them share a page that is written once.
   */
  constructor(path: string, logBytes: number) {
    this.#store = openStore(path, 'shared', 'unchecked');
    try {
      createSchema(this.#store);
      const pages = Math.max(LEAST_LOG_PAGES, Math.floor(logBytes / PAGE_BYTES));
      this.#store.exec(`PRAGMA wal_autocheckpoint = ${pages}`);
      this.#insertBlock = this.#store.prepare(
        'INSERT INTO block (lane, from_time, to_time, events, size, data) VALUES (?, ?, ?, ?, ?, ?)',
      );
      // An exec under the same id replaces what ran; when the process began stays as it was first seen.
      this.#putProcess = this.#store.prepare(`INSERT INTO process VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (entity_id) DO UPDATE SET parent_id = coalesce(excluded.parent_id, parent_id),
          pid = coalesce(excluded.pid, pid), image = coalesce(excluded.image, image),
          command_line = coalesce(excluded.command_line, command_line), user = coalesce(excluded.user, user),
          started_at = min(coalesce(started_at, excluded.started_at), coalesce(excluded.started_at, started_at)),
          ended_at = coalesce(excluded.ended_at, ended_at)`);
      this.#endProcess = this.#store.prepare('UPDATE process SET ended_at = ? WHERE entity_id = ?');
    } catch (error) {
      this.#store[Symbol.dispose]();
      throw error;
    }
  }

  /** All or nothing. Survives the end of this process at once, a power loss within seconds. */
  write(blocks: readonly NewBlock[], processes: readonly HistoryProcess[], ended: ReadonlyMap<string, number>): void {
    this.#store.transaction('deferred', () => {
      for (const { lane, fromTime, toTime, events, data } of blocks) {
        this.#insertBlock.run(lane, fromTime, toTime, events, data.length, data);
      }
      for (const row of processes) {
        this.#putProcess.run(
          row.entityId,
          row.parentEntityId ?? null,
          row.pid ?? null,
          row.image ?? null,
          row.commandLine ?? null,
          row.user ?? null,
          row.startedAt ?? null,
          row.endedAt ?? null,
        );
      }
      for (const [entityId, time] of ended) this.#endProcess.run(time, entityId);
    });
  }

  /** Bytes in use: pages of the file without the free ones, which are used again. */
  usedBytes(): number {
    return (this.#pragma('page_count') - this.#pragma('freelist_count')) * this.#pragma('page_size');
  }

  laneBytes(lane: HistoryLane): number {
    return this.#number('SELECT coalesce(sum(size), 0) AS n FROM block WHERE lane = ?', lane);
  }

  /** Bytes of the table of processes with its indexes: what the blocks do not use. */
  processBytes(): number {
    return Math.max(0, this.usedBytes() - this.#number('SELECT coalesce(sum(size), 0) AS n FROM block'));
  }

  events(): number {
    return this.#number('SELECT coalesce(sum(events), 0) AS n FROM block');
  }

  processes(): number {
    return this.#number('SELECT count(*) AS n FROM process');
  }

  oldestAt(): number | undefined {
    const oldest = this.#store.prepare('SELECT min(from_time) AS n FROM block').get()?.['n'];
    return typeof oldest === 'number' ? oldest : undefined;
  }

  /** Deletes the oldest blocks, of one lane if given; returns how many. */
  dropOldest(lane?: HistoryLane): number {
    const which = lane === undefined ? '' : 'WHERE lane = ?';
    const values = lane === undefined ? [] : [lane];
    const blocks = this.#number(`SELECT count(*) AS n FROM block ${which}`, ...values);
    const limit = Math.min(BLOCKS_AT_ONCE, Math.ceil(blocks / PART_AT_ONCE));
    return this.#change(
      `DELETE FROM block WHERE id IN (SELECT id FROM block ${which} ORDER BY id LIMIT ${limit})`,
      ...values,
    );
  }

  /** Deletes some of what ended before this time; returns how much. */
  dropBefore(time: number): number {
    const blocks = this.#change(
      `DELETE FROM block WHERE id IN (SELECT id FROM block WHERE to_time < ? ORDER BY id LIMIT ${BLOCKS_AT_ONCE})`,
      time,
    );
    return (
      blocks +
      this.#change(
        `DELETE FROM process WHERE entity_id IN
          (SELECT entity_id FROM process WHERE ended_at < ? ORDER BY ended_at LIMIT ${PROCESSES_AT_ONCE})`,
        time,
      )
    );
  }

  /**
   * Deletes processes of the user who has most of them: those that ended longest ago; when all run still, those that
   * began first. Returns how many.
   */
  dropProcesses(): number {
    const most = this.#store.prepare('SELECT user FROM process GROUP BY user ORDER BY count(*) DESC LIMIT 1').get();
    const user = most?.['user'];
    return this.#change(
      `DELETE FROM process WHERE entity_id IN (SELECT entity_id FROM process WHERE user IS ?
        ORDER BY ended_at IS NULL, coalesce(ended_at, started_at) LIMIT ${PROCESSES_AT_ONCE})`,
      typeof user === 'string' ? user : null,
    );
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  #change(sql: string, ...values: (string | number | null)[]): number {
    return this.#store.transaction('deferred', () => this.#store.prepare(sql).run(...values));
  }

  #number(sql: string, ...values: string[]): number {
    return Number(this.#store.prepare(sql).get(...values)?.['n'] ?? 0);
  }

  #pragma(name: 'page_count' | 'freelist_count' | 'page_size'): number {
    return Number(this.#store.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
  }
}

const PROCESS_BY_USER = 'CREATE INDEX IF NOT EXISTS process_by_user ON process (user)';

function createSchema(store: Store): void {
  store.exec('PRAGMA cache_size = -512');
  const version = Number(store.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version === SCHEMA_VERSION) {
    // Histories from before there was this index are as good as others.
    store.exec(PROCESS_BY_USER);
    return;
  }
  // A version that this build does not know is set aside like damage, and kept.
  if (version !== 0) throw Object.assign(new Error(`history of version ${version}`), { errcode: 11 });
  store.transaction('durable', () => {
    store.exec(`
      CREATE TABLE block (id INTEGER PRIMARY KEY, lane TEXT NOT NULL, from_time INTEGER NOT NULL,
        to_time INTEGER NOT NULL, events INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
      CREATE INDEX block_by_lane ON block (lane, id, size);
      CREATE INDEX block_by_time ON block (to_time, from_time);
      CREATE TABLE process (entity_id TEXT PRIMARY KEY, parent_id TEXT, pid INTEGER, image TEXT, command_line TEXT,
        user TEXT, started_at INTEGER, ended_at INTEGER) WITHOUT ROWID, STRICT;
      CREATE INDEX process_by_parent ON process (parent_id) WHERE parent_id IS NOT NULL;
      CREATE INDEX process_by_end ON process (ended_at);
      CREATE INDEX process_by_pid ON process (pid);
      ${PROCESS_BY_USER};
      PRAGMA user_version = ${SCHEMA_VERSION};
    `);
  });
}
