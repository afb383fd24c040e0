import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { dataPlaces } from '../places.mjs';
import { ROOT } from '../run-command.ts';
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
const ROOT_USER: RunAs = { uid: 0, gid: 0 };

/** What the path of a Unix socket may have (sun_path without its final zero byte). */
const SOCKET_PATH_BYTES = 107;
const LONGEST_SOCKET = '/agent/agent.sock';
const LONGEST_DATA_DIR = SOCKET_PATH_BYTES - LONGEST_SOCKET.length;

export interface Layout {
  readonly dataDir: string;
  readonly consoleDir: string;
  readonly signerDir: string;
  readonly agentDir: string;
  readonly logDir: string;
  /** Sockets between the processes; emptied at the end. */
  readonly socketDir: string;
  readonly consoleUser?: RunAs;
  readonly signerUser?: RunAs;
}

export const isRoot = process.getuid?.() === 0;

const fits = (dataDir: string): boolean => Buffer.byteLength(dataDir) <= LONGEST_DATA_DIR;

/** The default place: in the clone, unless other users cannot reach into it or its path is too long for sockets. */
export function defaultDataDir(root: string): string {
  const { inClone, ofSystem, ofUser } = dataPlaces(root);
  if (!isRoot) return fits(inClone) ? inClone : ofUser;
  return fits(inClone) && reachable(root, CONSOLE_USER) ? inClone : ofSystem;
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

/**
 * Makes the data folder. Throws StartError. Nothing in it is touched before it is known that no other
 * `npm start` uses it.
 */
export function makeDataDir(dataDir: string): void {
  if (!fits(dataDir)) {
    throw new StartError('data_dir_too_long', {
      ja: `${dataDir} は長すぎます。--data-dir で ${LONGEST_DATA_DIR} バイト以下の場所を指定してください。`,
      en: `${dataDir} is too long. Name a place of at most ${LONGEST_DATA_DIR} bytes with --data-dir.`,
    });
  }
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o755 });
    requireTrustedOwner(dataDir);
    // The processes without root must pass through to their own folders; they can list nothing here.
    if (isRoot) chmodSync(dataDir, statSync(dataDir).mode | 0o111);
  } catch (error) {
    throw error instanceof StartError ? error : fromSystemError(error, dataDir);
  }
}

/** As root: whoever owns the folder could exchange what root writes into it, so it is root's or the clone's owner's. */
function requireTrustedOwner(dataDir: string): void {
  if (!isRoot) return;
  const { uid } = statSync(dataDir);
  if (uid === 0 || uid === statSync(ROOT).uid) return;
  throw new StartError('data_dir_foreign', {
    ja: `${dataDir} はほかのユーザーのものです。root のフォルダーを --data-dir で指定してください。`,
    en: `${dataDir} belongs to another user. Name a folder of root's with --data-dir.`,
  });
}

/** Makes the folders, each readable by its own user only. Safe to call on existing data. Throws StartError. */
export function prepareLayout(dataDir: string): Layout {
  const consoleUser = isRoot ? CONSOLE_USER : undefined;
  const signerUser = isRoot ? SIGNER_USER : undefined;
  const folder = (name: string, user: RunAs): string => {
    const path = join(dataDir, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (isRoot) adopt(path, user);
    else requireOwn(path);
    chmodSync(path, 0o700);
    return path;
  };
  try {
    const layout = {
      dataDir,
      consoleDir: folder('console', CONSOLE_USER),
      signerDir: folder('signer', SIGNER_USER),
      agentDir: folder('agent', ROOT_USER),
      logDir: folder('logs', ROOT_USER),
      socketDir: makeSocketDir(join(dataDir, 'run')),
      ...(consoleUser && signerUser ? { consoleUser, signerUser } : {}),
    };
    probeSpace(layout.logDir);
    if (consoleUser && !reachable(layout.consoleDir, consoleUser)) {
      throw new StartError('data_dir_unreachable', {
        ja: `${dataDir} は、権限を落としたプロセスから開けません。--data-dir で /var/lib/yagura などの場所を指定してください。`,
        en: `${dataDir} cannot be reached by processes without root. Name a place such as /var/lib/yagura with --data-dir.`,
      });
    }
    return layout;
  } catch (error) {
    throw error instanceof StartError ? error : fromSystemError(error, dataDir);
  }
}

/**
 * Gives a folder and what is in it to the user of its process: it may have been made by a run without root.
 * Every folder is held by a descriptor and what is in it is reached through that: the folder's present owner
 * may be a process that outlived its launcher, and could put a link in the place of a folder that was just
 * looked at. A file with a second name elsewhere is left alone: it may be somebody else's.
 */
function adopt(path: string, user: RunAs): void {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined) return;
  const foreign = entry.uid !== user.uid || entry.gid !== user.gid;
  if (!entry.isDirectory()) {
    if (foreign && entry.nlink === 1) lchownSync(path, user.uid, user.gid);
    return;
  }
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (foreign) fchownSync(folder, user.uid, user.gid);
    const inside = process.platform === 'linux' ? `/proc/self/fd/${folder}` : path;
    for (const name of readdirSync(inside)) adopt(join(inside, name), user);
  } finally {
    closeSync(folder);
  }
}

function requireOwn(path: string): void {
  if (process.getuid === undefined || statSync(path).uid === process.getuid()) return;
  throw new StartError('data_of_other_user', {
    ja: `${path} は別のユーザーのものです。前回と同じユーザーで実行するか(例: sudo npm start)、--data-dir で新しい場所を指定してください。`,
    en: `${path} belongs to another user. Run it as that user (for example: sudo npm start), or name a new place with --data-dir.`,
  });
}

/** The signer owns the folder; the console may pass through it (its group), nobody else. */
function makeSocketDir(path: string): string {
  // Sockets of a run that was killed.
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { mode: 0o700 });
  if (isRoot) {
    chownSync(path, SIGNER_USER.uid, CONSOLE_USER.gid);
    chmodSync(path, 0o2710);
  }
  return path;
}

/** Fails now, in words, rather than later in the middle of a transaction. */
function probeSpace(directory: string): void {
  const probe = join(directory, '.space');
  try {
    writeFileSync(probe, Buffer.alloc(1_048_576));
    if (readFileSync(probe).length !== 1_048_576) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
  } finally {
    if (existsSync(probe)) rmSync(probe);
  }
}
