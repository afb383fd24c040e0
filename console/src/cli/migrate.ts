import { SCHEMA_VERSION } from '../store/migrations/migrate.ts';
import { type CliContext, readOptions } from './context.ts';
import { openOperatorDomain } from './operator-domain.ts';

/** `migrate`: opening the database brings it to this version's schema. */
export async function migrateCommand(context: CliContext, args: readonly string[]): Promise<number> {
  readOptions(args, {});
  const { config, print } = context;
  await using domain = await openOperatorDomain(context, { create: true });
  const tenants = await domain.tenants.list();
  print(JSON.stringify({ schema: SCHEMA_VERSION, database: config.databasePath, tenants: tenants.length }));
  return 0;
}
