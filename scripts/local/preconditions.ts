import { statfsSync } from 'node:fs';
import { connect } from 'node:net';
import type { Failure } from './child.ts';
import { fromSystemError, StartError } from './messages.ts';

const MINIMUM_FREE_BYTES = 200_000_000;

/** Throws `no_space` when the data folder's disk is nearly full. */
export function requireSpace(dataDir: string): void {
  const { bavail, bsize } = statfsSync(dataDir);
  if (bavail * bsize < MINIMUM_FREE_BYTES)
    throw fromSystemError(Object.assign(new Error('no space'), { code: 'ENOSPC' }), dataDir);
}

/** Fails in words when something already listens on the port. */
export async function requireFreePort(port: number, option: string): Promise<void> {
  const taken = await new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
  if (!taken) return;
  throw new StartError('port_in_use', {
    ja: `ポート ${port} はほかのプログラムが使っています。${option} で別の番号を指定してください。`,
    en: `port ${port} is in use by another program. Choose another one with ${option}.`,
  });
}

/** What a process said before it ended, as something that a person can act on. */
export function explainFailure(role: string, failure: Failure | undefined, logFile: string): StartError {
  if (failure?.code === 'database_damaged') {
    return new StartError('database_damaged', {
      ja: `${failure.message} 控えから戻すか、--data-dir で新しい場所を指定してください。`,
      en: `${failure.message} Restore it from a copy, or name a new place with --data-dir.`,
    });
  }
  const message = failure?.message ?? 'no reason given';
  return new StartError(failure?.code ?? 'process_failed', {
    ja: `${role} を起動できませんでした: ${message}(記録: ${logFile})`,
    en: `${role} did not start: ${message} (log: ${logFile})`,
  });
}
