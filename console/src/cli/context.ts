import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import type { Tenant } from '../contexts/tenants/api.ts';
import type { Log } from '../platform/log.ts';
import type { Domain } from '../server/bootstrap.ts';
import type { ConsoleConfig } from '../server/config.ts';

export interface CliContext {
  readonly config: ConsoleConfig;
  readonly log: Log;
  /** One line of the command's result on stdout. */
  readonly print: (line: string) => void;
}

/** The command cannot be carried out; the message says what to change. */
export class CliError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'CliError';
    this.code = code;
  }
}

/** What the signer refused, or why it does not answer. */
export function signerError(
  refusal: { readonly code: string; readonly message: string },
  { config }: CliContext,
): CliError {
  if (refusal.code !== 'signer_unavailable') return new CliError(refusal.code, refusal.message);
  return new CliError(
    refusal.code,
    `the signer does not answer on ${config.signer.adminSocket}: start it, run this as its user or root, or check YAGURA_SIGNER_ADMIN_SOCKET`,
  );
}

/** Name of the tenant that a console for one company has. */
const OWN_COMPANY = '自社';

/** Reads a command's options. Throws `CliError`. */
export function readOptions<T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new CliError('usage', `${reason} (see yagura-console help)`);
  }
}

/** The named tenant, made if it is new; without a name the only one there is. */
export async function chooseTenant(domain: Domain, name: string | undefined): Promise<Tenant> {
  const tenants = await domain.tenants.list();
  const only = tenants[0];
  if (name === undefined && tenants.length > 1) {
    throw new CliError('tenant_ambiguous', `there are ${tenants.length} tenants: name one with --tenant`);
  }
  if (name === undefined && only) return only;
  const wanted = (name ?? OWN_COMPANY).trim();
  if (wanted === '' || wanted.length > 256) throw new CliError('usage', 'a tenant has a name of 1 to 256 characters');
  return (
    tenants.find((tenant) => tenant.name === wanted) ?? domain.store.write((tx) => domain.tenants.ensure(tx, wanted))
  );
}
