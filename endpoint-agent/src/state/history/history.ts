import { existsSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Event } from '@yagura/protocol';
import type { Clock } from '../../platform/clock.ts';
import { FairShare } from '../../platform/fairness/fair-share.ts';
import { OwnerBudgets } from '../../platform/fairness/owner-budgets.ts';
import { storeFailure } from '../../store/sqlite.ts';
import type { ProcessTable } from '../process-table.ts';
import { BLOCK_EVENTS, HISTORY_LANES, type HistoryLane, packBlock } from './block.ts';
import { HistoryDatabase, type NewBlock } from './history-database.ts';
import { HISTORY_LIMITS, type HistoryLimits } from './history-limits.ts';
import { ProcessRows } from './process-rows.ts';

/** Name of the database inside the state folder. */
export const HISTORY_FILE = 'history.sqlite';

export interface HistoryStatus {
  readonly events: number;
  readonly processes: number;
  readonly bytes: number;
  /** Time of the oldest event; absent while there is none. */
  readonly oldestAt?: number;
  /** Events that were not kept: more than a second allows, or the disk did not take them. */
  readonly dropped: number;
  /** Why nothing is kept at the moment. */
  readonly code?: 'disk_low' | 'history_failed' | 'history_off';
}

/**
 * The last days of events on this machine. `add` costs microseconds and never waits for the disk; events are
 * written in blocks of 512, or two seconds after the first of them, so that a kill loses at most those.
 */
export interface History extends Disposable {
  /** An event without secrets. */
  add(event: Event): void;
  /** Call about every second. */
  tick(): void;
  status(): HistoryStatus;
}

export interface HistoryOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly processes: Pick<ProcessTable, 'get'>;
  readonly limits?: Partial<HistoryLimits>;
  readonly log: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

/** Part of the bound that the write-ahead log takes at most. */
const LOG_SHARE = 0.04;
const FLUSH_AFTER_MS = 2_000;
const TRIM_EVERY_MS = 60_000;
const REOPEN_AFTER_MS = 60_000;
/** Deletions of one round: the event loop must not notice. */
const ROUNDS = 8;
/** A clock that was put right or wrong deletes nothing by age until it has gone steadily for so long. */
const STEADY_MS = 3_600_000;
const JUMP_MS = 60_000;
/** They come by the thousand, and are not to push out the rest. */
const FILE_LANE: ReadonlySet<string> = new Set(['file_event', 'file_change', 'file_rename', 'file_delete']);

