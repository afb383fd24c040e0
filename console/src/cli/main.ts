import { createLog } from '../platform/log.ts';
import { ConfigError, readConfig } from '../server/config.ts';
import { runConsole, storeAdvice } from '../server/run-console.ts';
import { StartupError } from '../server/startup-error.ts';
import { runSigner } from '../signer/run-signer.ts';
import { StoreError } from '../store/errors.ts';
import { adminCommand } from './admin.ts';
import { approverCommand } from './approver.ts';
import { auditVerify } from './audit.ts';
import { type CliContext, CliError, readOptions } from './context.ts';
import { migrateCommand } from './migrate.ts';
import { rulesCommand } from './rules.ts';
import { simulateCommand } from './simulate.ts';
import { tokenCommand } from './token.ts';

const USAGE = `Usage: yagura-console COMMAND

  serve                                    runs the console
  migrate                                  brings the database to this version
  admin create --name NAME [--role admin|viewer] [--tenant NAME]
                                           makes a user and prints a one-time sign-in link
  admin link [--name NAME [--create]] [--tenant NAME]
                                           prints a new sign-in link (good once, for 15 minutes); without a
                                           name for the only administrator
  token create [--label TEXT] [--hours N] [--tenant NAME]
                                           prints an enrolment token (good once)
  audit verify [--anchor TENANT:SEQUENCE:HASH]...
                                           checks the audit log; exit code 4 when it was tampered with
  approver list [--tenant ID]              prints the browsers that may approve orders, one JSON object a line
  approver revoke --key ID                 no longer accepts what this browser approves
  rules add --file PACK [--tenant NAME]    stores a pack of yagura-agent rules compile; prints what it says of itself
  rules list [--tenant NAME]               prints the packs, one JSON object a line
  rules remove --sha256 HASH [--tenant NAME]
                                           removes a pack that no endpoint uses
  simulate --endpoints N --events-per-second R --seconds S [--gateway URL] [--token-file FILE] [--tenant NAME]
                                           simulated endpoints against a running console; prints JSON
  signer [OPTIONS]                         runs the signer (--state-dir DIR --socket PATH --admin-socket PATH ...)

In a clone these work on what npm start runs, with --data-dir DIR before COMMAND on another of its folders.
Elsewhere configuration is read from the environment: YAGURA_DATABASE_URL, YAGURA_STATE_DIR, YAGURA_HTTP_PORT,
YAGURA_GATEWAY_PORT, YAGURA_PUBLIC_URL, YAGURA_GATEWAY_URL, YAGURA_SIGNER_SOCKET, YAGURA_SIGNER_ADMIN_SOCKET.
`;

async function run(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case 'serve':
      readOptions(rest, {});
      return runConsole(process.env);
    case 'signer':
      return runSigner(rest, process.env);
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(USAGE);
      return 0;
    case undefined:
      process.stderr.write(USAGE);
      return 2;
    default:
      return runOnDatabase(command, rest);
  }
}

async function runOnDatabase(command: string, args: readonly string[]): Promise<number> {
  const context: CliContext = {
    config: readConfig(process.env),
    // What a command has to say goes to its caller; only warnings of the parts below it stand beside.
    log: createLog('console-cli', 'warn', process.stderr),
    print: (line) => void process.stdout.write(`${line}\n`),
  };
  switch (command) {
    case 'migrate':
      return migrateCommand(context, args);
    case 'admin':
      return adminCommand(context, args);
    case 'token':
      return tokenCommand(context, args);
    case 'audit':
      return auditVerify(context, args);
    case 'approver':
      return approverCommand(context, args);
    case 'rules':
      return rulesCommand(context, args);
    case 'simulate':
      return simulateCommand(context, args);
    default:
      throw new CliError('usage', `unknown command ${command}: see yagura-console help`);
  }
}

/** One line of what is wrong and the exit code: 2 for what the caller can change, 1 for a bug. */
function explain(error: unknown): { readonly line: string; readonly exitCode: number } {
  if (error instanceof StoreError) return { line: `error (${error.code}): ${storeAdvice(error)}`, exitCode: 2 };
  if (error instanceof StartupError || error instanceof ConfigError || error instanceof CliError) {
    return { line: `error (${error.code}): ${error.message}`, exitCode: 2 };
  }
  const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  return { line: `error (internal): ${reason}`, exitCode: 1 };
}

// What reads our output may end first (`... | head`): what is left to do is done all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
process.umask(0o077);
try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const { line, exitCode } = explain(error);
  process.stderr.write(`yagura-console: ${line}\n`);
  process.exitCode = exitCode;
}
