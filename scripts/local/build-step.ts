import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, StartError } from './messages.ts';

const TAIL_CHARS = 8_192;

/**
 * Builds in a process of its own, so that bundler and compiler take no memory while everything runs. Throws
 * StartError with the builder's own line.
 */
export async function build(root: string, signal: AbortSignal): Promise<void> {
  const folder = join(root, '.yagura');
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw fromSystemError(error, folder);
  }
  const logFile = join(folder, 'build.log');
  const log = createWriteStream(logFile);
  log.on('error', () => undefined);
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'scripts/build.ts')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = (): boolean => child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log.write(chunk);
      tail = (tail + chunk.toString('utf8')).slice(-TAIL_CHARS);
    });
  }
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', (exitCode) => resolve(exitCode));
  });
  signal.removeEventListener('abort', stop);
  log.end();
  if (signal.aborted) throw new StartError('stopped', { ja: '中止しました。', en: 'stopped.' });
  if (code === 0) return;
  const said = /^Error \((\w+)\): (.+)$/m.exec(tail);
  const reason = said?.[2] ?? tail.trim().split('\n').at(-1) ?? '';
  if (said?.[1]?.startsWith('E')) throw fromSystemError(Object.assign(new Error(reason), { code: said[1] }), root);
  throw new StartError('build_failed', {
    ja: `組み立てられませんでした: ${reason}(記録: ${logFile})`,
    en: `the build failed: ${reason} (log: ${logFile})`,
  });
}
