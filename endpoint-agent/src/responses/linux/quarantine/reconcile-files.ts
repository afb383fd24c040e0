import { fileCalls } from '../../../native/files.ts';
import { decodePath, encodePath } from '../../../native/path-bytes.ts';
import type { FileMark, PlanOf } from '../../journal/plan.ts';
import { type Result, refuse } from '../../refusal.ts';
import { type ActionResult, type FileParts, failed } from '../file-parts.ts';
import { digestFile } from './content.ts';
import { itemOf } from './quarantine-file.ts';
import { openStash, removeOriginal, returnStashed, STASHED, syncFolder } from './remove-original.ts';
import { openTarget, type TargetFile } from './target-file.ts';
import { type Place, walkToDirectory, walkToParent } from './walk.ts';

const INTERRUPTED = refuse('interrupted', 'the agent was ended meanwhile; nothing was changed');

/**
 * Finishes or undoes a quarantine that a crash cut off. Afterwards the file is at its place or in the vault: the
 * place is only cleared while the vault has a whole, authentic copy, and the copy is only dropped while the
 * file is seen at its place.
 */
export async function reconcileQuarantine(plan: PlanOf<'quarantine-file'>, parts: FileParts): Promise<ActionResult> {
  const target = { path: plan.path, quarantineId: plan.quarantineId };
  const { stored } = plan;
  if (stored === undefined) {
    // Nothing is taken from its place before this is set.
    parts.vault.remove(plan.quarantineId);
    return failed(INTERRUPTED, target);
  }
  const known = { ...target, sha256: stored.file.sha256, size: stored.file.size };
  const copy = await parts.vault.metadata(plan.quarantineId);
  const walked = walkToParent(plan.path);
  if (!copy.ok) {
    if (walked.ok) emptyStash(walked.value, stored.stash);
    if (walked.ok) walked.value[Symbol.dispose]();
    return failed(INTERRUPTED, known);
  }
  const item = itemOf(copy.value);
  const held = { code: 'done', target: known, plan, item } as const;
  if (!walked.ok) {
    const detail = 'the folder cannot be reached; the vault keeps the copy';
    return { ...failed(refuse('interrupted', detail), known), plan, item };
  }
  using place = walked.value;
  const stashed = await resolveStash(place, stored.stash, stored.file, parts);
  if (stashed === 'removed') return held;
  const found = await openMarked(place, stored.file, parts);
  if (!found.ok) {
    // Gone from its place, or another file stands there now: the vault has what was ours.
    return found.code === 'not_found' ? held : { ...held, detail: 'another file stands at its place now' };
  }
  using file = found.value;
  const removed = removeOriginal(place, file, stored.stash, parts);
  if (removed.ok) return held;
  parts.vault.remove(plan.quarantineId);
  return failed(removed, known);
}

/** Finishes a restore whose file already has its name; undoes every other. The item then stays in the vault. */
export async function reconcileRestore(plan: PlanOf<'restore-file'>, parts: FileParts): Promise<ActionResult> {
  const target = { quarantineId: plan.quarantineId };
  const item = parts.journal.item(plan.quarantineId);
  if (item === undefined || plan.directory === undefined || plan.name === undefined) return failed(INTERRUPTED, target);
  const known = { ...target, path: item.path, sha256: item.sha256, size: item.size };
  const walked = walkToDirectory(plan.directory, decodePath(plan.name));
  if (!walked.ok) return failed(INTERRUPTED, known);
  using place = walked.value;
  if (plan.written !== undefined) {
    const found = await openMarked(place, plan.written, parts);
    if (found.ok) {
      found.value[Symbol.dispose]();
      syncFolder(place.directory);
      return {
        code: 'done',
        target: { ...known, path: encodePath(place.path) },
        plan,
        item: { ...item, state: 'restored' },
      };
    }
  }
  if (plan.temporary !== undefined) fileCalls().unlink(place.directory, Buffer.from(plan.temporary));
  return failed(INTERRUPTED, known);
}

/** The file at the place, if it is the one that the mark was made of. Device numbers change with a boot. */
async function openMarked(place: Place, mark: FileMark, parts: FileParts): Promise<Result<TargetFile>> {
  const opened = await openTarget(place, parts.limits.maxFileBytes, parts.clock);
  if (!opened.ok) return opened;
  const { fd, stat } = opened.value;
  const isSame =
    String(stat.ino) === mark.inode && stat.size === BigInt(mark.size) && String(stat.mtimeNs) === mark.modifiedNs;
  const digests = isSame ? await digestFile(fd, stat.size) : undefined;
  if (digests?.ok === true && digests.value.sha256 === mark.sha256) return opened;
  opened.value[Symbol.dispose]();
  return refuse('path_changed');
}

/** Removes what a crash left in the stash, or puts it back if it is not what was copied. */
async function resolveStash(
  place: Place,
  stash: string,
  mark: FileMark,
  parts: FileParts,
): Promise<'removed' | 'clear'> {
  const opened = openStash(place.directory, stash);
  if (opened === undefined) return 'clear';
  using folder = opened;
  const inside: Place = { ...place, directory: folder.fd, name: STASHED, [Symbol.dispose]: () => undefined };
  const found = await openMarked(inside, mark, parts);
  if (!found.ok) {
    if (found.code === 'not_found') fileCalls().removeDirectory(place.directory, Buffer.from(stash));
    else returnStashed(place.directory, place.name, folder.fd, stash);
    return 'clear';
  }
  found.value[Symbol.dispose]();
  fileCalls().unlink(folder.fd, STASHED);
  fileCalls().removeDirectory(place.directory, Buffer.from(stash));
  syncFolder(place.directory);
  return 'removed';
}

function emptyStash(place: Place, stash: string): void {
  const opened = openStash(place.directory, stash);
  if (opened === undefined) return;
  using folder = opened;
  returnStashed(place.directory, place.name, folder.fd, stash);
}
