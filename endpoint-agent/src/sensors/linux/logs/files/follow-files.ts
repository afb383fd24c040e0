import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../../../platform/clock.ts';
import type { FilePosition, LogPositions } from '../../../../state/log-positions.ts';
import type { LogFileKind } from '../catalogue.ts';
import { Pace } from '../pace.ts';
import { beginningOf } from './beginning.ts';
import { type Discovery, discoverFiles, type FoundFile } from './discover-files.ts';
import { LogFollower } from './follow-log.ts';
import { READ_BYTES } from './open-log.ts';
import { createFolderWatch } from './watch-folders.ts';

/** Lines of one file, oldest first; valid until it returns. `modifiedAt` is the file's, in milliseconds since the epoch. */
export type TakeLines = (kind: LogFileKind, lines: readonly Uint8Array[], modifiedAt: number) => void;

export interface FollowFilesOptions {
  readonly kinds: readonly LogFileKind[];
  /** What stands before every path of the catalogue; empty for the machine itself. */
  readonly root: string;
  readonly clock: Clock;
  readonly positions: LogPositions;
  readonly take: TakeLines;
  /** Told of a bug, after which reading goes on with the next look. */
  readonly onError: (error: unknown) => void;
}

export interface FollowedFiles extends AsyncDisposable {
  /** Resolves when the files that exist are being read. */
  start(): Promise<void>;
  /**
   * Which kinds are to be read. Those that were not before begin at their end, and those that are not any more
   * are forgotten.
   */
  select(wanted: (kind: LogFileKind) => boolean): Promise<void>;
  readonly read: readonly string[];
  /** Existing files and folders that cannot be read, with why. */
  readonly problems: ReadonlyMap<string, string>;
  readonly missing: readonly LogFileKind[];
  readonly lost: number;
}

/** Lines are let come together this long before they are looked at. */
const GATHER_MS = 150;
const POLL_WATCHED_MS = 10_000;
const POLL_UNWATCHED_MS = 2_000;
const DISCOVER_MS = 30_000;
/** Between two looks for files, however much comes and goes in a folder. */
const DISCOVER_PAUSE_MS = 3_000;
const LINES_PER_TURN = 256;
const LINES_PER_SECOND = 4_000;
/** Only folders of logs are watched: in those of databases everything changes all the time. */
const WATCHED_FOLDERS = '/var/log';

