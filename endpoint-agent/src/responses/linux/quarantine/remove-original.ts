import { type BigIntStats, fstatSync, fsyncSync } from 'node:fs';
import { fileCalls, INODE_APPEND_ONLY, INODE_IMMUTABLE } from '../../../native/files.ts';
import { errnoName, libc, O } from '../../../native/libc.ts';
import { type Result, refusalOfErrno, refuse, succeed } from '../../refusal.ts';
import type { FileParts } from '../file-parts.ts';
import { Descriptor } from './descriptor.ts';
import { isStillThere, isUnwritten, type TargetFile } from './target-file.ts';
import type { Place } from './walk.ts';

/** The one entry of a stash. */
export const STASHED = Buffer.from('file');

/**
 * Takes the file away from its place, whose copy is safe by now. The name is first moved into a folder of our
 * own, made beside it, that nobody else can enter: what is removed there is certainly the file that was copied,
 * whatever is swapped at its old name meanwhile. If it is another one it goes back.
 */
export function removeOriginal(
  place: Place,
  file: TargetFile,
  stash: string,
  parts: Pick<FileParts, 'reached'>,
): Result<void> {
  if (!isStillThere(place.directory, place.name, file.stat)) return refuse('path_changed', 'swapped meanwhile');
  const unlocked = unlockInode(file.fd);
  if (!unlocked.ok) return unlocked;
  const removed = removeThroughStash(place, file, stash, parts);
  if (!removed.ok && unlocked.value !== 0) fileCalls().setInodeFlags(file.fd, unlocked.value);
  return removed;
}

function removeThroughStash(
  place: Place,
  file: TargetFile,
  stash: string,
  parts: Pick<FileParts, 'reached'>,
): Result<void> {
  const calls = fileCalls();
  const made = calls.makeDirectory(place.directory, Buffer.from(stash), 0o700);
  if (made < 0) {
    // A full disk must not save the file; the moment between look and removal is then some microseconds.
    if (!['ENOSPC', 'EDQUOT', 'EMLINK'].includes(errnoName(made))) return refusalOfErrno(made, 'stash');
    return removeDirectly(place, file);
  }
  parts.reached('stash-made');
  const opened = openStash(place.directory, stash);
  if (opened === undefined) return refuse('path_changed', 'the folder is being tampered with');
  using folder = opened;
  const moved = calls.renameNoReplace(place.directory, place.name, folder.fd, STASHED);
  if (moved < 0) {
    calls.removeDirectory(place.directory, Buffer.from(stash));
    if (errnoName(moved) === 'EINVAL') return removeDirectly(place, file);
    if (errnoName(moved) === 'EBUSY') return refuse('file_in_use', 'something is mounted on it');
    return errnoName(moved) === 'ENOENT' ? refuse('path_changed', 'moved away') : refusalOfErrno(moved, 'move');
  }
  parts.reached('stashed');
  if (!isStillThere(folder.fd, STASHED, file.stat) || !isUnwritten(file.fd, file.stat)) {
    const returned = returnStashed(place.directory, place.name, folder.fd, stash);
    return refuse('path_changed', returned);
  }
  const unlinked = calls.unlink(folder.fd, STASHED);
  if (unlinked < 0) {
    returnStashed(place.directory, place.name, folder.fd, stash);
    return refusalOfErrno(unlinked, 'unlink');
  }
  calls.removeDirectory(place.directory, Buffer.from(stash));
  parts.reached('unlinked');
  syncFolder(place.directory);
  return succeed(undefined);
}

/**
 * The stash that an earlier run made at this place; undefined when there is none, or what stands there is not
 * ours alone.
 */
export function openStash(directory: number, stash: string): Descriptor | undefined {
  const fd = libc().openat(directory, Buffer.from(stash), O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
  if (fd < 0) return undefined;
  const folder = new Descriptor(fd);
  const { uid, mode } = fstatSync(fd);
  if (uid === process.geteuid?.() && (mode & 0o777) === 0o700) return folder;
  folder[Symbol.dispose]();
  return undefined;
}

/** Puts back what lies in the stash, never over another file, and says under which name. */
export function returnStashed(directory: number, name: Uint8Array, folder: number, stash: string): string {
  const calls = fileCalls();
  let where = 'put back under its name';
  if (calls.renameNoReplace(folder, STASHED, directory, name) < 0) {
    const other = `${stash}.returned`;
    const moved = calls.renameNoReplace(folder, STASHED, directory, Buffer.from(other));
    where = moved < 0 ? `left in the folder ${stash} beside it` : `put back as ${other}, its name being taken`;
  }
  calls.removeDirectory(directory, Buffer.from(stash));
  syncFolder(directory);
  return where;
}

/** Makes what was renamed or removed in a folder survive a power loss, as far as its filesystem can. */
export function syncFolder(directory: number): void {
  const fd = libc().openat(directory, Buffer.from('.'), O.RDONLY | O.DIRECTORY);
  if (fd < 0) return;
  using folder = new Descriptor(fd);
  fsyncSync(folder.fd);
}

/** Takes off `chattr +i` and `+a`, which malware sets against removal. Returns the flags as they were, or 0. */
function unlockInode(fd: number): Result<number> {
  const flags = fileCalls().inodeFlags(fd);
  const locked = INODE_IMMUTABLE | INODE_APPEND_ONLY;
  if (flags < 0 || (flags & locked) === 0) return succeed(0);
  const set = fileCalls().setInodeFlags(fd, flags & ~locked);
  return set < 0 ? refusalOfErrno(set, 'chattr') : succeed(flags);
}

function removeDirectly(place: Place, file: { readonly fd: number; readonly stat: BigIntStats }): Result<void> {
  if (!isStillThere(place.directory, place.name, file.stat) || !isUnwritten(file.fd, file.stat)) {
    return refuse('path_changed', 'swapped meanwhile');
  }
  const unlinked = fileCalls().unlink(place.directory, place.name);
  if (unlinked < 0) return refusalOfErrno(unlinked, 'unlink');
  syncFolder(place.directory);
  return succeed(undefined);
}
