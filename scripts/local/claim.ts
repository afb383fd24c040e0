import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { INSTALLATION_FILE } from '../places.mjs';
import { fromSystemError, type Say, StartError } from './messages.ts';

const LOCK_FILE = 'launcher.lock';
const LEFTOVER_PATIENCE_MS = 20_000;
const LEFTOVER_POLL_MS = 200;

const StartedProcess = z.object({ pid: z.number().int().positive(), startTime: z.string() });
type StartedProcess = z.infer<typeof StartedProcess>;

/** What is said about a running installation: for a second `npm start`, and for the commands in `bin/`. */
const InstallationFile = z.object({
  launcher: z.number().int(),
  /** Start times are counted from the boot: another boot's processes are not these. */
  bootId: z.string(),
  url: z.string(),
  /** Environment of the console's command line. */
  console: z.record(z.string(), z.string()),
  processes: z.array(StartedProcess).max(64),
});
export type InstallationFile = z.infer<typeof InstallationFile>;

/** The sole right to a data folder, as long as this process lives. */
export interface Claim extends Disposable {
  /** Writes what others may know; it stays after the end, for the commands that need no running console. */
  record(facts: Pick<InstallationFile, 'url' | 'console'>, pids: readonly number[]): void;
}

/**
 * Takes the folder for this process: a lock that the system releases with it, whatever ends it. Throws
 * StartError `already_running`. Processes of a run that was killed are waited for, and ended if they stay.
 */
export async function claimDataDir(dataDir: string, say: Say): Promise<Claim> {
  const file = join(dataDir, INSTALLATION_FILE);
  const lock = openLock(join(dataDir, LOCK_FILE)) ?? alreadyRunning(dataDir, readInstallation(file));
  try {
    const former = readInstallation(file);
    if (former?.bootId === bootId()) await endLeftovers(former.processes, say);
  } catch (error) {
    lock.close();
    throw error;
  }
  return {
    record(facts, pids) {
      const content: InstallationFile = {
        launcher: process.pid,
        bootId: bootId(),
        ...facts,
        processes: pids.flatMap((pid) => {
          const startTime = startTimeOf(pid);
          return startTime === undefined ? [] : [{ pid, startTime }];
        }),
      };
      try {
        writeFileSync(`${file}.new`, JSON.stringify(content), { mode: 0o600 });
        renameSync(`${file}.new`, file);
      } catch (error) {
        throw fromSystemError(error, file);
      }
    },
    [Symbol.dispose]: () => lock.close(),
  };
}

/** SQLite's lock is one of the system's: it needs no clean-up and cannot be stale. Undefined: somebody has it. */
function openLock(path: string, mayReplace = true): DatabaseSync | undefined {
  let lock: DatabaseSync | undefined;
  try {
    // For this user alone: who can read it could hold it, too.
    closeSync(openSync(path, 'a', 0o600));
    lock = new DatabaseSync(path, { timeout: 0 });
    lock.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; PRAGMA user_version = 1; COMMIT',
    );
    return lock;
  } catch (error) {
    lock?.close();
    const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
    if (code === SQLITE.busy) return undefined;
    if (code === SQLITE.notADatabase && mayReplace) {
      rmSync(path, { force: true });
      return openLock(path, false);
    }
    if (code === 0) throw fromSystemError(error, path);
    const system: Partial<Record<number, string>> = {
      [SQLITE.cannotOpen]: 'EACCES',
      [SQLITE.readOnly]: 'EROFS',
      [SQLITE.full]: 'ENOSPC',
    };
    throw fromSystemError(Object.assign(new Error(String(error)), { code: system[code] ?? '' }), path);
  }
}

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html). */
const SQLITE = { busy: 5, readOnly: 8, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

function alreadyRunning(dataDir: string, running: InstallationFile | undefined): never {
  const where = running ? ` (pid ${running.launcher}, ${running.url})` : '';
  throw new StartError('already_running', {
    ja: `${dataDir} はすでに動いています${where}。そちらを Ctrl-C で終了するか、--data-dir と --port で別の場所とポートを指定してください。`,
    en: `${dataDir} is already running${where}. Stop it with Ctrl-C there, or name another folder and port with --data-dir and --port.`,
  });
}

function readInstallation(file: string): InstallationFile | undefined {
  try {
    const result = InstallationFile.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    return result.success ? result.data : undefined;
  } catch {
    // Absent at the first start; a damaged one says nothing that is needed.
    return undefined;
  }
}

/** They end by themselves when their launcher dies; the agent takes a moment to put the kernel's state back. */
async function endLeftovers(processes: readonly StartedProcess[], say: Say): Promise<void> {
  const alive = (): readonly StartedProcess[] =>
    processes.filter(({ pid, startTime }) => startTimeOf(pid) === startTime);
  if (alive().length === 0) return;
  say('前回のプロセスが終わるのを待っています …', 'Waiting for the processes of the last run to end …');
  for (let waited = 0; waited < LEFTOVER_PATIENCE_MS && alive().length > 0; waited += LEFTOVER_POLL_MS) {
    await delay(LEFTOVER_POLL_MS);
  }
  for (const { pid } of alive()) process.kill(pid, 'SIGKILL');
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)): with the pid it names one process of this boot. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only its parent has not looked yet.
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