/** Follows all log files of some kinds: by watching, by polling where that fails, and by turns. */
export function followFiles(options: FollowFilesOptions): FollowedFiles {
  const { clock, positions } = options;
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  const pace = new Pace({ perSecond: LINES_PER_SECOND, burst: LINES_PER_SECOND, monotonic: () => clock.monotonic() });
  const followers = new Map<string, LogFollower>();
  const changed = new Set<string>();
  let wanted: (kind: LogFileKind) => boolean = () => true;
  let discovery: Discovery = { files: [], folders: [], refused: new Map(), dropped: 0 };
  let discoverAt = 0;
  let discoveredAt = Number.NEGATIVE_INFINITY;
  let lostByGone = 0;
  const stopping = new AbortController();
  let cancelTimer: (() => void) | undefined;
  let timerAt = Number.POSITIVE_INFINITY;
  let working: Promise<void> = Promise.resolve();

  const watch = createFolderWatch((path, isNew) => {
    if (followers.has(path)) changed.add(path);
    else if (isNew) discoverAt = Math.min(discoverAt, Math.max(discoveredAt + DISCOVER_PAUSE_MS, clock.monotonic()));
    else return;
    wakeIn(followers.has(path) ? GATHER_MS : Math.max(GATHER_MS, discoverAt - clock.monotonic()));
  });

  /** At most this many milliseconds from now. */
  function wakeIn(milliseconds: number): void {
    if (stopping.signal.aborted || timerAt <= clock.monotonic() + milliseconds) return;
    cancelTimer?.();
    timerAt = clock.monotonic() + milliseconds;
    cancelTimer = clock.after(milliseconds, () => {
      timerAt = Number.POSITIVE_INFINITY;
      void serially(turn);
    });
  }

  /** One at a time; the followers and the buffer are shared. */
  function serially(work: () => Promise<void>): Promise<void> {
    working = working.then(work).catch((error: unknown) => {
      options.onError(error);
      wakeIn(POLL_WATCHED_MS);
    });
    return working;
  }

  let polledAt = Number.NEGATIVE_INFINITY;
  async function turn(): Promise<void> {
    if (stopping.signal.aborted) return;
    if (clock.monotonic() >= discoverAt) await discover(undefined);
    const poll = watch.watched.size === watchable().size && !hasUnwatched() ? POLL_WATCHED_MS : POLL_UNWATCHED_MS;
    const isPoll = clock.monotonic() - polledAt >= poll - 1;
    if (isPoll) polledAt = clock.monotonic();
    const ready = [...followers.values()].filter(({ path }) => isPoll || changed.delete(path));
    for (const follower of ready) await follower.look();
    const isExhausted = await readByTurns(ready);
    const next = Math.max(1, Math.min(poll, discoverAt - clock.monotonic()));
    wakeIn(isExhausted ? GATHER_MS : next);
  }

  /** A little of each file at a time, so that a flood in one does not keep the others waiting. */
  async function readByTurns(ready: readonly LogFollower[]): Promise<boolean> {
    let waiting = ready;
    while (waiting.length > 0 && !stopping.signal.aborted) {
      const unfinished: LogFollower[] = [];
      const moved = new Map<string, readonly FilePosition[]>();
      for (const follower of waiting) {
        const room = Math.min(LINES_PER_TURN, pace.available);
        if (room === 0) {
          unfinished.push(follower);
          continue;
        }
        const before = JSON.stringify(follower.positions);
        const { lines, modifiedAt, more } = await follower.read(room);
        pace.take(lines.length);
        if (lines.length > 0) options.take(follower.kind, lines, modifiedAt);
        const after = follower.positions;
        if (JSON.stringify(after) !== before) moved.set(follower.path, after);
        if (more) unfinished.push(follower);
      }
      // In the same turn in which the lines were handed on: an end of the process in between repeats few.
      if (moved.size > 0) positions.save({ files: moved }, clock.now());
      waiting = unfinished;
      if (waiting.length > 0 && pace.available === 0) {
        for (const { path } of waiting) changed.add(path);
        return true;
      }
      await nextTurn();
    }
    return false;
  }

  /** `beginning`: where to begin with files of which no position is known; by default as their age says. */
  async function discover(beginning: 'end' | undefined): Promise<void> {
    discoveredAt = clock.monotonic();
    discoverAt = discoveredAt + DISCOVER_MS;
    const kinds = options.kinds.filter(wanted);
    const { savedAt } = positions;
    const isFirst = followers.size === 0 && discovery.folders.length === 0;
    discovery = await discoverFiles(kinds, options.root);
    watch.set(watchable());
    const found = new Set(discovery.files.map(({ path }) => path));
    for (const [path, follower] of followers) {
      if (found.has(path) && kinds.includes(follower.kind)) continue;
      await follower.look();
      if (follower.isGone || !kinds.includes(follower.kind)) await forget(follower);
    }
    for (const file of discovery.files) {
      if (!followers.has(file.path)) await follow(file, isFirst ? savedAt : undefined, isFirst, beginning);
    }
  }

  async function follow(
    { path, kind }: FoundFile,
    savedAt: number | undefined,
    isFirst: boolean,
    beginning: 'end' | undefined,
  ): Promise<void> {
    const follower = new LogFollower({ path, kind, buffer, monotonic: () => clock.monotonic() });
    const saved = beginning === undefined ? positions.filesAt(path) : undefined;
    if (saved !== undefined) await follower.resume(saved, savedAt ?? clock.now());
    else await follower.begin(beginning ?? (await beginningOf(path, savedAt, isFirst)));
    followers.set(path, follower);
    changed.add(path);
    positions.save({ files: new Map([[path, follower.positions]]) }, clock.now());
  }

  async function forget(follower: LogFollower): Promise<void> {
    followers.delete(follower.path);
    lostByGone += follower.lost;
    await follower.close();
    positions.save({ forget: [follower.path] }, clock.now());
  }

  function watchable(): ReadonlySet<string> {
    const top = options.root + WATCHED_FOLDERS;
    return new Set([top, ...discovery.folders.filter((folder) => folder.startsWith(`${top}/`))]);
  }

  function hasUnwatched(): boolean {
    const { watched } = watch;
    return [...followers.keys()].some((path) => !watched.has(dirname(path)));
  }

  return {
    start: () =>
      serially(async () => {
        await discover(undefined);
        wakeIn(0);
      }),
    select: (next) =>
      serially(async () => {
        const before = wanted;
        const isStarted = discovery.folders.length > 0;
        wanted = next;
        const dropped = options.kinds.filter((kind) => !next(kind));
        const { files } = await discoverFiles(dropped, options.root);
        positions.save({ forget: files.map(({ path }) => path) }, clock.now());
        if (!isStarted) return;
        const isWider = options.kinds.some((kind) => next(kind) && !before(kind));
        await discover(isWider ? 'end' : undefined);
        wakeIn(0);
      }),
    get read() {
      return [...followers.values()].filter(({ isOpen }) => isOpen).map(({ path }) => path);
    },
    get problems() {
      const own = [...followers.values()].flatMap(({ path, problem }) => (problem ? [[path, problem] as const] : []));
      return new Map([...discovery.refused, ...own]);
    },
    get missing() {
      const present = new Set(discovery.files.map(({ kind }) => kind));
      return options.kinds.filter((kind) => wanted(kind) && !present.has(kind));
    },
    get lost() {
      return [...followers.values()].reduce((sum, { lost }) => sum + lost, lostByGone);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      cancelTimer?.();
      watch[Symbol.dispose]();
      await working;
      for (const follower of followers.values()) await follower.close();
    },
  };
}
