import { type Kysely, sql } from 'kysely';
import { StoreError } from '../errors.ts';
import { firstSchema } from './0001-first-schema.ts';
import { inventory } from './0002-inventory.ts';
import { rulePacks } from './0003-rule-packs.ts';
import { ruleTunings } from './0004-rule-tunings.ts';
import type { Migration } from './migration.ts';

export const MIGRATIONS: readonly Migration[] = [firstSchema, inventory, rulePacks, ruleTunings];

/** The schema's version that this code needs. */
export const SCHEMA_VERSION = MIGRATIONS.length;

export interface MigrationReport {
  readonly from: number;
  readonly to: number;
}

/**
 * Brings the database to `SCHEMA_VERSION`. Safe to call at every start. Throws `database_newer` when a newer
 * console has already written to it: running on would lose what that one stores.
 */
export async function migrate<T>(
  db: Kysely<T>,
  now: () => number,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<MigrationReport> {
  await sql`CREATE TABLE IF NOT EXISTS schema_migrations
    (version bigint PRIMARY KEY, name text NOT NULL, applied_at bigint NOT NULL)`.execute(db);
  const { rows } = await sql<{ version: number | null }>`SELECT max(version) AS version FROM schema_migrations`.execute(
    db,
  );
  const from = rows[0]?.version ?? 0;
  const to = migrations.length;
  if (from > to) {
    throw new StoreError(
      'database_newer',
      `the database has schema ${from}, this console knows schemas up to ${to}: start the newer console again`,
    );
  }
  for (const migration of migrations.slice(from)) {
    await db.transaction().execute(async (tx) => {
      for (const statement of [...migration.statements, ...(migration.sqlite ?? [])]) {
        await sql.raw(statement).execute(tx);
      }
      await sql`INSERT INTO schema_migrations (version, name, applied_at)
        VALUES (${migration.version}, ${migration.name}, ${now()})`.execute(tx);
    });
  }
  return { from, to };
}
