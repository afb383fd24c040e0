import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';

/** What went wrong in the database, as far as callers can do something about it. */
export type StoreFailure = 'locked' | 'damaged' | 'disk_full' | 'io_error';

/** Primary result codes of sqlite3.h. Extended codes carry them in the low byte. */
const FAILURES: Readonly<Record<number, StoreFailure>> = {
  5: 'locked',
  6: 'locked',
  8: 'io_error', // SQLITE_READONLY
  10: 'io_error', // SQLITE_IOERR
  11: 'damaged', // SQLITE_CORRUPT
  13: 'disk_full', // SQLITE_FULL
  14: 'io_error', // SQLITE_CANTOPEN
  26: 'damaged', // SQLITE_NOTADB
};

/** Classifies an error that a `Store` threw; undefined for a bug (bad SQL, bad values). */
export function storeFailure(error: unknown): StoreFailure | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return FAILURES[error.errcode & 0xff];
}

export type Row = Record<string, SQLOutputValue>;

/** A column that the schema declares as text; anything else is damage. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw damaged(`${column} is no text`);
  return value;
}

export interface Statement {
  run(...values: SQLInputValue[]): number;
  get(...values: SQLInputValue[]): Row | undefined;
  all(...values: SQLInputValue[]): Row[];
  iterate(...values: SQLInputValue[]): IterableIterator<Row>;
}

/** `durable`: on disk when the call returns. `deferred`: survives a crash of the process, not of the machine. */
export type Durability = 'durable' | 'deferred';

/** `exclusive`: one process at a time. `shared`: several; a writer waits up to two seconds for another. */
export type Access = 'exclusive' | 'shared';

/** `unchecked`: damage shows when it is met. For files so large that reading them whole would delay the start. */
export type Check = 'checked' | 'unchecked';

/**
 * The agent's only use of SQLite: one file, WAL. A deferred commit becomes durable with the next durable one.
 */
export interface Store extends Disposable {
  prepare(sql: string): Statement;
  exec(sql: string): void;
  /** Runs `work` in a transaction; whatever it throws rolls back and is thrown on. */
  transaction<Result>(durability: Durability, work: () => Result): Result;
  /** Makes every commit so far durable. Needs no space on the disk. */
  sync(): void;
  /** Empties the write-ahead log into the database, so that it is written from its start again. Never throws. */
  reclaim(): void;
}

/**
 * Opens `path` (`:memory:` for none). Throws errors that `storeFailure` understands: `locked` when another
 * process has it, `damaged` when it is no database or fails its check.
 */
export function openStore(path: string, access: Access = 'exclusive', check: Check = 'checked'): Store {
  const database = new DatabaseSync(path, { timeout: access === 'shared' ? 2_000 : 0, allowExtension: false });
  try {
    if (access === 'exclusive') database.exec('PRAGMA locking_mode=EXCLUSIVE');
    database.exec('PRAGMA journal_mode=WAL');
    database.exec('PRAGMA fullfsync=1');
    // A log of 1 MiB: when the disk is full it must not have taken all the room that is left.
    database.exec('PRAGMA wal_autocheckpoint=250');
    database.exec('PRAGMA trusted_schema=0');
    const found = check === 'checked' ? database.prepare('PRAGMA quick_check(1)').get() : undefined;
    if (found && found['quick_check'] !== 'ok') throw damaged(String(found['quick_check']));
    // The exclusive lock is taken by the first write, not by opening.
    database.exec('BEGIN IMMEDIATE; COMMIT');
  } catch (error) {
    database.close();
    throw error;
  }

  let level: Durability | undefined;
  const setLevel = (durability: Durability): void => {
    if (level === durability) return;
    database.exec(durability === 'durable' ? 'PRAGMA synchronous=FULL' : 'PRAGMA synchronous=NORMAL');
    level = durability;
  };

  return {
    prepare: (sql) => wrap(database.prepare(sql)),
    exec: (sql) => database.exec(sql),
    transaction: (durability, work) => {
      setLevel(durability);
      database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        database.exec('COMMIT');
        return result;
      } catch (error) {
        // A failed COMMIT or a full disk may have rolled back already.
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    },
    sync: () => syncFile(`${path}-wal`),
    reclaim: () => {
      try {
        database.exec('PRAGMA wal_checkpoint(RESTART)');
      } catch (error) {
        if (storeFailure(error) === undefined) throw error;
      }
    },
    [Symbol.dispose]: () => {
      if (database.isOpen) database.close();
    },
  };
}

/** A database that is only read: the agent's own from beside it, or one of another program. */
export interface ReadableStore extends Disposable {
  prepare(sql: string): Pick<Statement, 'get' | 'all' | 'iterate'>;
}

/** Opens `path` for reading alone, waiting up to two seconds for a writer. Throws what `storeFailure` understands. */
export function openForReading(path: string): ReadableStore {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 2_000, allowExtension: false });
  try {
    database.exec('PRAGMA trusted_schema=0');
    database.exec('PRAGMA query_only=1');
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    prepare: (sql) => wrap(database.prepare(sql)),
    [Symbol.dispose]: () => database.close(),
  };
}

function wrap(statement: StatementSync): Statement {
  return {
    run: (...values) => Number(statement.run(...values).changes),
    get: (...values) => statement.get(...values),
    all: (...values) => statement.all(...values),
    iterate: (...values) => statement.iterate(...values),
  };
}

/**
 * The log is what a deferred commit left unsynced. SQLite itself could be made to sync only by writing, which
 * a full disk refuses. (Its locks are on the database file: closing a descriptor of the log loses none.)
 */
function syncFile(path: string): void {
  if (!existsSync(path)) return;
  const descriptor = openSync(path, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function damaged(message: string): Error {
  return Object.assign(new Error(`database damaged: ${message}`), { errcode: 11 });
}
