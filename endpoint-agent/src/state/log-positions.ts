import { z } from 'zod';
import { openStore, type Store, storeFailure } from '../store/sqlite.ts';

/** How far one file (one inode) was read, and how to know it again when its name or its content changed. */
const FilePosition = z.strictObject({
  dev: z.number().int().nonnegative(),
  ino: z.number().int().nonnegative(),
  /** Bytes from the start that need not be read again. */
  offset: z.number().int().nonnegative(),
  /** SHA-256 of the `tailBytes` bytes before `offset`; absent at the start of a file. */
  tail: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  tailBytes: z.number().int().nonnegative(),
  /** `offset` lies within a line of which the rest is not wanted. */
  midLine: z.boolean(),
});
export type FilePosition = Readonly<z.infer<typeof FilePosition>>;

/** Oldest first: rotated files that were not read to their end, then the one under the name itself. */
const FilePositions = z.array(FilePosition).max(16);

const JournalPosition = z.union([
  z.strictObject({ cursor: z.string().min(1).max(1_024) }),
  /** Seconds since the epoch, when nothing was read yet. */
  z.strictObject({ since: z.number().nonnegative() }),
]);
export type JournalPosition = Readonly<z.infer<typeof JournalPosition>>;

/** Where reading of logs goes on after a restart. */
export interface LogPositions extends Disposable {
  filesAt(path: string): readonly FilePosition[] | undefined;
  journal(): JournalPosition | undefined;
  /** When positions were last saved, in milliseconds since the epoch; undefined before the first time. */
  readonly savedAt: number | undefined;
  /**
   * All in one transaction, which survives the end of this process at once and a power loss within seconds.
   * Never throws for a full disk.
   */
  save(changes: PositionChanges, now: number): void;
  /** Saves that did not reach the disk: after a restart those lines are read again. */
  readonly failures: number;
}

export interface PositionChanges {
  readonly files?: ReadonlyMap<string, readonly FilePosition[]>;
  readonly journal?: JournalPosition;
  /** Paths of which nothing is known any more. */
  readonly forget?: readonly string[];
}

const JOURNAL_KEY = 'journal';
const SAVED_AT_KEY = 'saved-at';

/** Opens the store; one that is damaged is replaced by an empty one, and `damaged` says so. */
export function openLogPositions(
  path: string,
  setAside: (path: string) => void,
): { positions: LogPositions; damaged: boolean } {
  try {
    return { positions: createLogPositions(openStore(path)), damaged: false };
  } catch (error) {
    if (storeFailure(error) !== 'damaged') throw error;
    setAside(path);
    return { positions: createLogPositions(openStore(path)), damaged: true };
  }
}

function createLogPositions(database: Store): LogPositions {
  database.exec(
    'CREATE TABLE IF NOT EXISTS positions (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT',
  );
  const put = database.prepare('INSERT OR REPLACE INTO positions (key, value) VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM positions WHERE key = ?');
  const find = database.prepare('SELECT value FROM positions WHERE key = ?');
  let failures = 0;
  let savedAt = read(SAVED_AT_KEY, z.number());

  /** What does not parse is damage and counts as unknown. */
  function read<Value>(key: string, schema: z.ZodType<Value>): Value | undefined {
    const text = find.get(key)?.['value'];
    if (typeof text !== 'string') return undefined;
    try {
      return schema.safeParse(JSON.parse(text)).data;
    } catch {
      return undefined;
    }
  }

  return {
    filesAt: (path) => read(`file:${path}`, FilePositions),
    journal: () => read(JOURNAL_KEY, JournalPosition),
    get savedAt() {
      return savedAt;
    },
    save({ files, journal, forget = [] }, now) {
      try {
        database.transaction('deferred', () => {
          for (const [path, value] of files ?? []) put.run(`file:${path}`, JSON.stringify(value));
          for (const path of forget) remove.run(`file:${path}`);
          if (journal) put.run(JOURNAL_KEY, JSON.stringify(journal));
          put.run(SAVED_AT_KEY, JSON.stringify(now));
        });
        savedAt = now;
      } catch (error) {
        if (storeFailure(error) === undefined) throw error;
        failures += 1;
      }
    },
    get failures() {
      return failures;
    },
    [Symbol.dispose]() {
      database[Symbol.dispose]();
    },
  };
}
