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
    throw new SignerConfigError(error instanceof Error ? error.message : String(error));
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
    const issue = result.error.issues[0];
    throw new SignerConfigError(`configuration: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  return Object.freeze(result.data);
}
