import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CONSOLE_MAIN = fileURLToPath(new URL('../../console/src/server/main.ts', import.meta.url));
const START_PATIENCE_MS = 30_000;

/** The console as a process of its own, which a test may kill and start again on the same data. */
export interface ConsoleProcess {
  readonly gatewayPort: number;
  readonly httpPort: number;
  readonly child: ChildProcess;
  /** Ends it without a chance to tidy up; resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends it as an operator does; resolves to its exit code. */
  stop(): Promise<number | null>;
}

export interface ConsoleProcessOptions {
  readonly directory: string;
  readonly signerSocket: string;
  readonly gatewayPort: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** What the console reads from its environment to work in `directory`. */
export function consoleEnvironment(options: ConsoleProcessOptions): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    YAGURA_STATE_DIR: join(options.directory, 'console'),
    YAGURA_SIGNER_SOCKET: options.signerSocket,
    YAGURA_HTTP_PORT: '0',
    YAGURA_GATEWAY_HOST: '127.0.0.1',
    YAGURA_GATEWAY_PORT: String(options.gatewayPort),
    YAGURA_LOG_LEVEL: 'warn',
    ...options.environment,
  };
}

export async function startConsoleProcess(options: ConsoleProcessOptions): Promise<ConsoleProcess> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CONSOLE_MAIN], {
    env: consoleEnvironment(options),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output = (output + String(chunk)).slice(-4_000);
    });
  }
  const exited = once(child, 'exit');
  const ready = await Promise.race([
    once(child, 'message').then(([message]) => message as { gatewayPort: number; httpPort: number }),
    exited.then(([code]) => Promise.reject(new Error(`the console ended with ${code}: ${output}`))),
    new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`the console is not ready: ${output}`)), START_PATIENCE_MS).unref();
    }),
  ]);
  return {
    gatewayPort: ready.gatewayPort,
    httpPort: ready.httpPort,
    child,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async stop() {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
  };
}
