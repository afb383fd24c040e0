import { type ActionTarget, LIMITS, type QuarantineItem } from '@yagura/protocol';
import { shorten } from '../../../core/text/shorten.ts';
import { fileCalls } from '../../../native/files.ts';
import { encodePath } from '../../../native/path-bytes.ts';
import { randomHex } from '../../../platform/random.ts';
import type { FileMark, PlanOf } from '../../journal/plan.ts';
import { type Result, refuse, succeed } from '../../refusal.ts';
import type { ContainerMetadata } from '../../vault/container.ts';
import { type ActionResult, type FileAction, type FileParts, failed } from '../file-parts.ts';
import { readAttributes } from './attributes.ts';
import { type Digests, digestFile, verifiedPieces } from './content.ts';
import { packageClaim } from './package-claim.ts';
import { removeOriginal } from './remove-original.ts';
import { findServiceHolder } from './service-holder.ts';
import { isSystemFile } from './system-files.ts';
import { isUnwritten, openTarget, type TargetFile } from './target-file.ts';
import { toleratedHolders } from './tolerated-holders.ts';
import { type Place, walkToParent } from './walk.ts';

/**
 * Copies the file into the vault and then takes it away. Everything is decided on descriptors: of the folder,
 * reached without following a link, and of the file itself. Until the copy is whole and journalled the file
 * stays where it is; from then on a crash leaves it there or in the vault, and `reconcile` sees to it that it is
 * in one of the two.
 */
export async function quarantineFile(
  plan: PlanOf<'quarantine-file'>,
  action: FileAction,
  parts: FileParts,
): Promise<ActionResult> {
  const target: ActionTarget = { path: shorten(plan.path, LIMITS.path) };
  const walked = walkToParent(plan.path);
  if (!walked.ok) return failed(walked, target);
  using place = walked.value;
  const guarded = guardPath(encodePath(place.path), parts.ownPaths);
  if (!guarded.ok) return failed(guarded, target);
  const opened = await openTarget(place, parts.limits.maxFileBytes, parts.clock);
  if (!opened.ok) return failed(opened, target);
  using file = opened.value;
  const digests = await digestFile(file.fd, file.stat.size);
  if (!digests.ok) return failed(digests, target);
  const known = { ...target, sha256: digests.value.sha256, size: digests.value.size };
  if (plan.expectedSha256 !== undefined && plan.expectedSha256 !== digests.value.sha256) {
    return failed(refuse('path_changed', 'another content than expected'), known);
  }
  const free = await guardOwnership(place, digests.value);
  if (!free.ok) return failed(free, known);
  // Held until the file is closed: whoever would open it for writing now waits until it is gone.
  const leased = fileCalls().takeReadLease(file.fd) >= 0;
  const unused = guardUse(place, file, leased, action, parts);
  if (!unused.ok) return failed(unused, known);
  const room = guardSpace(digests.value.size, parts);
  if (!room.ok) return failed(room, known);

  const metadata = metadataOf(plan, place, file, digests.value, action, parts);
  const stored = await parts.vault.store(metadata, verifiedPieces(file.fd, file.stat.size, digests.value.sha256));
  if (!stored.ok) return failed(stored, known);
  parts.reached('sealed');
  const mark = markOf(file, digests.value);
  const storedPlan = { ...plan, stored: { file: mark, stash: `.yagura-${randomHex(parts.random, 8)}` } };
  try {
    action.advance(storedPlan);
  } catch (error) {
    parts.vault.remove(plan.quarantineId);
    throw error;
  }
  parts.reached('stored');
  const removed = isUnwritten(file.fd, file.stat)
    ? removeOriginal(place, file, storedPlan.stored.stash, parts)
    : refuse('path_changed', 'written to after it was copied');
  if (!removed.ok) {
    parts.vault.remove(plan.quarantineId);
    return { ...failed(removed, known), plan };
  }
  return {
    code: 'done',
    target: { ...known, quarantineId: plan.quarantineId },
    plan: storedPlan,
    item: itemOf(metadata),
  };
}

/** The row of a container that is in the vault. */
export function itemOf(metadata: ContainerMetadata): QuarantineItem {
  const { quarantineId, sha256, size, uid, gid, mode, quarantinedAt, storyId } = metadata;
  const path = shorten(metadata.path, LIMITS.path);
  const item = { quarantineId, path, sha256, size, uid, gid, mode, quarantinedAt, state: 'held' as const };
  return storyId === undefined ? item : { ...item, storyId };
}

function guardPath(path: string, ownPaths: readonly string[]): Result<void> {
  if (ownPaths.some((own) => path === own || path.startsWith(`${own}/`))) {
    return refuse('refused', 'a file of the agent itself');
  }
  return isSystemFile(path) ? refuse('package_owned_file', 'a file of the system itself') : succeed(undefined);
}

async function guardOwnership(place: Place, digests: Digests): Promise<Result<void>> {
  const claim = await packageClaim(place.path);
  switch (claim.kind) {
    case 'none':
      return succeed(undefined);
    case 'unknown':
      return refuse('package_owned_file', 'in a folder of the package manager, which could not be asked');
    case 'configuration':
      return refuse('package_owned_file', `configuration of the package ${claim.package}`);
    case 'owned':
      // Unlisted content cannot be told from changed content: the machine is rather kept running.
      return claim.md5 === undefined || claim.md5 === digests.md5
        ? refuse('package_owned_file', `of the package ${claim.package}`)
        : succeed(undefined);
  }
}

function guardUse(place: Place, file: TargetFile, leased: boolean, action: FileAction, parts: FileParts): Result<void> {
  const holder = findServiceHolder({
    file: { device: file.device, inode: file.stat.ino, path: encodePath(place.path) },
    tolerated: toleratedHolders(action.context.storyId, parts.journal),
    selfPid: parts.selfPid,
    mayBeOpenForWriting: !leased,
  });
  return holder === undefined
    ? succeed(undefined)
    : refuse('file_in_use', `held by the service ${holder.image ?? ''} (pid ${holder.pid})`);
}

function guardSpace(size: number, { vault, limits }: FileParts): Result<void> {
  const { free, used } = vault.space();
  if (used + size > limits.vaultBytes) return refuse('no_space', 'the vault is full');
  return free - size < limits.reserveBytes ? refuse('no_space', 'the disk is nearly full') : succeed(undefined);
}

function metadataOf(
  plan: PlanOf<'quarantine-file'>,
  place: Place,
  { fd, stat }: TargetFile,
  { sha256, size }: Digests,
  { context }: FileAction,
  { clock }: FileParts,
): ContainerMetadata {
  const metadata = {
    version: 1 as const,
    quarantineId: plan.quarantineId,
    path: encodePath(place.path),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mode: Number(stat.mode & 0o7777n),
    accessedNs: String(stat.atimeNs),
    modifiedNs: String(stat.mtimeNs),
    size,
    sha256,
    attributes: readAttributes(fd),
    quarantinedAt: clock.now(),
  };
  return context.storyId === undefined ? metadata : { ...metadata, storyId: context.storyId };
}

function markOf({ stat }: TargetFile, { sha256, size }: Digests): FileMark {
  return { inode: String(stat.ino), size, modifiedNs: String(stat.mtimeNs), sha256 };
}
