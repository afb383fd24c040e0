import { readdirSync, readFileSync } from 'node:fs';

/** What threads did so far. */
export interface ThreadUsage {
  readonly cpuMilliseconds: number;
  /** Times at which a thread that slept was woken. */
  readonly wakeups: number;
}

/** Of all threads of these processes, to the nanosecond (/proc/PID/task/TID/schedstat). Ended ones count nothing. */
export function threadUsage(pids: readonly number[]): ThreadUsage {
  let nanoseconds = 0;
  let wakeups = 0;
  for (const pid of pids) {
    for (const thread of list(`/proc/${pid}/task`)) {
      const folder = `/proc/${pid}/task/${thread}`;
      nanoseconds += Number(text(`${folder}/schedstat`).split(' ')[0] ?? 0);
      wakeups += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(text(`${folder}/status`))?.[1] ?? 0);
    }
  }
  return { cpuMilliseconds: nanoseconds / 1e6, wakeups };
}

export function difference(after: ThreadUsage, before: ThreadUsage): ThreadUsage {
  return {
    cpuMilliseconds: after.cpuMilliseconds - before.cpuMilliseconds,
    wakeups: after.wakeups - before.wakeups,
  };
}

/** Processes and threads that the machine has begun since it booted. */
export function machineForks(): number {
  return Number(/^processes (\d+)/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? 0);
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
