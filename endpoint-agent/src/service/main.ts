import { hostname } from 'node:os';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { complain, parseCommand } from '../cli/options.ts';
import { readAgentConfig } from './config.ts';
import { runService } from './run-service.ts';

const USAGE = 'run --config FILE';

/**
 * Runs the agent until SIGINT, SIGTERM or the end of the launcher. Resolves with the exit code: 0 after an
 * orderly end, 1 when it could not start (one line with a stable code says why), 2 for wrong arguments.
 */
export async function runAgent(argv: readonly string[]): Promise<number> {
  const parsed = parseCommand(USAGE, { args: [...argv], options: { config: { type: 'string' } } });
  if (!parsed.ok) return 2;
  const file = parsed.value.values.config;
  if (file === undefined) {
    complain('usage', `--config is missing\nusage: yagura-agent ${USAGE}`);
    return 2;
  }
  const read = readAgentConfig(file);
  if (!read.ok) {
    complain(read.code, read.message);
    return 1;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  // The launcher holds the other end: when it dies, nobody would put the kernel's state back but we.
  if (process.connected) process.once('disconnect', () => stop.abort());
  const log = pino({ name: 'agent', level: read.config.logLevel, base: { host: hostname() } });
  const result = await runService({
    config: read.config,
    log,
    signal: stop.signal,
    onReady: (sensors) => {
      log.info({ sensors: sensors.map(({ name, state, code }) => ({ name, state, code })) }, 'agent ready');
      if (process.connected) process.send?.({ type: 'ready', sensors });
    },
  });
  if (process.connected) process.disconnect?.();
  if (result.ok) return 0;
  log.error({ code: result.code }, result.message);
  return 1;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await runAgent(process.argv.slice(2));
}
