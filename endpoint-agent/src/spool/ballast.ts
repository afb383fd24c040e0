import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';

/** It is laid down again only when this many times its size is free, lest it fill the disk itself. */
const COMFORT = 4;

/** Disk space that is held by a file of noise and given up when the disk is full (SPEC SP8). */
export interface Ballast {
  /** Frees the space; false when it was free already. */
  release(): boolean;
  /** Takes the space again if the disk has room to spare; never throws. */
  restore(): void;
}

export function createBallast(path: string, directory: string, bytes: number): Ballast {
  const present = (): boolean => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === bytes;
  return {
    release: () => {
      if (statSync(path, { throwIfNoEntry: false }) === undefined) return false;
      rmSync(path, { force: true });
      return true;
    },
    restore: () => {
      try {
        if (bytes === 0 || present()) return;
        const { bavail, bsize } = statfsSync(directory);
        if (bavail * bsize < bytes * COMFORT) return;
        fill(path, bytes);
      } catch {
        // Without ballast the spool works all the same; it is tried again later.
        rmSync(path, { force: true });
      }
    },
  };
}

/** Noise, because compressing filesystems store zeros in nothing. */
function fill(path: string, bytes: number): void {
  const descriptor = openSync(path, 'w', 0o600);
  try {
    const noise = randomBytes(65_536);
    for (let left = bytes; left > 0; ) left -= writeSync(descriptor, noise, 0, Math.min(left, noise.length));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
