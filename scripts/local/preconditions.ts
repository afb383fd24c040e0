import { statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { Failure } from './child.ts';
import { fromSystemError, StartError } from './messages.ts';
import { ROLE_WORDS, type Role } from './supervisor.ts';

const MINIMUM_FREE_BYTES = 200_000_000;

/** Throws `no_space` when the data folder's disk is nearly full. */
export function requireSpace(dataDir: string): void {
  const { bavail, bsize } = statfsSync(dataDir);
  if (bavail * bsize < MINIMUM_FREE_BYTES)
    throw fromSystemError(Object.assign(new Error('no space'), { code: 'ENOSPC' }), dataDir);
}

/**
 * Fails in words when a port cannot be listened on. Both families of addresses are asked for: `localhost` is
 * 127.0.0.1 for one program and ::1 for the next, and the sign-in link must not reach somebody else's server.
 */
export async function requireFreePort(port: number, option: string, hosts: readonly string[]): Promise<void> {
  for (const host of hosts) {
    const code = await listenOnce(host, port);
    if (code === 'EADDRINUSE') {
      throw new StartError('port_in_use', {
        ja: `ポート ${port} はほかのプログラムが使っています。${option} で別の番号を指定してください。`,
        en: `port ${port} is in use by another program. Choose another one with ${option}.`,
      });
    }
    if (code === 'EACCES') {
      throw new StartError('port_not_permitted', {
        ja: `ポート ${port} は管理者でなければ使えません。${option} で 1024 以上の番号を指定してください。`,
        en: `port ${port} is for root only. Choose one from 1024 up with ${option}.`,
      });
    }
  }
}

/** Undefined when it works, else the system's code. A machine without IPv6 answers EADDRNOTAVAIL or EAFNOSUPPORT. */
function listenOnce(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen({ host, port, ipv6Only: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Where the data of a process that reports damage lies, below the data folder. */
const DAMAGED: Partial<Record<string, { readonly file: string; readonly ja: string; readonly en: string }>> = {
  database_damaged: { file: 'console/console.sqlite', ja: '管理画面のデータベース', en: "the console's database" },
  state_damaged: { file: 'signer/signer.db', ja: '署名プロセスのデータベース', en: "the signer's database" },
};

/** What a process said before it ended, as something that a person can act on. */
export function explainFailure(role: Role, failure: Failure | undefined, logFile: string): StartError {
  const damaged = failure && DAMAGED[failure.code];
  if (failure && damaged) {
    const file = join(dirname(dirname(logFile)), damaged.file);
    return new StartError(failure.code, {
      ja: `${damaged.ja} ${file} が壊れています。控えから戻すか、--data-dir で新しい場所を指定してください(記録: ${logFile})。`,
      en: `${damaged.en} ${file} is damaged. Restore it from a copy, or name a new place with --data-dir (log: ${logFile}).`,
    });
  }
  const message = failure?.message.split('\n')[0] ?? 'no reason given';
  return new StartError(failure?.code ?? 'process_failed', {
    ja: `${ROLE_WORDS[role]}を起動できませんでした: ${message}(記録: ${logFile})`,
    en: `${role} did not start: ${message} (log: ${logFile})`,
  });
}
