import { systemClock } from '../platform/clock.ts';
import { createLog, type Log } from '../platform/log.ts';
import { systemRandom } from '../platform/random.ts';
import { readSignerConfig, type SignerConfig, SignerConfigError } from './config.ts';
import { SocketError, serveLines } from './line-server.ts';
import { AdminRequest, ConsoleRequest } from './messages.ts';
import { openSigner } from './service.ts';
import { StateError } from './state.ts';

/**
 * Runs the signer until it is told to stop (SIGINT, SIGTERM, or the end of the process that launched it).
 * Logs JSON lines on stdout; `signer ready` comes when both sockets answer, and a parent process is sent
 * `{ type: 'ready' }`. Resolves with the exit code: 2 for what an operator has to change, which is one line
 * with a stable `code`.
 *
 * The signer is a process and, where the launcher can give it one, a user of its own. It opens no network
 * port and reads nothing of the console's.
 */
export async function runSigner(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  let log = createLog('signer', 'info');
  try {
    const config = readSignerConfig(args, env);
    log = createLog('signer', config.logLevel);
    await serve(config, stopSignal(), log);
    return 0;
  } catch (error) {
    return explain(error, log);
  } finally {
    // Listening for the launcher's end keeps this process alive as long as the channel is open.
    if (process.connected) process.disconnect?.();
  }
}

async function serve(config: SignerConfig, stopped: Promise<string>, log: Log): Promise<void> {
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
  process.send?.({ type: 'ready' });
  const reason = await stopped;
  log.info({ reason, connections: consoleSocket.connections + adminSocket.connections }, 'signer stopping');
}

/** What a person can do about a failed start; a bug keeps its stack, in the log alone. */
function explain(error: unknown, log: Log): number {
  if (error instanceof SignerConfigError || error instanceof StateError || error instanceof SocketError) {
    log.fatal({ code: error.code }, error.message);
    return 2;
  }
  log.fatal({ code: 'internal', err: error }, 'the signer failed');
  return 1;
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve(name));
    // Started by a launcher that died: nobody would ever stop this process.
    process.once('disconnect', () => resolve('launcher ended'));
  });
}
