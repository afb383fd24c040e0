import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';

/**
 * The console's configuration. Read once from the environment, checked, frozen and passed on.
 *
 * | variable | meaning | default |
 * | --- | --- | --- |
 * | `YAGURA_STATE_DIR` | directory of the console's data, mode 0700 | `.yagura/console` |
 * | `YAGURA_DATABASE_URL` | `sqlite:PATH` | `sqlite:STATE_DIR/console.db` |
 * | `YAGURA_HTTP_HOST`, `YAGURA_HTTP_PORT` | where the web listens | `127.0.0.1`, `8080` |
 * | `YAGURA_PUBLIC_URL` | how browsers reach it: the only origin that may act | `http://localhost:PORT` |
 * | `YAGURA_TRUSTED_PROXIES` | addresses whose `X-Forwarded-For` counts, by commas | none |
 * | `YAGURA_GATEWAY_HOST`, `YAGURA_GATEWAY_PORT` | where agents connect | `0.0.0.0`, `8443` |
 * | `YAGURA_GATEWAY_URL` | how agents reach it; enrolment tokens carry it | `https://localhost:PORT` |
 * | `YAGURA_ENROLMENTS_PER_MINUTE` | enrolments that one address may ask for | `300` |
 * | `YAGURA_TELEMETRY_DAYS` | how long events are kept; incidents stay | `30` |
 * | `YAGURA_SIGNER_SOCKET` | the signer's socket for the console | `STATE_DIR/../signer/console.sock` |
 * | `YAGURA_SIGNER_ADMIN_SOCKET` | the signer's socket for the operator (command line only) | `STATE_DIR/../signer/admin.sock` |
 * | `YAGURA_LOG_LEVEL` | `debug`, `info`, `warn`, `error` or `silent` | `info` |
 */
export interface ConsoleConfig {
  readonly stateDirectory: string;
  readonly databasePath: string;
  readonly http: { readonly host: string; readonly port: number };
  readonly publicUrl: string;
  readonly trustedProxies: readonly string[];
  readonly gateway: {
    readonly host: string;
    readonly port: number;
    readonly url: string;
    /** By address. */
    readonly enrolmentsPerMinute: number;
  };
  readonly telemetryDays: number;
  readonly signer: { readonly socket: string; readonly adminSocket: string };
  readonly logLevel: z.infer<typeof LogLevel>;
}

/** The console cannot start with this; the message names the variable. */
export class ConfigError extends Error {
  readonly code = 'config_invalid';

  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

const LogLevel = z.enum(['debug', 'info', 'warn', 'error', 'silent']);
const Port = z.coerce.number().int().min(0).max(65_535);
const Host = z.string().min(1).max(253);
const Path = z.string().min(1).max(4_096);
const Origin = (protocol: RegExp) =>
  z.url({ protocol }).refine((text) => {
    const url = new URL(text);
    return url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  }, 'expected scheme, host and port only');

const Environment = z.object({
  YAGURA_STATE_DIR: Path.default('.yagura/console'),
  YAGURA_DATABASE_URL: z
    .string()
    .regex(/^sqlite:.+/, 'expected sqlite:PATH')
    .optional(),
  YAGURA_HTTP_HOST: Host.default('127.0.0.1'),
  YAGURA_HTTP_PORT: Port.default(8080),
  YAGURA_PUBLIC_URL: Origin(/^https?$/).optional(),
  YAGURA_TRUSTED_PROXIES: z
    .string()
    .max(4_096)
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((address) => address.trim())
        .filter((address) => address !== ''),
    )
    .refine((addresses) => addresses.every((address) => isIP(address) !== 0), 'expected addresses, by commas'),
  YAGURA_GATEWAY_HOST: Host.default('0.0.0.0'),
  YAGURA_GATEWAY_PORT: Port.default(8443),
  YAGURA_GATEWAY_URL: Origin(/^https$/).optional(),
  YAGURA_ENROLMENTS_PER_MINUTE: z.coerce.number().int().min(1).max(1_000_000).default(300),
  YAGURA_TELEMETRY_DAYS: z.coerce.number().int().min(1).max(3_650).default(30),
  YAGURA_SIGNER_SOCKET: Path.optional(),
  YAGURA_SIGNER_ADMIN_SOCKET: Path.optional(),
  YAGURA_LOG_LEVEL: LogLevel.default('info'),
});

/** Reads the environment. Throws `ConfigError`. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): ConsoleConfig {
  const result = Environment.safeParse(env);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new ConfigError(`${issue?.path.join('.') ?? 'configuration'}: ${issue?.message ?? 'invalid'}`);
  }
  const values = result.data;
  const stateDirectory = resolve(values.YAGURA_STATE_DIR);
  const signerDirectory = resolve(stateDirectory, '..', 'signer');
  const publicUrl = values.YAGURA_PUBLIC_URL ?? `http://localhost:${values.YAGURA_HTTP_PORT}`;
  const gatewayUrl = values.YAGURA_GATEWAY_URL ?? `https://localhost:${values.YAGURA_GATEWAY_PORT}`;
  return freeze({
    stateDirectory,
    databasePath: values.YAGURA_DATABASE_URL
      ? resolve(values.YAGURA_DATABASE_URL.slice('sqlite:'.length))
      : resolve(stateDirectory, 'console.db'),
    http: { host: values.YAGURA_HTTP_HOST, port: values.YAGURA_HTTP_PORT },
    publicUrl: new URL(publicUrl).origin,
    trustedProxies: values.YAGURA_TRUSTED_PROXIES,
    gateway: {
      host: values.YAGURA_GATEWAY_HOST,
      port: values.YAGURA_GATEWAY_PORT,
      url: new URL(gatewayUrl).origin,
      enrolmentsPerMinute: values.YAGURA_ENROLMENTS_PER_MINUTE,
    },
    telemetryDays: values.YAGURA_TELEMETRY_DAYS,
    signer: {
      socket: resolve(values.YAGURA_SIGNER_SOCKET ?? resolve(signerDirectory, 'console.sock')),
      adminSocket: resolve(values.YAGURA_SIGNER_ADMIN_SOCKET ?? resolve(signerDirectory, 'admin.sock')),
    },
    logLevel: values.YAGURA_LOG_LEVEL,
  });
}

function freeze(config: ConsoleConfig): ConsoleConfig {
  for (const part of Object.values(config)) if (typeof part === 'object') Object.freeze(part);
  return Object.freeze(config);
}
