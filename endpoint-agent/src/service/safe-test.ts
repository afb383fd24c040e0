import { type ChildProcess, spawn } from 'node:child_process';
import type { Stats } from 'node:fs';
import { lstat, mkdtemp, readdir, rmdir, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'yagura-test-';
const KEEP_MS = 7 * 24 * 3_600_000;
const SCRIPT_NAME = 'test-detection.sh';
const EICAR_NAME = 'eicar.com';
/** The script stays alive this long, so that there is a process to freeze and end. */
const ALIVE_SECONDS = 30;

/**
 * The EICAR test file's two halves. They are joined only by the script, so that neither the agent's own
 * files nor this one are taken for the test file by another antivirus.
 */
const EICAR_HALVES = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'] as const;

const SCRIPT = `#!/bin/sh
# A harmless test of Yagura: writes the EICAR test file, which every antivirus knows and which does nothing.
printf '%s%s' '${EICAR_HALVES[0]}' '${EICAR_HALVES[1]}' > "$1/${EICAR_NAME}"
sleep ${ALIVE_SECONDS}
`;

export interface SafeTest {
  readonly pid: number;
  readonly file: string;
  /** Resolves when the script has ended, by itself or by the agent's hand. */
  readonly ended: Promise<void>;
}

export type SafeTestResult =
  | { ok: true; test: SafeTest }
  | { ok: false; code: 'no_space' | 'io_error'; detail: string };

/**
 * Starts the test detection: a short script in a process of its own writes the EICAR test file. `onStarted`
 * is called with the script's pid before the script can have written anything.
 */
export async function runSafeTest(now: number, onStarted: (pid: number) => void): Promise<SafeTestResult> {
  try {
    await removeOld(now);
    const folder = await mkdtemp(join(tmpdir(), PREFIX));
    const script = join(folder, SCRIPT_NAME);
    await writeFile(script, SCRIPT, { mode: 0o700 });
    // The shell waits for a line before it runs the script: the story must know the process first.
    const child = spawn('/bin/sh', ['-c', 'read -r _ && exec /bin/sh "$0" "$1"', script, folder], {
      cwd: folder,
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    const pid = await started(child);
    onStarted(pid);
    child.stdin?.end('go\n');
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    return { ok: true, test: { pid, file: join(folder, EICAR_NAME), ended } };
  } catch (error) {
    const code = error instanceof Error && 'code' in error && error.code === 'ENOSPC' ? 'no_space' : 'io_error';
    return { ok: false, code, detail: error instanceof Error ? error.message : String(error) };
  }
}

function started(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      child.stdin?.on('error', () => undefined); // The script may end before it reads.
      if (child.pid === undefined) reject(new Error('no pid'));
      else resolve(child.pid);
    });
  });
}

/**
 * Folders of tests stay for a week, since a restored file must find its place. Everybody can write beside
 * them: only folders of our own are touched, and in them only the two files of a test, by their names. To
 * clear a folder by walking through it would let its walls be moved meanwhile.
 */
async function removeOld(now: number): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(tmpdir(), name);
    const stats = await lstat(path).catch(() => undefined);
    if (stats === undefined || !isOwnFolder(stats) || now - stats.mtimeMs <= KEEP_MS) continue;
    for (const file of [EICAR_NAME, SCRIPT_NAME]) await unlink(join(path, file)).catch(() => undefined);
    await rmdir(path).catch(() => undefined);
  }
}

function isOwnFolder(stats: Stats): boolean {
  return stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0;
}