export function openHistory(options: HistoryOptions): History {
  const { path, clock, log } = options;
  const limits = { ...HISTORY_LIMITS, ...options.limits };
  const rows = new ProcessRows(options.processes);
  const pending: Record<HistoryLane, string[]> = { main: [], file: [], bulk: [] };
  const spans: Record<HistoryLane, { from: number; to: number }> = {
    main: emptySpan(),
    file: emptySpan(),
    bulk: emptySpan(),
  };
  const shares = new FairShare(limits.perSecond);
  const fileShares = new FairShare(limits.filesPerSecond);
  const budgets = new OwnerBudgets({ burst: limits.userBurst, perSecond: limits.userPerSecond, maxOwners: 256 });
  let database = limits.bytes > 0 ? open() : undefined;
  let retryAt = clock.monotonic() + REOPEN_AFTER_MS;
  let dropped = 0;
  let second = 0;
  let firstAt: number | undefined;
  let trimmedAt = clock.monotonic();
  let isDiskLow = hasLittleSpace();
  let offset = clock.now() - clock.monotonic();
  let steadySince = Number.NEGATIVE_INFINITY;

  function open(): HistoryDatabase | undefined {
    try {
      return new HistoryDatabase(path, limits.bytes * LOG_SHARE);
    } catch (error) {
      const failure = storeFailure(error);
      if (failure === undefined) throw error;
      if (failure !== 'damaged') return undefined;
      return setAside() ? open() : undefined;
    }
  }

  /** A damaged file is replaced; one former one is kept for a technician. */
  function setAside(): boolean {
    try {
      for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
      if (existsSync(path)) renameSync(path, `${path}.damaged`);
      log('the local history was damaged and set aside', { code: 'history_damaged' });
      return true;
    } catch {
      return false;
    }
  }

  function hasLittleSpace(): boolean {
    try {
      const { bavail, bsize } = statfsSync(dirname(path));
      return bavail * bsize < limits.freeBytes;
    } catch {
      return true;
    }
  }

  /** Runs what needs the database; a failure costs what was to be written and is tried again later. */
  function attempt(work: (open: HistoryDatabase) => void): boolean {
    if (!database) return false;
    try {
      work(database);
      return true;
    } catch (error) {
      const failure = storeFailure(error);
      if (failure === undefined) throw error;
      if (failure === 'damaged' || failure === 'io_error') {
        database[Symbol.dispose]();
        database = failure === 'damaged' && setAside() ? open() : undefined;
        retryAt = clock.monotonic() + REOPEN_AFTER_MS;
      }
      return false;
    }
  }

  function flush(): void {
    const blocks: NewBlock[] = [];
    let events = 0;
    for (const lane of HISTORY_LANES) {
      const lines = pending[lane];
      if (lines.length === 0) continue;
      const { from, to } = spans[lane];
      blocks.push({ lane, fromTime: from, toTime: to, events: lines.length, data: packBlock(lines) });
      events += lines.length;
      pending[lane] = [];
      spans[lane] = emptySpan();
    }
    firstAt = undefined;
    const { processes, ended } = rows.take();
    if (blocks.length === 0 && processes.length === 0 && ended.size === 0) return;
    if (!attempt((open) => open.write(blocks, processes, ended))) dropped += events;
  }

  function isOverRate(user: string, isFile: boolean, now: number): boolean {
    const current = Math.floor(now / 1_000);
    if (current !== second) {
      second = current;
      shares.clear();
      fileShares.clear();
    }
    if (!shares.allows(user, now) || (isFile && !fileShares.allows(user, now))) return true;
    shares.take(user, 1, now);
    if (isFile) fileShares.take(user, 1, now);
    return false;
  }

  function trim(): void {
    trimmedAt = clock.monotonic();
    isDiskLow = hasLittleSpace();
    attempt((open) => {
      for (let round = 0; round < ROUNDS; round += 1) if (!trimOnce(open)) return;
      // More is left to delete than one round may: go on with the next tick.
      trimmedAt = Number.NEGATIVE_INFINITY;
    });
  }

  /** Whether anything was deleted. */
  function trimOnce(open: HistoryDatabase): boolean {
    const isSteady = clock.monotonic() - steadySince >= STEADY_MS;
    if (isSteady && open.dropBefore(clock.now() - limits.ageMs) > 0) return true;
    if (open.processBytes() > limits.bytes * limits.processShare) return open.dropProcesses() > 0;
    if (open.laneBytes('file') > limits.bytes * limits.fileShare) return open.dropOldest('file') > 0;
    if (open.laneBytes('bulk') > limits.bytes * limits.bulkShare) return open.dropOldest('bulk') > 0;
    // The write-ahead log and a margin for what comes until the next look stay within the bound too.
    if (open.usedBytes() > limits.bytes * 0.95) return open.dropOldest() > 0 || open.dropProcesses() > 0;
    return false;
  }

  function watchClock(): void {
    const now = clock.now() - clock.monotonic();
    if (Math.abs(now - offset) > JUMP_MS || steadySince === Number.NEGATIVE_INFINITY) steadySince = clock.monotonic();
    offset = now;
  }

  return {
    add(event) {
      const { category } = event.logsource;
      const isFile = category !== undefined && FILE_LANE.has(category);
      if (limits.bytes === 0) return;
      const now = clock.monotonic();
      // What nobody is named for shares as if one did it all.
      const user = String(event.fields['User'] ?? '');
      if (!database || isDiskLow || isOverRate(user, isFile, now)) {
        dropped += 1;
        return;
      }
      rows.note(event);
      firstAt ??= now;
      // The process's row says when it ended.
      if (category === 'process_termination') return;
      const lane = !budgets.spend(user, now) ? 'bulk' : isFile ? 'file' : 'main';
      pending[lane].push(JSON.stringify(event));
      const span = spans[lane];
      span.from = Math.min(span.from, event.time);
      span.to = Math.max(span.to, event.time);
      if (pending[lane].length >= BLOCK_EVENTS) flush();
    },
    tick() {
      const now = clock.monotonic();
      watchClock();
      if (!database && limits.bytes > 0 && now >= retryAt) {
        retryAt = now + REOPEN_AFTER_MS;
        database = open();
      }
      if (firstAt !== undefined && now - firstAt >= FLUSH_AFTER_MS) flush();
      if (now - trimmedAt >= TRIM_EVERY_MS) trim();
    },
    status() {
      const counts = { events: 0, processes: 0, bytes: 0, oldestAt: undefined as number | undefined };
      attempt((open) => {
        counts.events = open.events();
        counts.processes = open.processes();
        counts.bytes = open.usedBytes();
        counts.oldestAt = open.oldestAt();
      });
      const { oldestAt, ...rest } = counts;
      const code =
        limits.bytes === 0 ? 'history_off' : database ? (isDiskLow ? 'disk_low' : undefined) : 'history_failed';
      return {
        ...rest,
        ...(oldestAt === undefined ? {} : { oldestAt }),
        dropped: dropped + rows.dropped,
        ...(code === undefined ? {} : { code }),
      };
    },
    [Symbol.dispose]() {
      flush();
      database?.[Symbol.dispose]();
      database = undefined;
    },
  };
}

function emptySpan(): { from: number; to: number } {
  return { from: Number.MAX_SAFE_INTEGER, to: 0 };
}
