import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../platform/clock.ts';
import { type Random, randomHex } from '../platform/random.ts';
import { openStore, type Store, storeFailure } from '../store/sqlite.ts';
import { ItemStore } from './item-store.ts';
import type { SpoolProblem } from './spool.ts';

const FILE = 'spool.db';
const DAMAGED = /^spool\.damaged-\d+\.db$/;
/** Damaged databases are kept for a technician; of more than this many the oldest goes. */
const KEPT = 3;

export interface OpenedStore {
  readonly items: ItemStore;
  readonly store: Store;
  readonly problem?: SpoolProblem;
}

/** A spool that another process has is no failure to live with: two writers would fork the sequence. */
export class SpoolLockedError extends Error {
  readonly code = 'spool_locked';
  constructor(directory: string) {
    super(`another process uses the spool in ${directory}`);
  }
}

/**
 * Opens the spool's database, or puts a fresh one in its place (SPEC SP7). Throws `SpoolLockedError` when
 * another process has it; every other trouble ends in a usable store and a `problem`.
 */
export function openSpoolStore(directory: string, clock: Clock, random: Random): OpenedStore {
  const path = join(directory, FILE);
  const newEpoch = (): string => `e-${randomHex(random, 12)}`;
  const open = (file: string): Omit<OpenedStore, 'problem'> => {
    const store = openStore(file);
    try {
      return { store, items: new ItemStore(store, newEpoch) };
    } catch (error) {
      store[Symbol.dispose]();
      throw error;
    }
  };
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return open(path);
  } catch (error) {
    const failure = storeFailure(error);
    if (failure === 'locked') throw new SpoolLockedError(directory);
    if (failure === undefined && !isSystemError(error)) throw error;
    if (failure !== 'damaged') return { ...open(':memory:'), problem: 'spool_volatile' };
  }
  try {
    setAsideDatabase(directory, clock.now());
    return { ...open(path), problem: 'spool_damaged' };
  } catch (error) {
    if (storeFailure(error) === undefined && !isSystemError(error)) throw error;
    return { ...open(':memory:'), problem: 'spool_volatile' };
  }
}

function setAsideDatabase(directory: string, now: number): void {
  const name = `spool.damaged-${now}.db`;
  renameSync(join(directory, FILE), join(directory, name));
  for (const suffix of ['-wal', '-shm']) {
    // Left behind, the log of the damaged database would be replayed into the new one.
    try {
      renameSync(join(directory, FILE + suffix), join(directory, name + suffix));
    } catch {
      rmSync(join(directory, FILE + suffix), { force: true });
    }
  }
  const kept = readdirSync(directory)
    .filter((entry) => DAMAGED.test(entry))
    .sort();
  for (const old of kept.slice(0, -KEPT)) {
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, old + suffix), { force: true });
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
