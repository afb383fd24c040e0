import { parseArgs } from 'node:util';
import { z } from 'zod';

const Name = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9.:-]+$/);
const Count = z.coerce.number().int().min(1).max(1_000_000);

const SignerConfigSchema = z.strictObject({
  stateDirectory: z.string().min(1),
  /** Unix socket for the console. */
  socket: z.string().min(1),
  /** Unix socket for the operator: whoever can open it says who approves. */
  adminSocket: z.string().min(1),
  /** Group that may open `socket`; by default the process's own. */
  consoleGid: z.coerce.number().int().min(0).optional(),
  gatewayNames: z.array(Name).max(32),
  endpointCertificates: z.strictObject({ perMinute: Count, burst: Count }),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
});
export type SignerConfig = z.infer<typeof SignerConfigSchema>;

/** The signer cannot start with this; the message names the option. */
export class SignerConfigError extends Error {
  readonly code = 'config_invalid';

  constructor(message: string) {
    super(message);
    this.name = 'SignerConfigError';
  }
}

/**
 * Reads the command line, then the environment (`YAGURA_SIGNER_*`). Throws `SignerConfigError`.
 *
 * `--state-dir DIR --socket PATH --admin-socket PATH [--gateway-name NAME]... [--console-gid GID]
 * [--certificates-per-minute N] [--log-level LEVEL]`
 */
export function readSignerConfig(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SignerConfig {
  let values: Record<string, string | string[] | undefined>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        'state-dir': { type: 'string' },
        socket: { type: 'string' },
        'admin-socket': { type: 'string' },
        'gateway-name': { type: 'string', multiple: true },
        'console-gid': { type: 'string' },
        'certificates-per-minute': { type: 'string' },
        'log-level': { type: 'string' },
      },
    }));
  } catch (error) {
    // parseArgs adds how to write what nobody meant.
    const reason = error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error);
    throw new SignerConfigError(`${reason.replaceAll('\n', ' ')}: ${USAGE}`);
  }
  const names = values['gateway-name'] ?? env['YAGURA_SIGNER_GATEWAY_NAMES']?.split(',').filter((name) => name !== '');
  const perMinute = values['certificates-per-minute'] ?? env['YAGURA_SIGNER_CERTIFICATES_PER_MINUTE'] ?? '600';
  const result = SignerConfigSchema.safeParse({
    stateDirectory: values['state-dir'] ?? env['YAGURA_SIGNER_STATE_DIR'],
    socket: values['socket'] ?? env['YAGURA_SIGNER_SOCKET'],
    adminSocket: values['admin-socket'] ?? env['YAGURA_SIGNER_ADMIN_SOCKET'],
    consoleGid: values['console-gid'] ?? env['YAGURA_SIGNER_CONSOLE_GID'],
    gatewayNames: names ?? [],
    endpointCertificates: { perMinute, burst: perMinute },
    logLevel: values['log-level'] ?? env['YAGURA_SIGNER_LOG_LEVEL'] ?? 'info',
  });
  if (!result.success) {
    const name = result.error.issues[0]?.path[0];
    throw new SignerConfigError(explain(SETTINGS.find(({ key }) => key === name) ?? SETTINGS[0]));
  }
  return Object.freeze(result.data);
}

const USAGE =
  'usage: yagura-console signer --state-dir DIR --socket PATH --admin-socket PATH [--gateway-name NAME]... ' +
  '[--console-gid GID] [--certificates-per-minute N] [--log-level LEVEL]';

interface Setting {
  readonly key: keyof SignerConfig;
  readonly option: string;
  readonly variable: string;
  /** What it has to be, to follow "needs". */
  readonly needs: string;
}

/** How each setting is given, and what it has to be. */
const SETTINGS = [
  {
    key: 'stateDirectory',
    option: '--state-dir',
    variable: 'YAGURA_SIGNER_STATE_DIR',
    needs: 'a folder of its own, where its keys lie',
  },
  {
    key: 'socket',
    option: '--socket',
    variable: 'YAGURA_SIGNER_SOCKET',
    needs: 'the path of the socket for the console',
  },
  {
    key: 'adminSocket',
    option: '--admin-socket',
    variable: 'YAGURA_SIGNER_ADMIN_SOCKET',
    needs: 'the path of the socket for the operator',
  },
  {
    key: 'consoleGid',
    option: '--console-gid',
    variable: 'YAGURA_SIGNER_CONSOLE_GID',
    needs: 'the number of a group',
  },
  {
    key: 'gatewayNames',
    option: '--gateway-name',
    variable: 'YAGURA_SIGNER_GATEWAY_NAMES',
    needs: 'at most 32 host names or addresses',
  },
  {
    key: 'endpointCertificates',
    option: '--certificates-per-minute',
    variable: 'YAGURA_SIGNER_CERTIFICATES_PER_MINUTE',
    needs: 'a number from 1 to 1000000',
  },
  {
    key: 'logLevel',
    option: '--log-level',
    variable: 'YAGURA_SIGNER_LOG_LEVEL',
    needs: 'one of debug, info, warn, error, silent',
  },
] as const satisfies readonly Setting[];

function explain({ option, variable, needs }: Setting): string {
  return `${option} (or ${variable}) needs ${needs}`;
}
