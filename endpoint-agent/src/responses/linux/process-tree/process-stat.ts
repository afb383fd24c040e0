import { readdirSync } from 'node:fs';
import { AT_FDCWD, libc, O } from '../../../native/libc.ts';
import { encodePath } from '../../../native/path-bytes.ts';

/** What /proc/PID/stat says, as far as responses need it (proc_pid_stat(5)). */
export interface ProcessStat {
  readonly pid: number;
  /** R running, S sleeping, D disk, T stopped, t traced, Z zombie, X dead ... of the main thread. */
  readonly state: string;
  readonly parentPid: number;
  readonly groupId: number;
  readonly sessionId: number;
  readonly isKernelThread: boolean;
  readonly threads: number;
  /** Clock ticks since boot; pid and start time together name a process. */
  readonly startTicks: number;
}

const PF_KTHREAD = 0x0020_0000;
/** Threads of one process that are looked at; the kernel stops the rest with them. */
const THREADS_READ = 512;
const buffer = Buffer.alloc(4_096);

/** Undefined when there is no such process, or it may not be read. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  return readStatFile(`/proc/${pid}/stat`);
}

/** Every process of this pid namespace, by pid. Takes about 10 µs a process. */
export function readAllProcesses(): Map<number, ProcessStat> {
  const processes = new Map<number, ProcessStat>();
  for (const name of readdirSync('/proc')) {
    const first = name.charCodeAt(0);
    if (first < 0x31 || first > 0x39) continue;
    const stat = readStatFile(`/proc/${name}/stat`);
    if (stat !== undefined) processes.set(stat.pid, stat);
  }
  return processes;
}

/** The program that the process runs, encoded as events have it; undefined for kernel threads and the dead. */
export function readExecutable(pid: number): string | undefined {
  const path = Buffer.alloc(4_096);
  const length = libc().readlinkat(AT_FDCWD, Buffer.from(`/proc/${pid}/exe`), path);
  return length > 0 ? encodePath(path.subarray(0, length)) : undefined;
}

/** The arguments, joined by blanks; at most the first 4 KiB. Undefined when there are none to read. */
export function readCommandLine(pid: number): string | undefined {
  const length = readInto(`/proc/${pid}/cmdline`);
  return length > 0 ? buffer.toString('utf8', 0, length).replaceAll('\0', ' ').trimEnd() : undefined;
}

/** Whether it can still run code: a zombie whose other threads live on can. */
export function isAlive(stat: ProcessStat): boolean {
  return (stat.state !== 'Z' && stat.state !== 'X') || stat.threads > 1;
}

/**
 * Whether no thread of it will run user code before somebody continues it. A thread in uninterruptible sleep
 * counts as halted: the pending stop takes effect before it returns to its program.
 */
export function isHalted(stat: ProcessStat): boolean {
  if (stat.threads <= 1) return HALTED.includes(stat.state);
  let names: string[];
  try {
    names = readdirSync(`/proc/${stat.pid}/task`);
  } catch {
    return true;
  }
  return names.slice(0, THREADS_READ).every((name) => {
    const thread = readStatFile(`/proc/${stat.pid}/task/${name}/stat`);
    return thread === undefined || HALTED.includes(thread.state);
  });
}

const HALTED = 'TtZXD';

function readStatFile(path: string): ProcessStat | undefined {
  const length = readInto(path);
  return length > 0 ? parseProcessStat(buffer.toString('latin1', 0, length)) : undefined;
}

/** Bytes read into `buffer`, or a negative error. */
function readInto(path: string): number {
  const calls = libc();
  const fd = calls.open(Buffer.from(path), O.RDONLY);
  if (fd < 0) return fd;
  const length = calls.read(fd, buffer);
  calls.close(fd);
  return length;
}

/** The name in parentheses is the process's own choice: it may hold blanks, line feeds and parentheses. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  const pid = Number.parseInt(text, 10);
  // fields[0] is field 3 of the manual page.
  const number = (field: number): number => Number(fields[field - 3]);
  const stat: ProcessStat = {
    pid,
    state: fields[0] ?? '',
    parentPid: number(4),
    groupId: number(5),
    sessionId: number(6),
    isKernelThread: (number(9) & PF_KTHREAD) !== 0,
    threads: number(20),
    startTicks: number(22),
  };
  return end > 0 && Number.isSafeInteger(pid) && Number.isSafeInteger(stat.startTicks) ? stat : undefined;
}
