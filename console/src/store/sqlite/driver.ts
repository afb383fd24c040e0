import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import sqlite3 from 'sqlite3';
import { StoreError } from '../errors.ts';

/**
 * The only file that knows `sqlite3` (N-API; each call runs on libuv's pool, off the event loop), as a
 * dialect for Kysely. A pool holds `size` connections; who acquires one has it alone until it is released,
 * so that the statements of two transactions never interleave on a connection.
 */
export interface SqlitePoolOptions {
  readonly path: string;
  readonly mode: 'write' | 'read';
  readonly size: number;
  /** How many may wait for a connection; beyond that they are refused with `database_busy`. */
  readonly maxWaiting: number;
}

/** Prepared statements kept per connection, the least recently used goes first. */
const MAX_PREPARED = 256;
const BUSY_TIMEOUT_MS = 5_000;

export function createSqliteDialect(options: SqlitePoolOptions): Dialect {
  return {
    createDriver: () => new SqlitePool(options),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
  };
}

class SqlitePool implements Driver {
  readonly #options: SqlitePoolOptions;
  readonly #idle: SqliteConnection[] = [];
  readonly #all: SqliteConnection[] = [];
  readonly #waiting: ((connection: SqliteConnection) => void)[] = [];

  constructor(options: SqlitePoolOptions) {
    this.#options = options;
  }

  async init(): Promise<void> {
    for (let index = 0; index < this.#options.size; index += 1) {
      const connection = await SqliteConnection.open(this.#options.path, this.#options.mode);
      this.#all.push(connection);
      this.#idle.push(connection);
    }
  }

  acquireConnection(): Promise<SqliteConnection> {
    const connection = this.#idle.pop();
    if (connection) return Promise.resolve(connection);
    if (this.#waiting.length >= this.#options.maxWaiting) {
      return Promise.reject(new StoreError('database_busy', 'too many operations wait for the database'));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  releaseConnection(connection: DatabaseConnection): Promise<void> {
    const released = asSqlite(connection);
    const next = this.#waiting.shift();
    if (next) next(released);
    else this.#idle.push(released);
    return Promise.resolve();
  }

  /** IMMEDIATE: a writer takes its lock at once instead of failing in the middle. */
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await asSqlite(connection).execute(this.#options.mode === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN');
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await asSqlite(connection).execute('COMMIT');
  }

  /** SQLite has already rolled back by itself after some failures, a full disk among them. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await asSqlite(connection).execute('ROLLBACK');
    } catch (error) {
      if (!/no transaction is active/.test(String(error))) throw error;
    }
  }

  async destroy(): Promise<void> {
    for (const connection of this.#all.splice(0)) await connection.close();
    this.#idle.length = 0;
  }
}

function asSqlite(connection: DatabaseConnection): SqliteConnection {
  if (connection instanceof SqliteConnection) return connection;
  throw new TypeError('connection of another driver');
}

class SqliteConnection implements DatabaseConnection {
  readonly #db: sqlite3.Database;
  readonly #prepared = new Map<string, sqlite3.Statement>();

  constructor(db: sqlite3.Database) {
    this.#db = db;
  }

  static async open(path: string, mode: 'write' | 'read'): Promise<SqliteConnection> {
    const db = await new Promise<sqlite3.Database>((resolve, reject) => {
      const flags = sqlite3.OPEN_READWRITE | sqlite3.OPEN_FULLMUTEX | (mode === 'write' ? sqlite3.OPEN_CREATE : 0);
      const opened = new sqlite3.Database(path, flags, (error) => (error ? reject(translate(error)) : resolve(opened)));
    });
    const connection = new SqliteConnection(db);
    try {
      await connection.execute(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      if (mode === 'write') {
        await connection.execute('PRAGMA journal_mode = WAL');
        // FULL: a commit has reached the disk before it is acknowledged (SPEC UP3).
        await connection.execute('PRAGMA synchronous = FULL');
      } else {
        await connection.execute('PRAGMA query_only = ON');
      }
      await connection.execute('PRAGMA foreign_keys = ON');
      await connection.execute('PRAGMA trusted_schema = OFF');
    } catch (error) {
      await connection.close();
      throw error;
    }
    return connection;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const statement = await this.#prepare(query.sql);
    const kind = query.query.kind;
    const returnsRows = kind === 'SelectQueryNode' || kind === 'RawNode' || 'returning' in query.query;
    return new Promise((resolve, reject) => {
      if (returnsRows) {
        statement.all(query.parameters, (error: Error | null, rows: R[]) =>
          error ? reject(translate(error)) : resolve({ rows }),
        );
        return;
      }
      statement.run(query.parameters, function finished(this: sqlite3.RunResult, error: Error | null) {
        if (error) reject(translate(error));
        else resolve({ rows: [], numAffectedRows: BigInt(this.changes), insertId: BigInt(this.lastID) });
      });
    });
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not offered: pages are bounded instead');
  }

  /** Runs one statement without parameters or rows. */
  execute(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#db.exec(sql, (error) => (error ? reject(translate(error)) : resolve()));
    });
  }

  async close(): Promise<void> {
    for (const statement of this.#prepared.values()) {
      await new Promise<void>((resolve) => statement.finalize(() => resolve()));
    }
    this.#prepared.clear();
    await new Promise<void>((resolve, reject) => {
      this.#db.close((error) => (error ? reject(translate(error)) : resolve()));
    });
  }

  async #prepare(sql: string): Promise<sqlite3.Statement> {
    const known = this.#prepared.get(sql);
    if (known) {
      this.#prepared.delete(sql);
      this.#prepared.set(sql, known);
      return known;
    }
    const statement = await new Promise<sqlite3.Statement>((resolve, reject) => {
      const prepared = this.#db.prepare(sql, (error) => (error ? reject(translate(error)) : resolve(prepared)));
    });
    this.#prepared.set(sql, statement);
    if (this.#prepared.size > MAX_PREPARED) {
      const [oldest] = this.#prepared.entries();
      if (oldest) {
        this.#prepared.delete(oldest[0]);
        oldest[1].finalize();
      }
    }
    return statement;
  }
}

/** SQLite's result codes that the outside world causes, as the store's stable codes. */
function translate(error: Error): Error {
  const code = 'code' in error ? error.code : undefined;
  switch (code) {
    case 'SQLITE_NOTADB':
    case 'SQLITE_CORRUPT':
      return new StoreError('database_damaged', 'the database file is damaged or is not a database', { cause: error });
    case 'SQLITE_FULL':
      return new StoreError('database_full', 'the disk that holds the database is full', { cause: error });
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return new StoreError('database_busy', 'another process holds the database', { cause: error });
    case 'SQLITE_CANTOPEN':
    case 'SQLITE_IOERR':
      return new StoreError('database_unreachable', 'the database file cannot be opened or read', { cause: error });
    case 'SQLITE_READONLY':
      return new StoreError('database_read_only', 'the database file cannot be written', { cause: error });
    default:
      return error;
  }
}
