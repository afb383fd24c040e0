import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** `signer`: a process of its own, whose memory this one never shares. Resolves with its exit code. */
export function runSignerProcess(args: readonly string[]): Promise<number> {
  const program = new URL(globalThis.YAGURA_BUNDLED ? './signer.mjs' : '../signer/main.ts', import.meta.url);
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(program), ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
}
