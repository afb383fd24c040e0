import { SCHEMA_VERSION } from '../store/migrations/migrate.ts';
import { openDomain } from '../server/bootstrap.ts';
import type { CliContext } from './context.ts';

/** `migrate`: opening the database brings it to this version's schema. */
export async function migrateCommand({ config, log, print }: CliContext): Promise<number> {
  await using domain = await openDomain(config, log);
  const tenants = await domain.tenants.list();
  print(JSON.stringify({ schema: SCHEMA_VERSION, database: config.databasePath, tenants: tenants.length }));
  return 0;
}
