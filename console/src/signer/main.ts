import { pathToFileURL } from 'node:url';

import { systemClock } from '../platform/clock.ts';
import { createLog } from '../platform/log.ts';
import { systemRandom } from '../platform/random.ts';
import { readSignerConfig, type SignerConfig, SignerConfigError } from './config.ts';
import { serveLines } from './line-server.ts';
import { AdminRequest, ConsoleRequest } from './messages.ts';
import { openSigner } from './service.ts';
import { StateError } from './state.ts';

/**
 * Runs the signer until `signal` is aborted. It is a process and, where the launcher can give it one, a user
 * of its own: it opens no network port and reads nothing of the console's.
 */
export async function runSigner(config: SignerConfig, signal: AbortSignal): Promise<void> {
  const log = createLog('signer', config.logLevel);
  // Everything that this process ever creates is its user's alone, the socket's group excepted.
  process.umask(0o077);
  using signer = await openSigner({
    stateDirectory: config.stateDirectory,
    gatewayNames: config.gatewayNames,
    endpointCertificates: config.endpointCertificates,
    clock: systemClock,
    random: systemRandom,
  });
  const onFailure = (error: unknown): void => log.error({ err: error }, 'a request failed');
  await using consoleSocket = await serveLines({
    path: config.socket,
    mode: 0o660,
    ...(config.consoleGid === undefined ? {} : { gid: config.consoleGid }),
    schema: ConsoleRequest,
    handle: (request) => signer.handleConsole(request),
    maxConnections: 16,
    onFailure,
  });
  await using adminSocket = await serveLines({
    path: config.adminSocket,
    mode: 0o600,
    schema: AdminRequest,
    handle: (request) => signer.handleAdmin(request),
    maxConnections: 8,
    onFailure,
  });
  log.info({ socket: config.socket, adminSocket: config.adminSocket }, 'signer ready');
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  log.info({ open: consoleSocket.connections + adminSocket.connections }, 'signer stopping');
}

/** One line for people and an exit code: 2 for what the caller must change, 1 for the rest. */
function explain(error: unknown): { readonly line: string; readonly exitCode: number } {
  if (error instanceof SignerConfigError) return { line: error.message, exitCode: 2 };
  if (error instanceof StateError) return { line: `${error.code}: ${error.message}`, exitCode: 2 };
  return { line: error instanceof Error ? error.message : String(error), exitCode: 1 };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  try {
    await runSigner(readSignerConfig(process.argv.slice(2), process.env), stop.signal);
  } catch (error) {
    const { line, exitCode } = explain(error);
    process.stderr.write(`yagura signer: ${line}\n`);
    process.exitCode = exitCode;
  }
}
