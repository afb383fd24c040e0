import type { Event } from '@yagura/protocol';
import type { Clock } from '../platform/clock.ts';
import { FairQueue } from '../platform/fairness/fair-queue.ts';
import type { FileFacts, FileHasher } from '../scanner/file-hasher.ts';

/** Called at most once, later, with a copy of the event that carries the hash. */
export type OnKnown = (hashed: Event, path: string, facts: FileFacts) => void;

/** Learns the content of files that events speak of, after the event itself was judged. */
export interface FileReader {
  /** `urgent`: somebody waits for the answer, whatever else goes on. */
  read(event: Event, urgent: boolean, onKnown: OnKnown): void;
  /** Written files that were not looked into, since too many waited or the agent ended. */
  readonly dropped: number;
  /** Reads no more. Safe to call twice. */
  stop(): void;
}

export interface FileReaderLimits {
  /** Files that are read at once although nobody waits for them, and how many more a second allows. */
  readonly burst: number;
  readonly perSecond: number;
  /** How long a file waits at least, in milliseconds: many are gone by then. */
  readonly settleMs: number;
  /** Files read per second while others go on being written, and once that is over. */
  readonly whileBusy: number;
  readonly whenQuiet: number;
  readonly maxWaiting: number;
}

export const FILE_READER_LIMITS: FileReaderLimits = {
  burst: 20,
  perSecond: 5,
  settleMs: 2_000,
  whileBusy: 20,
  whenQuiet: 200,
  maxWaiting: 4_000,
};

export interface FileReaderOptions {
  readonly hasher: Pick<FileHasher, 'hash' | 'dropped'>;
  readonly clock: Clock;
  readonly onBug: (error: unknown) => void;
  readonly limits?: FileReaderLimits;
}

/** Events after which a file may hold something new. Those of category `persistence` carry its hash already. */
const WRITES: ReadonlySet<string | undefined> = new Set(['file_event', 'file_rename']);
const STEP_MS = 100;
/** After a write that found no room among those read at once, the machine counts as busy for this long. */
const BUSY_MS = 1_000;

const MAX_OWNERS = 64;
/** Ends the name of a user's second line; no user's name holds it. */
const URGENT = '\0urgent';

/** A file that waits. */
interface Waiting {
  /** The present one; undefined once it waits no more. */
  path: string | undefined;
  event: Event;
  onKnown: OnKnown;
  readonly since: number;
}

/**
 * Reads what is written at once while little is, as on a machine at which somebody works. Where files come by
 * the hundred (a build, an unpacked archive) each read would slow that work down: then they wait for some
 * seconds, and those that are deleted meanwhile are never read. A file that is executed while it waits is
 * read at once. Users take turns: the thousands of files of one keep nobody else's from being read.
 */
