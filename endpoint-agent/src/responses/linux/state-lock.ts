import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileCalls } from '../../native/files.ts';
import type { Clock } from '../../platform/clock.ts';

const POLL_MS = 10;

/** One at a time at the vault: within this process and among processes (service and command line). */
export interface StateLock {
  /** Runs `work` with the lock; undefined when it could not be had within `waitMs`. */
  run<Value>(waitMs: number, work: () => Promise<Value>): Promise<Value | undefined>;
}

/** The lock is the kernel's: it is free again when its holder has ended, however that was. */
export function createStateLock(stateDir: string, clock: Clock): StateLock {
  let last: Promise<unknown> = Promise.resolve();

  const locked = async <Value>(waitMs: number, work: () => Promise<Value>): Promise<Value | undefined> => {
    const fd = openSync(join(stateDir, 'lock'), 'a', 0o600);
    try {
      for (const deadline = clock.monotonic() + waitMs; fileCalls().tryLock(fd) < 0; ) {
        if (clock.monotonic() > deadline) return undefined;
        await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
      }
      return await work();
    } finally {
      closeSync(fd);
    }
  };

  return {
    run: (waitMs, work) => {
      const turn = last.then(() => locked(waitMs, work));
      last = turn.catch(() => undefined);
      return turn;
    },
  };
}
