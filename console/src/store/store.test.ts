import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SCHEMA_VERSION } from './migrations/migrate.ts';
import { openStore, type Store } from './store.ts';

let directory: string;
let store: Store | undefined;
const effectErrors: unknown[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'yagura-store-'));
  effectErrors.length = 0;
});
afterEach(async () => {
  await store?.close();
  store = undefined;
  await rm(directory, { recursive: true, force: true });
});

async function open(): Promise<Store> {
  store = await openStore({
    path: join(directory, 'console.db'),
    now: () => 1_000,
    onEffectError: (error) => effectErrors.push(error),
  });
  return store;
}

const tenant = (id: string) => ({ tenant_id: id, name: id, created_at: 1 });
const names = async (opened: Store) =>
  (await opened.read.selectFrom('tenants').select('tenant_id').orderBy('tenant_id').execute()).map(
    (row) => row.tenant_id,
  );

describe('transactions', () => {
  test('run one after another even when they wait in the middle', async () => {
    const opened = await open();
    const order: string[] = [];
    const slow = opened.write(async ({ db }) => {
      order.push('slow begins');
      await db.insertInto('tenants').values(tenant('a')).execute();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await db.insertInto('tenants').values(tenant('b')).execute();
      order.push('slow ends');
    });
    const quick = opened.write(async ({ db }) => {
      order.push('quick begins');
      await db.insertInto('tenants').values(tenant('c')).execute();
    });
    await Promise.all([slow, quick]);
    expect(order).toEqual(['slow begins', 'slow ends', 'quick begins']);
    expect(await names(opened)).toEqual(['a', 'b', 'c']);
  });

  test('leave nothing behind when they throw, and their effects do not run', async () => {
    const opened = await open();
    let effects = 0;
    await expect(
      opened.write(async (tx) => {
        tx.afterCommit(() => (effects += 1));
        await tx.db.insertInto('tenants').values(tenant('a')).execute();
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect(await names(opened)).toEqual([]);
    expect(effects).toBe(0);
  });

  test('are visible to readers only after the commit, and before the effects run', async () => {
    const opened = await open();
    let seen: Promise<string[]> | undefined;
    await opened.write(async (tx) => {
      await tx.db.insertInto('tenants').values(tenant('a')).execute();
      expect(await names(opened)).toEqual([]);
      tx.afterCommit(() => {
        seen = names(opened);
      });
    });
    expect(await seen).toEqual(['a']);
  });

  test('an effect that throws is reported and the transaction stays', async () => {
    const opened = await open();
    await opened.write(async (tx) => {
      tx.afterCommit(() => {
        throw new Error('subscriber');
      });
      await tx.db.insertInto('tenants').values(tenant('a')).execute();
    });
    expect(effectErrors).toHaveLength(1);
    expect(await names(opened)).toEqual(['a']);
  });

  test('a write inside a write is refused instead of waiting for itself', async () => {
    const opened = await open();
    await expect(opened.write(() => opened.write(async () => undefined))).rejects.toThrow('wait for itself');
    expect(await names(opened)).toEqual([]);
  });

  test('readers cannot write', async () => {
    const opened = await open();
    await expect(opened.read.insertInto('tenants').values(tenant('a')).execute()).rejects.toThrow(
      /readonly|read-only|cannot be written/,
    );
  });

  test('a full disk is `database_full`, and the next transaction works once there is room', async () => {
    const opened = await open();
    await opened.write(async ({ db }) => {
      await sql`PRAGMA max_page_count = 100`.execute(db);
    });
    await opened.write(async ({ db }) => {
      await db.insertInto('tenants').values(tenant('before')).execute();
    });
    await expect(
      opened.write(async ({ db }) => {
        await db
          .insertInto('tenants')
          .values({ ...tenant('big'), name: 'x'.repeat(1_000_000) })
          .execute();
      }),
    ).rejects.toMatchObject({ code: 'database_full' });
    expect(await names(opened)).toEqual(['before']);
    await opened.write(async ({ db }) => {
      await sql`PRAGMA max_page_count = 100000`.execute(db);
      await db.insertInto('tenants').values(tenant('after')).execute();
    });
    expect(await names(opened)).toEqual(['after', 'before']);
  });
});

describe('opening', () => {
  test('is repeatable and private to the user', async () => {
    await (await open()).close();
    const opened = await open();
    const { rows } = await sql<{ version: number }>`SELECT version FROM schema_migrations`.execute(opened.read);
    expect(rows.map((row) => row.version)).toEqual(Array.from({ length: SCHEMA_VERSION }, (_, index) => index + 1));
    if (process.platform !== 'win32') {
      expect((await stat(join(directory, 'console.db'))).mode & 0o077).toBe(0);
      expect((await stat(join(directory, 'console.db-wal'))).mode & 0o077).toBe(0);
    }
  });

  test('uses WAL, full sync and foreign keys', async () => {
    const opened = await open();
    const settings = await opened.write(async ({ db }) => ({
      ...(await sql<{ journal_mode: string }>`PRAGMA journal_mode`.execute(db)).rows[0],
      ...(await sql<{ synchronous: number }>`PRAGMA synchronous`.execute(db)).rows[0],
      ...(await sql<{ foreign_keys: number }>`PRAGMA foreign_keys`.execute(db)).rows[0],
    }));
    expect(settings).toEqual({ journal_mode: 'wal', synchronous: 2, foreign_keys: 1 });
  });

  test('a file that is not a database is `database_damaged`', async () => {
    await writeFile(join(directory, 'console.db'), 'this is no database\n'.repeat(1_000));
    await expect(open()).rejects.toMatchObject({ code: 'database_damaged' });
  });

  test('a database with overwritten pages is `database_damaged`', async () => {
    const path = join(directory, 'console.db');
    await (await open()).close();
    const { size } = await stat(path);
    const { open: openFile } = await import('node:fs/promises');
    const file = await openFile(path, 'r+');
    await file.write(Buffer.alloc(size - 4_096, 0xa5), 0, size - 4_096, 4_096);
    await file.close();
    await expect(open()).rejects.toMatchObject({ code: 'database_damaged' });
  });

  test('a database of a newer console is refused', async () => {
    const opened = await open();
    await opened.write(async ({ db }) => {
      await sql`INSERT INTO schema_migrations (version, name, applied_at) VALUES (99, 'future', 1)`.execute(db);
    });
    await opened.close();
    await expect(open()).rejects.toMatchObject({ code: 'database_newer' });
  });

  test('a directory that does not exist is `database_unreachable`', async () => {
    await expect(
      openStore({ path: join(directory, 'none', 'x.db'), now: () => 1, onEffectError: () => undefined }),
    ).rejects.toMatchObject({ code: 'database_unreachable' });
  });
});

test('every table carries the tenant', async () => {
  const opened = await open();
  const { rows } = await sql<{ name: string }>`SELECT name FROM sqlite_schema WHERE type = 'table'`.execute(
    opened.read,
  );
  const tables = rows.map((row) => row.name).filter((name) => name !== 'schema_migrations');
  expect(tables.length).toBeGreaterThan(15);
  for (const table of tables) {
    const columns = await sql<{ name: string }>`SELECT name FROM pragma_table_info(${table})`.execute(opened.read);
    expect(
      columns.rows.map((column) => column.name),
      table,
    ).toContain('tenant_id');
  }
});
