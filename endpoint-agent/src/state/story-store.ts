import type { StoryRecordData } from '../core/index.ts';
import { openStore, type Store, storeFailure } from '../store/sqlite.ts';

/** Open stories on disk, so that a restarted agent goes on with them under the same ids. */
export interface StoryStore extends Disposable {
  /** Stores records; a record that is undefined (a closed story) is removed. Never throws for a full disk. */
  save(records: readonly (readonly [storyId: string, record: StoryRecordData | undefined])[]): void;
  load(): readonly unknown[];
  /** Removes all but these. */
  retain(storyIds: ReadonlySet<string>): void;
  /** Saves that did not reach the disk. */
  readonly failures: number;
}

/** Opens the store; one that is damaged is replaced by an empty one, and `damaged` says so. */
export function openStoryStore(
  path: string,
  setAside: (path: string) => void,
): { store: StoryStore; damaged: boolean } {
  let database: Store;
  let damaged = false;
  try {
    database = openStore(path);
  } catch (error) {
    if (storeFailure(error) !== 'damaged') throw error;
    damaged = true;
    setAside(path);
    database = openStore(path);
  }
  database.exec(
    'CREATE TABLE IF NOT EXISTS stories (story_id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID, STRICT',
  );
  return { store: createStoryStore(database), damaged };
}

function createStoryStore(database: Store): StoryStore {
  const insert = database.prepare('INSERT OR REPLACE INTO stories (story_id, record) VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM stories WHERE story_id = ?');
  const all = database.prepare('SELECT story_id, record FROM stories');
  let failures = 0;
  function attempt(work: () => void): void {
    try {
      database.transaction('durable', work);
    } catch (error) {
      if (storeFailure(error) === undefined) throw error;
      failures += 1;
    }
  }
  return {
    save: (records) =>
      attempt(() => {
        for (const [storyId, record] of records) {
          if (record === undefined) remove.run(storyId);
          else insert.run(storyId, JSON.stringify(record));
        }
      }),
    load: () =>
      all.all().map((row) => {
        try {
          return JSON.parse(String(row['record'])) as unknown;
        } catch {
          return undefined; // The tracker refuses it as damaged.
        }
      }),
    retain: (storyIds) =>
      attempt(() => {
        for (const row of all.all()) if (!storyIds.has(String(row['story_id']))) remove.run(String(row['story_id']));
      }),
    get failures() {
      return failures;
    },
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}
