import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromSystemError, StartError } from './messages.ts';

/** Who a process runs as. Absent when we are not root: then everything runs as the caller. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Numeric identities without accounts, inside the range that systemd keeps for dynamic users, so that
 * `npm start` never edits /etc/passwd. Each owns nothing but its own folder.
 */
const CONSOLE_USER: RunAs = { uid: 64_201, gid: 64_201 };
const SIGNER_USER: RunAs = { uid: 64_202, gid: 64_202 };

export interface Layout {
  readonly dataDir: string;
  readonly consoleDir: string;
  readonly signerDir: string;
  readonly agentDir: string;
  readonly logDir: string;
  /** Short-lived folder for Unix sockets, whose paths may not be longer than 107 bytes. */
  readonly socketDir: string;
  readonly consoleUser?: RunAs;
  readonly signerUser?: RunAs;
  [Symbol.dispose](): void;
}

export const isRoot = process.getuid?.() === 0;

/** The default place: in the clone, or under /var/lib where other users cannot reach into the clone. */
export function defaultDataDir(root: string): string {
  const inClone = join(root, '.yagura', 'data');
  if (!isRoot || reachable(root, CONSOLE_USER)) return inClone;
  const name = createHash('sha256').update(root).digest('hex').slice(0, 12);
  return join('/var/lib/yagura', `local-${name}`);
}

/** Whether the user could list the folder: asked of the system, since modes alone do not decide it. */
export function reachable(path: string, user: RunAs): boolean {
  const probe = spawnSync('/bin/sh', ['-c', 'test -r "$1" && test -x "$1"', 'sh', path], {
    uid: user.uid,
    gid: user.gid,
    cwd: '/',
    stdio: 'ignore',
  });
  return probe.status === 0;
}

/** Makes the folders, each readable by its own user only. Safe to call on existing data. */
export function prepareLayout(dataDir: string): Layout {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o755 });
    // The processes without root must pass through to their own folders; they can list nothing here.
    if (isRoot) chmodSync(dataDir, statSync(dataDir).mode | 0o111);
    const folder = (name: string, user: RunAs | undefined): string => {
      const path = join(dataDir, name);
      mkdirSync(path, { recursive: true, mode: 0o700 });
      chmodSync(path, 0o700);
      if (user) chownSync(path, user.uid, user.gid);
      return path;
    };
    const consoleUser = isRoot ? CONSOLE_USER : undefined;
    const signerUser = isRoot ? SIGNER_USER : undefined;
    const consoleDir = folder('console', consoleUser);
    const layout = {
      dataDir,
      consoleDir,
      signerDir: folder('signer', signerUser),
      agentDir: folder('agent', undefined),
      logDir: folder('logs', undefined),
    };
    probeSpace(layout.logDir);
    if (consoleUser && !reachable(consoleDir, consoleUser)) {
      throw new StartError('data_dir_unreachable', {
        ja: `${dataDir} は、権限を落としたプロセスから開けません。--data-dir で /var/lib などの場所を指定してください。`,
        en: `${dataDir} cannot be reached by processes without root. Name a place such as /var/lib/yagura with --data-dir.`,
      });
    }
    const socketDir = makeSocketDir(signerUser, consoleUser);
    return {
      ...layout,
      socketDir,
      ...(consoleUser && signerUser ? { consoleUser, signerUser } : {}),
      [Symbol.dispose]: () => rmSync(socketDir, { recursive: true, force: true }),
    };
  } catch (error) {
    throw error instanceof StartError ? error : fromSystemError(error, dataDir);
  }
}

/** The signer owns the folder; the console may pass through it (its group), nobody else. */
function makeSocketDir(signer: RunAs | undefined, console: RunAs | undefined): string {
  const path = mkdtempSync(join(isRoot ? '/run' : tmpdir(), 'yagura-'));
  if (signer && console) {
    chownSync(path, signer.uid, console.gid);
    chmodSync(path, 0o2710);
  } else {
    chmodSync(path, 0o700);
  }
  return path;
}

/** Fails now, in words, rather than later in the middle of a transaction. */
function probeSpace(directory: string): void {
  const probe = join(directory, '.space');
  writeFileSync(probe, Buffer.alloc(1_048_576));
  if (readFileSync(probe).length !== 1_048_576) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
  rmSync(probe);
}
