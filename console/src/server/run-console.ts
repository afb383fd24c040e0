import { createLog, type Log } from '../platform/log.ts';
import { StoreError } from '../store/errors.ts';
import { startConsole } from './bootstrap.ts';
import { ConfigError, readConfig } from './config.ts';
import { StartupError } from './startup-error.ts';

/**
 * Runs the console until it is told to stop (SIGINT, SIGTERM, or the end of the process that launched it).
 * Logs JSON lines on stdout; the line `console ready` comes when browsers and agents can connect, and a
 * parent process is sent `{ type: 'ready' }`. Resolves with the exit code: 2 for what an operator has to
 * change, which is one line with a stable `code`.
 */
export async function runConsole(env: Readonly<Record<string, string | undefined>>): Promise<number> {
  let log = createLog('console', 'info');
  try {
    const config = readConfig(env);
    log = createLog('console', config.logLevel);
    const stopped = stopSignal(log);
    const running = await startConsole(config, log);
    const { httpPort, gatewayPort, publicUrl, gatewayUrl } = running;
    log.info({ httpPort, gatewayPort, publicUrl, gatewayUrl }, 'console ready');
    process.send?.({ type: 'ready', httpPort, gatewayPort, publicUrl, gatewayUrl });
    log.info({ reason: await stopped }, 'console stopping');
    await running.close();
    return 0;
  } catch (error) {
    return explain(error, log);
  } finally {
    // Listening for the launcher's end keeps this process alive as long as the channel is open.
    if (process.connected) process.disconnect?.();
  }
}

/** What a person can do about a failed start; a bug keeps its stack, in the log alone. */
export function explain(error: unknown, log: Log): number {
  if (error instanceof ConfigError || error instanceof StartupError) {
    log.fatal({ code: error.code }, error.message);
    return 2;
  }
  if (error instanceof StoreError) {
    log.fatal({ code: error.code }, storeAdvice(error));
    return 2;
  }
  log.fatal({ code: 'internal', err: error }, 'the console failed');
  return 1;
}

/** The store's error with what to do about it. */
export function storeAdvice(error: StoreError): string {
  switch (error.code) {
    case 'database_damaged':
      return `${error.message}: move it away and restore a backup, or start with another YAGURA_DATABASE_URL`;
    case 'database_full':
      return `${error.message}: free some space and start again`;
    case 'database_busy':
      return `${error.message}: stop the other process and start again`;
    case 'database_unreachable':
    case 'database_read_only':
      return `${error.message}: check YAGURA_DATABASE_URL and the owner of the file`;
    case 'database_newer':
      return error.message;
  }
}

function stopSignal(log: Log): Promise<string> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve(name));
    // Started by a launcher that died: nobody would ever stop this process.
    process.once('disconnect', () => resolve('launcher ended'));
    process.once('uncaughtException', (error) => {
      log.fatal({ code: 'internal', err: error }, 'the console failed');
      process.exit(1);
    });
  });
}
