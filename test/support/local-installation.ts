import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const START_PATIENCE_MS = 150_000;

/** What `npm start` runs, in a folder and on ports of its own. */
export interface LocalInstallation extends AsyncDisposable {
  readonly link: string;
  readonly origin: string;
  readonly dataDir: string;
  readonly agentDir: string;
  /** What it printed so far. */
  output(): string;
  /** Ends it as Ctrl-C does and resolves with its exit code; the data stays. */
  stop(): Promise<number | null>;
}

/** An unused TCP port of this machine, as far as that can be known. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

/** Starts everything and waits for the sign-in link. Without `dataDir`, in a new folder that is removed at the end. */
export async function startLocalInstallation(
  options: { readonly dataDir?: string; readonly args?: readonly string[] } = {},
): Promise<LocalInstallation> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'yagura-local-'));
  const port = await freePort();
  const gatewayPort = await freePort();
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(ROOT, 'scripts/local/main.ts'),
      '--data-dir',
      dataDir,
      '--port',
      String(port),
      '--gateway-port',
      String(gatewayPort),
      ...(options.args ?? []),
    ],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LANG: 'ja_JP.UTF-8', LC_ALL: '' } },
  );
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const link = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no sign-in link in time:\n${output}`)), START_PATIENCE_MS);
    const read = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
      const found = /https?:\/\/\S+\/sign-in#\S+/.exec(output)?.[0];
      if (found !== undefined && /Ctrl-C/.test(output)) {
        clearTimeout(timer);
        resolve(found);
      }
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void exited.then((code) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code}:\n${output}\n${logs(dataDir)}`));
    });
  });
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
    return exited;
  };
  try {
    return {
      link: await link,
      origin: `http://localhost:${port}`,
      dataDir,
      agentDir: join(dataDir, 'agent'),
      output: () => output,
      stop,
      [Symbol.asyncDispose]: async () => {
        await stop();
        if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await stop();
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    throw error;
  }
}

/** The ends of the processes' logs, for the message of a failed test. */
function logs(dataDir: string): string {
  return ['signer', 'console', 'agent']
    .map((name) => {
      try {
        return `--- ${name}\n${readFileSync(join(dataDir, 'logs', `${name}.log`), 'utf8').slice(-2_000)}`;
      } catch {
        return `--- ${name}: no log`;
      }
    })
    .join('\n');
}
