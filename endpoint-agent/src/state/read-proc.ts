import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { encodePath, encodeText } from '../native/path-bytes.ts';

/** What /proc says of one process. Kernel threads have neither image nor command line. */
export interface ProcFacts {
  readonly pid: number;
  readonly parentPid: number;
  /** Field 22 of /proc/PID/stat: clock ticks (hundredths of a second) since boot. */
  readonly startTicks: number;
  readonly image?: string;
  readonly commandLine?: string;
  readonly uid?: number;
}

/** Reads processes from the system. */
export interface ProcReader {
  /** The pids of all processes at this moment. */
  list(): readonly number[];
  /** Undefined when the process is gone, or hidden from this user. */
  read(pid: number): ProcFacts | undefined;
  /** `startTicks` alone, at a fifth of the cost; where it is missing `read` serves. */
  startTicks?(pid: number): number | undefined;
}

/** Longer command lines are cut here; the events carry them whole. */
const MAX_COMMAND_LINE = 8_192;

export const procReader: ProcReader = {
  list: () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number),
  read(pid) {
    const rest = statFields(pid);
    const parentPid = Number(rest?.[1]);
    const startTicks = Number(rest?.[19]);
    if (!rest || !Number.isSafeInteger(parentPid) || !Number.isSafeInteger(startTicks)) return undefined;
    const image = readLink(`/proc/${pid}/exe`);
    const commandLine = image === undefined ? undefined : readCommandLine(pid);
    const uid = readUid(pid);
    return {
      pid,
      parentPid,
      startTicks,
      ...(image === undefined ? {} : { image }),
      ...(commandLine === undefined ? {} : { commandLine }),
      ...(uid === undefined ? {} : { uid }),
    };
  },
  startTicks(pid) {
    const ticks = Number(statFields(pid)?.[19]);
    return Number.isSafeInteger(ticks) ? ticks : undefined;
  },
};

/** Of /proc/PID/stat from the third (state) on. */
function statFields(pid: number): string[] | undefined {
  const stat = readBytes(`/proc/${pid}/stat`)?.toString('latin1');
  // The name in parentheses may itself hold spaces and parentheses; the last one ends it.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readCommandLine(pid: number): string | undefined {
  const bytes = readBytes(`/proc/${pid}/cmdline`);
  if (!bytes || bytes.length === 0) return undefined;
  const end = bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
  // Arguments are separated by NUL; joined by spaces as in the events.
  const joined = Buffer.from(bytes.subarray(0, Math.min(end, MAX_COMMAND_LINE)));
  for (let at = joined.indexOf(0); at !== -1; at = joined.indexOf(0, at + 1)) joined[at] = 0x20;
  return encodeText(joined);
}

function readUid(pid: number): number | undefined {
  const uid = /^Uid:\t(\d+)/m.exec(readBytes(`/proc/${pid}/status`)?.toString('latin1') ?? '')?.[1];
  return uid === undefined ? undefined : Number(uid);
}

function readLink(path: string): string | undefined {
  try {
    return encodePath(readlinkSync(path, 'buffer'));
  } catch {
    return undefined; // A kernel thread, another user's process, or gone.
  }
}

function readBytes(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // Gone, or hidden (hidepid).
  }
}
