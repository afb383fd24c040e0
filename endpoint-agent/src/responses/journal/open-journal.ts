import { chmodSync, closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore, storeFailure } from '../../store/sqlite.ts';
import { createJournal, type Journal, type JournalLimits } from './journal.ts';

const FILE = 'response.sqlite';

export interface OpenedJournal {
  readonly journal: Journal;
  /** The former database could not be read; it was kept under another name. */
  readonly isReplaced: boolean;
}

/**
 * Opens `DIR/response.sqlite`, or puts a fresh one in its place if it is damaged: what the vault holds is read
 * from its own containers then. Throws what `storeFailure` understands when no database can be had at all.
 */
export function openJournal(stateDir: string, limits: JournalLimits): OpenedJournal {
  const path = join(stateDir, FILE);
  try {
    return { journal: open(path, limits), isReplaced: false };
  } catch (error) {
    if (storeFailure(error) !== 'damaged') throw error;
  }
  for (const suffix of ['', '-wal', '-shm']) {
    // The newest damaged one is kept for a technician; a log left behind would be replayed into the new one.
    try {
      renameSync(path + suffix, join(stateDir, `response.damaged.sqlite${suffix}`));
    } catch {
      rmSync(path + suffix, { force: true });
    }
  }
  return { journal: open(path, limits), isReplaced: true };
}

function open(path: string, limits: JournalLimits): Journal {
  // Made here, since the log takes its permissions from the database when it is opened.
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  const store = openStore(path, 'shared');
  try {
    return createJournal(store, limits);
  } catch (error) {
    store[Symbol.dispose]();
    throw error;
  }
}
