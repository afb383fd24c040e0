import { existsSync, statSync } from 'node:fs';
import { type Domain, openDomain } from '../server/bootstrap.ts';
import { type CliContext, CliError } from './context.ts';

/**
 * Opens the console's data as the user who owns it. What root opened would leave files (`-wal`, `-shm`) that
 * the console's own user cannot open any more: root steps down first, for the rest of this process. Whatever
 * needs root, such as the signer's operator socket, has to be connected before.
 *
 * Without `create` there must be a database already: a misspelt path is no new console. Throws `CliError`,
 * `StoreError`, `StartupError`.
 */
export async function openOperatorDomain(
  { config, log }: CliContext,
  { create = false }: { readonly create?: boolean } = {},
): Promise<Domain> {
  stepDownToOwner(config.stateDirectory);
  if (!create && !existsSync(config.databasePath)) {
    throw new CliError(
      'database_missing',
      `there is no database ${config.databasePath}: start the console once, or name the right one with YAGURA_DATABASE_URL`,
    );
  }
  return openDomain(config, log);
}

function stepDownToOwner(directory: string): void {
  if (process.getuid?.() !== 0) return;
  const owner = statSync(directory, { throwIfNoEntry: false });
  if (owner === undefined || owner.uid === 0) return;
  // Groups first: a user who is not root any more may not change them.
  process.setgroups?.([]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}
