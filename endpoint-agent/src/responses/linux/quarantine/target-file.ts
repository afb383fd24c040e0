import { type BigIntStats, fstatSync } from 'node:fs';
import { O_NOATIME } from '../../../native/files.ts';
import { AT_FDCWD, errnoName, libc, O } from '../../../native/libc.ts';
import type { Clock } from '../../../platform/clock.ts';
import { type Result, refusalOfErrno, refuse, succeed } from '../../refusal.ts';
import { Descriptor } from './descriptor.ts';
import { localMount } from './mounts.ts';
import type { Place } from './walk.ts';

/** A regular file with one name, open for reading. Owns its descriptor. */
export interface TargetFile extends Disposable {
  readonly fd: number;
  readonly stat: BigIntStats;
  /** `major:minor` as /proc shows it. */
  readonly device: string;
}

const OPEN_ATTEMPTS = 10;
const OPEN_PAUSE_MS = 50;

/**
 * Opens what stands at `place`, which must be a regular file with no other name. It is looked at before it is
 * opened, so that a FIFO or a device is never opened, and never waits: a lease of somebody else is given time
 * to end, then the answer is `file_in_use`.
 */
export async function openTarget(place: Place, maxBytes: number, clock: Clock): Promise<Result<TargetFile>> {
  const named = libc().openat(place.directory, place.name, O.PATH | O.NOFOLLOW);
  if (named < 0) return refusalOfErrno(named, 'open');
  using handle = new Descriptor(named);
  const mount = localMount(handle.fd, place.mounts);
  if (!mount.ok) return mount;
  const checked = checkStat(fstatSync(handle.fd, { bigint: true }), maxBytes);
  if (!checked.ok) return checked;
  const path = Buffer.from(`/proc/self/fd/${handle.fd}`);
  for (let attempt = 1; ; attempt += 1) {
    const fd = libc().openat(AT_FDCWD, path, O.RDONLY | O.NONBLOCK | O_NOATIME);
    if (fd >= 0) {
      return succeed({
        fd,
        stat: checked.value,
        device: mount.value.device,
        [Symbol.dispose]: closer(new Descriptor(fd)),
      });
    }
    const isLeased = errnoName(fd) === 'EAGAIN';
    if (!isLeased) return refusalOfErrno(fd, 'open');
    if (attempt === OPEN_ATTEMPTS) return refuse('file_in_use', 'another process holds a lease on it');
    await new Promise<void>((resolve) => clock.after(OPEN_PAUSE_MS, resolve));
  }
}

/** Whether the name still stands for the same file, and the file still has no other name. */
export function isStillThere(directory: number, name: Uint8Array, file: BigIntStats): boolean {
  const fd = libc().openat(directory, name, O.PATH | O.NOFOLLOW);
  if (fd < 0) return false;
  using handle = new Descriptor(fd);
  const now = fstatSync(handle.fd, { bigint: true });
  return now.dev === file.dev && now.ino === file.ino && now.nlink === 1n;
}

/** Whether size and time of the last write are as they were. A rename does not touch either. */
export function isUnwritten(fd: number, before: BigIntStats): boolean {
  const now = fstatSync(fd, { bigint: true });
  return now.size === before.size && now.mtimeNs === before.mtimeNs;
}

function checkStat(stat: BigIntStats, maxBytes: number): Result<BigIntStats> {
  if (!stat.isFile()) return refuse('not_a_regular_file');
  if (stat.nlink > 1n) return refuse('hard_linked_file', `${stat.nlink} names`);
  if (stat.nlink === 0n) return refuse('path_changed', 'removed meanwhile');
  if (stat.size > BigInt(maxBytes)) return refuse('file_too_large', `${stat.size} bytes`);
  return succeed(stat);
}

function closer(descriptor: Descriptor): () => void {
  return () => descriptor[Symbol.dispose]();
}
