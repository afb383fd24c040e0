import { AsyncLocalStorage } from 'node:async_hooks';
import { chmod, chown, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely, sql } from 'kysely';
import { StoreError } from './errors.ts';
import { migrate } from './migrations/migrate.ts';
import type { Tables } from './schema.ts';
import { createSqliteDialect } from './sqlite/driver.ts';

/** One transaction on the only writer. */
export interface Tx {
  readonly db: Kysely<Tables>;
  /** Runs `effect` once the transaction is on the disk, in the order of the calls; never after a rollback. */
  afterCommit(effect: () => void): void;
}

/**
 * The console's database. Every query names the tenant; `write` is the only way to change anything.
 * Both throw `StoreError` when the database itself fails.
 */
export interface Store {
  /** A consistent view as of the last commit; sees nothing of a running transaction. */
  readonly read: Kysely<Tables>;
  /**
   * Runs `work` as one transaction: committed and synced when it resolves, rolled back when it throws.
   * Transactions run one after another, in order of arrival. Calling it inside itself throws.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface StoreOptions {
  readonly path: string;
  readonly now: () => number;
  /** Told about effects that threw after their transaction was committed. */
  readonly onEffectError: (error: unknown) => void;
  readonly readers?: number;
}

const MAX_WAITING = 10_000;
/** Up to this size the whole file is checked at start; a larger one would delay the start by seconds. */
const FULL_CHECK_BYTES = 128 * 1024 * 1024;

/**
 * Opens the database, checks that it is one, and brings it to this version's schema.
 * Throws `StoreError` (`database_damaged`, `database_newer`, `database_unreachable` ...).
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  await createPrivateFile(options.path);
  const writer = new Kysely<Tables>({
    dialect: createSqliteDialect({ path: options.path, mode: 'write', size: 1, maxWaiting: MAX_WAITING }),
  });
  try {
    await checkIntegrity(writer, options.path);
    await migrate(writer, options.now);
  } catch (error) {
    await writer.destroy();
    throw error;
  }
  const read = new Kysely<Tables>({
    dialect: createSqliteDialect({
      path: options.path,
      mode: 'read',
      size: options.readers ?? 2,
      maxWaiting: MAX_WAITING,
    }),
  });
  const inside = new AsyncLocalStorage<true>();

  return {
    read,
    async write(work) {
      if (inside.getStore()) throw new Error('store.write inside store.write would wait for itself');
      const effects: (() => void)[] = [];
      const result = await inside.run(true, () =>
        writer.transaction().execute((db) => work({ db, afterCommit: (effect) => effects.push(effect) })),
      );
      for (const effect of effects) {
        try {
          effect();
        } catch (error) {
          options.onEffectError(error);
        }
      }
      return result;
    },
    async close() {
      await read.destroy();
      await writer.destroy();
    },
  };
}

/** SQLite gives its -wal and -shm files the mode of the database: only the console's user reads them. */
async function createPrivateFile(path: string): Promise<void> {
  try {
    const file = await open(path, 'a', 0o600);
    await file.close();
    if (process.platform !== 'win32') await chmod(path, 0o600);
    // The command line may run as root beside a console that does not: the file is the directory owner's.
    if (process.getuid?.() === 0) {
      const owner = await stat(dirname(path));
      await chown(path, owner.uid, owner.gid);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'ENOSPC') throw new StoreError('database_full', `no space left for ${path}`, { cause: error });
    throw new StoreError('database_unreachable', `${path} cannot be opened (${code})`, { cause: error });
  }
}

async function checkIntegrity(db: Kysely<Tables>, path: string): Promise<void> {
  const { size } = await stat(path);
  const check = size <= FULL_CHECK_BYTES ? sql<CheckRow>`PRAGMA quick_check(1)` : sql<CheckRow>`PRAGMA schema_version`;
  const { rows } = await check.execute(db);
  const finding = rows[0]?.quick_check;
  if (finding !== undefined && finding !== 'ok') {
    throw new StoreError('database_damaged', `the database file is damaged: ${finding.slice(0, 200)}`);
  }
}

interface CheckRow {
  readonly quick_check?: string;
}
