import { type ChildProcess, spawn } from 'node:child_process';
import type { JournalPosition } from '../../../../state/log-positions.ts';
import { JOURNAL_FIELDS } from './parse-entry.ts';

/**
 * Longest entry as JSON: a message of the largest size whose bytes are no UTF-8 takes six characters a byte.
 */
const ENTRY_BYTES = 512 * 1_024;
const STDERR_CHARS = 1_024;
const NEWLINE = 0x0a;

export interface Journalctl {
  readonly exited: Promise<{ readonly reason: string }>;
  /** journald keeps what is not taken: nothing is lost by it, unless the journal is emptied meanwhile. */
  pause(): void;
  resume(): void;
  stop(): void;
  /** Entries that were too large. */
  readonly oversized: number;
}

export interface JournalctlOptions {
  readonly program: string;
  /** Before all others, such as `--namespace=NAME`. */
  readonly extraArguments: readonly string[];
  readonly position: JournalPosition;
  readonly onEntries: (entries: readonly string[]) => void;
}

/**
 * Arguments of one `journalctl` that goes on for ever. Its own copies of audit records are left out: they come
 * from the kernel directly, and the agent's own would feed on themselves. `--all`: without it a message over
 * 4 KiB is printed as null.
 */
export function journalctlArguments(position: JournalPosition, extra: readonly string[]): readonly string[] {
  return [
    ...extra,
    '--output=json',
    `--output-fields=${JOURNAL_FIELDS.join(',')}`,
    '--all',
    '--follow',
    '--no-tail',
    '--no-pager',
    '--quiet',
    'cursor' in position ? `--after-cursor=${position.cursor}` : `--since=@${position.since.toFixed(3)}`,
    ...['syslog', 'journal', 'stdout', 'kernel', 'driver'].map((transport) => `_TRANSPORT=${transport}`),
  ];
}

export function startJournalctl(options: JournalctlOptions): Journalctl {
  const child: ChildProcess = spawn(options.program, journalctlArguments(options.position, options.extraArguments), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { LC_ALL: 'C.UTF-8', PATH: '/usr/bin:/bin' },
    cwd: '/',
  });
  const exited = Promise.withResolvers<{ readonly reason: string }>();
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let isOversized = false;
  let oversized = 0;
  let stderr = '';

  child.stdout?.on('data', (chunk: Buffer) => {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end < 0) return keep(chunk);
    const whole = Buffer.concat([...pending, chunk.subarray(0, end + 1)]);
    const isTorn = isOversized;
    pending = [];
    pendingBytes = 0;
    isOversized = false;
    keep(chunk.subarray(end + 1));
    options.onEntries(linesOf(whole, isTorn));
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_CHARS);
  });
  child.once('error', (error) => exited.resolve({ reason: error.message }));
  child.once('close', (code, signal) =>
    exited.resolve({ reason: stderr.trim() || `exit ${code === null ? String(signal) : String(code)}` }),
  );

  function keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (isOversized || pendingBytes + bytes.length > ENTRY_BYTES) {
      if (!isOversized) oversized += 1;
      isOversized = true;
      pending = [];
      pendingBytes = 0;
      return;
    }
    // A copy: the chunk may be a small part of a large allocation.
    pending.push(Buffer.from(bytes));
    pendingBytes += bytes.length;
  }

  return {
    exited: exited.promise,
    pause: () => void child.stdout?.pause(),
    resume: () => void child.stdout?.resume(),
    stop: () => void child.kill('SIGTERM'),
    get oversized() {
      return oversized;
    },
  };
}

/** The first is no whole one when its start was given up. */
function linesOf(bytes: Buffer, isTorn: boolean): readonly string[] {
  const lines = bytes.toString('utf8').split('\n');
  if (isTorn) lines.shift();
  return lines.filter((line) => line !== '');
}
