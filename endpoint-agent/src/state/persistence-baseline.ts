import { z } from 'zod';
import { openStore, type Store, storeFailure, textOf } from '../store/sqlite.ts';

/** What was last seen of one file in a place where things start. */
const BaselineEntry = z.strictObject({
  /** The place's pattern. */
  key: z.string(),
  signature: z.string(),
  sha256: z.string().optional(),
  /** With secrets masked already. */
  content: z.string().optional(),
  linkTarget: z.string().optional(),
  mode: z.number(),
  uid: z.number(),
});
export type BaselineEntry = Readonly<z.infer<typeof BaselineEntry>>;

/**
 * What lay in the places where things start when the agent last looked, kept over restarts. Paths and
 * signatures are in memory (about 200 bytes each), the rest on disk. Bounded: beyond `maxEntries` files are
 * not kept, beyond `maxContentChars` their content is not.
 */
export interface PersistenceBaseline extends Disposable {
  /** Place patterns that have been looked at completely: until then nothing in them can be called new. */
  readonly keys: ReadonlySet<string>;
  /** Says that all places of these patterns have been looked at. */
  complete(keys: Iterable<string>): void;
  signatureOf(path: string): string | undefined;
  read(path: string): BaselineEntry | undefined;
  paths(): IterableIterator<string>;
  /** Undefined forgets the path. Survives the end of this process at once. Never throws for a full disk. */
  save(changes: ReadonlyMap<string, BaselineEntry | undefined>): void;
  readonly size: number;
  /** Files not kept because there are too many, and saves that did not reach the disk. */
  readonly dropped: number;
}

export interface BaselineBounds {
  readonly maxEntries: number;
  readonly maxContentChars: number;
}

export const BASELINE_BOUNDS: BaselineBounds = { maxEntries: 20_000, maxContentChars: 32 * 1024 * 1024 };

/** Opens the store; one that is damaged is replaced by an empty one, and `damaged` says so. */
export function openPersistenceBaseline(
  path: string,
  setAside: (path: string) => void,
  bounds: BaselineBounds = BASELINE_BOUNDS,
): { baseline: PersistenceBaseline; damaged: boolean } {
  try {
    return { baseline: createBaseline(openStore(path), bounds), damaged: false };
  } catch (error) {
    if (storeFailure(error) !== 'damaged') throw error;
    setAside(path);
    return { baseline: createBaseline(openStore(path), bounds), damaged: true };
  }
}

function createBaseline(database: Store, bounds: BaselineBounds): PersistenceBaseline {
  database.exec(`
    PRAGMA cache_size = -256;
    CREATE TABLE IF NOT EXISTS file (path TEXT PRIMARY KEY, signature TEXT NOT NULL, chars INTEGER NOT NULL,
      entry TEXT NOT NULL) WITHOUT ROWID, STRICT;
    CREATE TABLE IF NOT EXISTS complete (key TEXT PRIMARY KEY) WITHOUT ROWID, STRICT;
  `);
  const put = database.prepare('INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)');
  const remove = database.prepare('DELETE FROM file WHERE path = ?');
  const find = database.prepare('SELECT entry FROM file WHERE path = ?');
  const putKey = database.prepare('INSERT OR IGNORE INTO complete VALUES (?)');
  const keys = new Set(
    database
      .prepare('SELECT key FROM complete')
      .all()
      .map((row) => textOf(row, 'key')),
  );
  const known = new Map<string, { readonly signature: string; readonly chars: number }>();
  let chars = 0;
  let dropped = 0;
  for (const row of database.prepare('SELECT path, signature, chars FROM file').iterate()) {
    const entry = { signature: textOf(row, 'signature'), chars: Number(row['chars']) };
    known.set(textOf(row, 'path'), entry);
    chars += entry.chars;
  }

  function attempt(work: () => void): void {
    try {
      database.transaction('deferred', work);
    } catch (error) {
      if (storeFailure(error) === undefined) throw error;
      dropped += 1;
    }
  }

  function forget(path: string): void {
    chars -= known.get(path)?.chars ?? 0;
    known.delete(path);
  }

  /** The entry as there is room for it; undefined when there is none. */
  function fit(path: string, entry: BaselineEntry): BaselineEntry | undefined {
    if (!known.has(path) && known.size >= bounds.maxEntries) {
      dropped += 1;
      return undefined;
    }
    if (chars + (entry.content?.length ?? 0) <= bounds.maxContentChars) return entry;
    const { content: _, ...rest } = entry;
    return rest;
  }

  return {
    keys,
    complete(done) {
      const fresh = [...done].filter((key) => !keys.has(key));
      if (fresh.length === 0) return;
      for (const key of fresh) keys.add(key);
      attempt(() => {
        for (const key of fresh) putKey.run(key);
      });
    },
    signatureOf: (path) => known.get(path)?.signature,
    read(path) {
      if (!known.has(path)) return undefined;
      const text = find.get(path)?.['entry'];
      if (typeof text !== 'string') return undefined;
      try {
        return BaselineEntry.safeParse(JSON.parse(text)).data;
      } catch {
        return undefined; // Damage: the file counts as new.
      }
    },
    paths: () => known.keys(),
    save(changes) {
      if (changes.size === 0) return;
      attempt(() => {
        for (const [path, wanted] of changes) {
          const before = known.get(path);
          const entry = wanted && fit(path, wanted);
          if (before) forget(path);
          if (!entry) {
            if (before) remove.run(path);
            continue;
          }
          const size = entry.content?.length ?? 0;
          known.set(path, { signature: entry.signature, chars: size });
          chars += size;
          put.run(path, entry.signature, size, JSON.stringify(entry));
        }
      });
    },
    get size() {
      return known.size;
    },
    get dropped() {
      return dropped;
    },
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}
