import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../../platform/clock.ts';
import type { JournalPosition, LogPositions } from '../../../../state/log-positions.ts';
import { Pace } from '../pace.ts';
import type { LogRecord } from '../record.ts';
import { type Journalctl, startJournalctl } from './journalctl.ts';
import { type JournalEntry, parseJournalEntry } from './parse-entry.ts';
import { createUserShares } from './user-shares.ts';

export interface JournalSettings {
  /** The program, by its absolute path. */
  readonly journalctl: string;
  readonly extraArguments: readonly string[];
  /** Exists while journald runs. */
  readonly socket: string;
  /** Folders with one folder for each machine, in which the journal's files lie. */
  readonly folders: readonly string[];
}

export const SYSTEM_JOURNAL: JournalSettings = {
  journalctl: '/usr/bin/journalctl',
  extraArguments: [],
  socket: '/run/systemd/journal/socket',
  folders: ['/var/log/journal', '/run/log/journal'],
};

/** `absent`: no journald here, or one that keeps nothing. `failing`: it is there and cannot be read. */
export type JournalState = 'absent' | 'active' | 'failing';

export interface FollowJournalOptions {
  readonly settings: JournalSettings;
  readonly clock: Clock;
  readonly bootId: string;
  readonly positions: LogPositions;
  /** This process, whose own lines are no news. */
  readonly selfPid: number;
  readonly take: (records: readonly LogRecord[]) => void;
  readonly onState: (state: JournalState) => void;
  readonly log: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

export interface FollowedJournal extends AsyncDisposable {
  start(): JournalState;
  readonly state: JournalState;
  /** The last failure in journalctl's words. */
  readonly reason: string | undefined;
  readonly lost: number;
}

const LOOK_MS = 30_000;
const RETRY_MS = [1_000, 2_000, 5_000, 15_000, 60_000] as const;
/** A child that ran this long was no failed start. */
const STEADY_MS = 10_000;
const FAILING_AFTER = 3;
const LINES_PER_SECOND = 4_000;
const PAUSE_MS = 100;
/** journald itself drops what one service writes too fast, and says how much. */
const SUPPRESSED = /^(?:Suppressed (\d{1,10}) messages from |Missed (\d{1,10}) kernel messages)/;

/** Follows the journal through a `journalctl` of its own, started again when it ends. */
export function followJournal(options: FollowJournalOptions): FollowedJournal {
  const { clock, settings, positions } = options;
  const pace = new Pace({ perSecond: LINES_PER_SECOND, burst: LINES_PER_SECOND, monotonic: () => clock.monotonic() });
  const shares = createUserShares(() => clock.monotonic());
  let state: JournalState = 'absent';
  let child: Journalctl | undefined;
  let failures = 0;
  let lost = 0;
  let reason: string | undefined;
  let isStopped = false;
  let cancelTimer: (() => void) | undefined;

  function become(next: JournalState): void {
    if (next === state) return;
    state = next;
    options.onState(next);
  }

  function later(milliseconds: number, task: () => void): void {
    cancelTimer?.();
    cancelTimer = clock.after(milliseconds, task);
  }

  function attempt(): void {
    if (isStopped) return;
    if (!isPresent(settings)) {
      become('absent');
      return later(LOOK_MS, attempt);
    }
    const position = positions.journal() ?? { since: clock.now() / 1_000 };
    if ('since' in position) positions.save({ journal: position }, clock.now());
    const startedAt = clock.monotonic();
    const started = startJournalctl({
      program: settings.journalctl,
      extraArguments: settings.extraArguments,
      position,
      onEntries,
    });
    child = started;
    if (failures === 0) become('active');
    void retryAfter(started, startedAt);
    if (failures > 0) {
      later(STEADY_MS, () => {
        if (child !== started) return;
        failures = 0;
        become('active');
      });
    }
  }

  async function retryAfter(started: Journalctl, startedAt: number): Promise<void> {
    const exit = await started.exited;
    lost += started.oversized;
    child = undefined;
    if (isStopped) return;
    reason = exit.reason;
    failures = clock.monotonic() - startedAt > STEADY_MS ? 1 : failures + 1;
    options.log('journalctl ended', { reason: exit.reason, failures });
    if (failures >= FAILING_AFTER) become('failing');
    later(RETRY_MS[Math.min(failures, RETRY_MS.length) - 1] ?? LOOK_MS, attempt);
  }

  function onEntries(lines: readonly string[]): void {
    const records: LogRecord[] = [];
    let cursor: string | undefined;
    for (const line of lines) {
      const entry = parseJournalEntry(line);
      if (entry === undefined) {
        lost += 1;
        continue;
      }
      cursor = entry.cursor;
      const record = wanted(entry);
      if (record) records.push(record);
    }
    if (records.length > 0) options.take(records);
    if (cursor !== undefined) positions.save({ journal: { cursor } satisfies JournalPosition }, clock.now());
    pace.take(lines.length);
    const paused = child;
    if (paused && pace.available === 0) {
      paused.pause();
      clock.after(PAUSE_MS, () => paused.resume());
    }
  }

  function wanted(entry: JournalEntry): LogRecord | undefined {
    const { record, bootId, transport } = entry;
    if (record.writer?.pid === options.selfPid && bootId === options.bootId) return undefined;
    if (transport === 'driver') lost += suppressedIn(record.message);
    if (record.message === '') return undefined;
    if (!shares.mayPass(record.writer?.uid)) {
      lost += 1;
      return undefined;
    }
    if (bootId === options.bootId) return record;
    // Of an earlier boot: its pids and its clock mean nothing now.
    const { bootTime: _bootTime, writer, ...rest } = record;
    const { pid: _pid, ...other } = writer ?? {};
    return { ...rest, writer: other };
  }

  return {
    start() {
      attempt();
      return state;
    },
    get state() {
      return state;
    },
    get reason() {
      return reason;
    },
    get lost() {
      return lost + (child?.oversized ?? 0);
    },
    async [Symbol.asyncDispose]() {
      isStopped = true;
      cancelTimer?.();
      const running = child;
      running?.stop();
      running?.resume();
      await running?.exited;
    },
  };
}

function suppressedIn(message: string): number {
  const match = SUPPRESSED.exec(message);
  return match ? Number(match[1] ?? match[2]) : 0;
}

/** journald runs and keeps a journal (with `Storage=none` there is nothing to read). */
function isPresent({ journalctl, socket, folders }: JournalSettings): boolean {
  try {
    accessSync(journalctl, constants.X_OK);
  } catch {
    return false;
  }
  return existsSync(socket) && folders.some(hasJournal);
}

function hasJournal(folder: string): boolean {
  try {
    return readdirSync(folder).some((machine) =>
      readdirSync(join(folder, machine)).some((name) => name.endsWith('.journal')),
    );
  } catch {
    return false;
  }
}