export function createFileReader(options: FileReaderOptions): FileReader {
  const { hasher, clock, onBug } = options;
  const limits = options.limits ?? FILE_READER_LIMITS;
  const waiting = new Map<string, Waiting>();
  /** The same, each user's in the order of their first write; with some that wait no more. */
  const turns = new FairQueue<Waiting>({ maxItems: limits.maxWaiting, maxOwners: MAX_OWNERS });
  let allowance = limits.burst;
  let allowedAt = clock.monotonic();
  let busyUntil = Number.NEGATIVE_INFINITY;
  let due = 0;
  let cancelStep: (() => void) | undefined;
  let isStopped = false;
  let dropped = 0;
  /** Entries of `turns` that wait no more. */
  let ghosts = 0;

  /** `urgent`: in a line of its own, which the owner's other files cannot make longer. */
  function start(path: string, { event, onKnown }: Pick<Waiting, 'event' | 'onKnown'>, urgent: boolean): void {
    const owner = ownerOf(event);
    void hasher.hash(path, urgent ? `${owner}${URGENT}` : owner).then((facts) => {
      if (facts === undefined || facts.size === 0) return;
      const { sha256, size, type } = facts;
      const known = { TargetFilename: path, Hashes: `SHA256=${sha256}`, sha256, FileSize: size };
      const fields = { ...event.fields, ...known, ...(type === undefined ? {} : { FileType: type }) };
      onKnown({ ...event, fields }, path, facts);
    }, onBug);
  }

  function isAllowed(): boolean {
    const now = clock.monotonic();
    allowance = Math.min(limits.burst, allowance + ((now - allowedAt) / 1_000) * limits.perSecond);
    allowedAt = now;
    if (allowance < 1) return false;
    allowance -= 1;
    return true;
  }

  function put(path: string, event: Event, onKnown: OnKnown): void {
    const now = clock.monotonic();
    busyUntil = now + BUSY_MS;
    // What is written again and again is read once in its time, and cannot put that off.
    const before = waiting.get(path);
    if (before) Object.assign(before, { event, onKnown });
    else line(path, { path, event, onKnown, since: now });
    if (waiting.size > 0) cancelStep ??= clock.after(STEP_MS, step);
  }

  function line(path: string, file: Waiting): void {
    waiting.set(path, file);
    if (turns.size >= limits.maxWaiting && ghosts * 2 >= limits.maxWaiting) dismissGhosts();
    const gaveWay = turns.add(ownerOf(file.event), file);
    if (gaveWay === undefined) return;
    if (gaveWay.path === undefined) {
      ghosts -= 1;
      return;
    }
    waiting.delete(gaveWay.path);
    dropped += 1;
  }

  /** Files that are made and deleted by the thousand must not take the places of those that stay. */
  function dismissGhosts(): void {
    for (const file of turns.drain()) if (file.path !== undefined) turns.add(ownerOf(file.event), file);
    ghosts = 0;
  }

  function forget(path: string): Waiting | undefined {
    const file = waiting.get(path);
    waiting.delete(path);
    if (file) {
      file.path = undefined;
      ghosts += 1;
    }
    return file;
  }

  function step(): void {
    const now = clock.monotonic();
    due += ((now < busyUntil ? limits.whileBusy : limits.whenQuiet) * STEP_MS) / 1_000;
    const isSettled = ({ path, since }: Waiting): boolean => path === undefined || now - since >= limits.settleMs;
    while (due >= 1) {
      const file = turns.take(isSettled);
      if (!file) break;
      if (file.path === undefined) {
        ghosts -= 1;
        continue;
      }
      due -= 1;
      waiting.delete(file.path);
      start(file.path, file, false);
    }
    due = Math.min(due, 1);
    cancelStep = waiting.size > 0 ? clock.after(STEP_MS, step) : undefined;
  }

  /**
   * Somebody runs it: what is known of it is wanted now. Once files have given way, a script may be one of them,
   * whatever was written in between, so that it is read on behalf of its start.
   */
  function hurry(path: unknown, asStarted?: Pick<Waiting, 'event' | 'onKnown'>): void {
    if (typeof path !== 'string') return;
    const file = forget(path) ?? (dropped > 0 ? asStarted : undefined);
    if (file) start(path, file, true);
  }

  /** What was unpacked beside its place and then put there waits under its new name. */
  function moveBelow(from: string, to: string): void {
    const moved = [...waiting].filter(([path]) => path.startsWith(`${from}/`));
    for (const [path, file] of moved) {
      waiting.delete(path);
      file.path = to + path.slice(from.length);
      waiting.set(file.path, file);
    }
  }

  /** What this event says of files that wait. */
  function follow(event: Event, onKnown: OnKnown): void {
    const { logsource, fields } = event;
    const { TargetFilename: target, SourceFilename: source } = fields;
    if (logsource.category === 'process_creation') {
      hurry(fields['Image']);
      hurry(fields['ScriptFile'], fields['MountNamespace'] === undefined ? { event, onKnown } : undefined);
    } else if (logsource.category === 'file_delete' && typeof target === 'string') {
      forget(target);
    } else if (logsource.category === 'file_rename' && typeof source === 'string') {
      forget(source);
      if (fields['IsDirectory'] === true && typeof target === 'string') moveBelow(source, target);
    }
  }

  return {
    read(event, urgent, onKnown) {
      // A path of another mount namespace is some other file here: neither read, nor taken for the one that waits.
      const isElsewhere = event.fields['MountNamespace'] !== undefined;
      if (isElsewhere && event.logsource.category !== 'process_creation') return;
      if (waiting.size > 0 || dropped > 0) follow(event, onKnown);
      const path = event.fields['TargetFilename'];
      const isFile = typeof path === 'string' && event.fields['IsDirectory'] !== true;
      if (isStopped || !isFile || !WRITES.has(event.logsource.category)) return;
      if (urgent || isAllowed()) {
        forget(path);
        start(path, { event, onKnown }, urgent);
      } else put(path, event, onKnown);
    },
    get dropped() {
      return dropped + hasher.dropped;
    },
    stop() {
      isStopped = true;
      cancelStep?.();
      dropped += waiting.size;
      waiting.clear();
      turns.drain();
    },
  };
}

function ownerOf({ fields }: Event): string {
  return typeof fields['User'] === 'string' ? fields['User'] : '';
}
