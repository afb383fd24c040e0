import { createHash } from 'node:crypto';
import { fchmodSync, fchownSync, fstatSync, fsync, ftruncateSync } from 'node:fs';
import { promisify } from 'node:util';
import { type ActionTarget, LIMITS } from '@yagura/protocol';
import { shorten } from '../../../core/text/shorten.ts';
import { fileCalls, O_TMPFILE } from '../../../native/files.ts';
import { errnoName, libc, O } from '../../../native/libc.ts';
import { decodePath, encodePath } from '../../../native/path-bytes.ts';
import { randomHex } from '../../../platform/random.ts';
import type { PlanOf } from '../../journal/plan.ts';
import { type Result, refusalOfErrno, refusalOfError, refuse, succeed } from '../../refusal.ts';
import { type ContainerMetadata, isZeros } from '../../vault/container.ts';
import { writeAt } from '../../vault/file-io.ts';
import { type ActionResult, type FileAction, type FileParts, failed } from '../file-parts.ts';
import { writeAttributes } from './attributes.ts';
import { Descriptor } from './descriptor.ts';
import { itemOf } from './quarantine-file.ts';
import { syncFolder } from './remove-original.ts';
import { type Place, walkToDirectory } from './walk.ts';

const fsyncAsync = promisify(fsync);
/** Where the filesystem has no O_TMPFILE it says one of these. */
const NO_NAMELESS_FILES = new Set(['EOPNOTSUPP', 'EISDIR', 'EINVAL', 'ENOENT']);

/**
 * Puts the file back, byte for byte, with owner, permissions, times and attributes. Nothing is visible until the
 * whole content has been verified, and nothing that exists is ever replaced.
 */
export async function restoreFile(
  plan: PlanOf<'restore-file'>,
  action: FileAction,
  parts: FileParts,
): Promise<ActionResult> {
  const { quarantineId } = plan;
  const item = parts.journal.item(quarantineId);
  const named: ActionTarget = { quarantineId };
  if (item === undefined || item.state === 'deleted') return failed(refuse('not_found'), named);
  const target = { ...named, path: item.path, sha256: item.sha256, size: item.size };
  if (item.state === 'restored') return { code: 'already_done', target };
  const read = await parts.vault.metadata(quarantineId);
  if (!read.ok) return failed(read, target);
  const metadata = read.value;
  const whole = decodePath(metadata.path);
  const slash = whole.lastIndexOf(0x2f);
  const name = whole.subarray(slash + 1);
  const directory = plan.directory ?? (slash <= 0 ? '/' : encodePath(whole.subarray(0, slash)));
  const walked = walkToDirectory(directory, name);
  if (!walked.ok) return failed(walked, target);
  using place = walked.value;
  const placed = { ...target, path: shorten(encodePath(place.path), LIMITS.path) };
  if (exists(place)) return failed(refuse('target_exists'), placed);
  const planned = {
    ...plan,
    directory,
    name: encodePath(name),
    temporary: `.yagura-${randomHex(parts.random, 8)}`,
  };
  action.advance(planned);
  parts.reached('restore-planned');
  const created = createFile(place, planned.temporary, parts.namelessFiles);
  if (!created.ok) return failed(created, placed);
  using file = created.value;
  try {
    const written = await writeContent(file.fd, metadata, parts);
    if (!written.ok) return failed(written, placed);
    parts.reached('restore-written');
    const { ino } = fstatSync(file.fd, { bigint: true });
    const { size, modifiedNs, sha256 } = metadata;
    const ready = { ...planned, written: { inode: String(ino), size, modifiedNs, sha256 } };
    action.advance(ready);
    parts.reached('restore-ready');
    const linked = file.isNameless
      ? fileCalls().linkDescriptor(file.fd, place.directory, place.name)
      : fileCalls().renameNoReplace(place.directory, Buffer.from(planned.temporary), place.directory, place.name);
    if (linked < 0) return failed(refusalOfErrno(linked, 'link'), placed);
    parts.reached('linked');
    file.keep();
    syncFolder(place.directory);
    const detail = written.value === undefined ? {} : { detail: written.value };
    return { code: 'done', ...detail, target: placed, plan: ready, item: { ...itemOf(metadata), state: 'restored' } };
  } catch (error) {
    return failed(refusalOfError(error, 'restore'), placed);
  }
}

/** A file that nobody sees yet; it goes away with its scope unless it is kept. */
class FutureFile extends Descriptor {
  readonly isNameless: boolean;
  readonly #discard: () => void;
  #isKept = false;

  constructor(fd: number, isNameless: boolean, discard: () => void) {
    super(fd);
    this.isNameless = isNameless;
    this.#discard = discard;
  }

  keep(): void {
    this.#isKept = true;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    if (!this.#isKept && !this.isNameless) this.#discard();
  }
}

function createFile(place: Place, temporary: string, mayBeNameless: boolean): Result<FutureFile> {
  if (mayBeNameless) {
    const nameless = libc().openat(place.directory, Buffer.from('.'), O_TMPFILE | O.RDWR, 0o600);
    if (nameless >= 0) return succeed(new FutureFile(nameless, true, () => undefined));
    if (!NO_NAMELESS_FILES.has(errnoName(nameless))) return refusalOfErrno(nameless, 'create');
  }
  const name = Buffer.from(temporary);
  const fd = libc().openat(place.directory, name, O.RDWR | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600);
  if (fd < 0) return refusalOfErrno(fd, 'create');
  return succeed(new FutureFile(fd, false, () => fileCalls().unlink(place.directory, name)));
}

/** Succeeds with a sentence on what could not be restored beside the content, if anything. */
async function writeContent(
  fd: number,
  metadata: ContainerMetadata,
  { vault }: FileParts,
): Promise<Result<string | undefined>> {
  const hash = createHash('sha256');
  const read = await vault.read(metadata.quarantineId, async (piece, position) => {
    hash.update(piece);
    // Runs of zeros become holes, as they mostly were.
    if (!isZeros(piece)) await writeAt(fd, piece, position);
  });
  if (!read.ok) return read;
  if (hash.digest('hex') !== metadata.sha256) return refuse('io_error', 'the content is not what was quarantined');
  ftruncateSync(fd, metadata.size);
  fchownSync(fd, metadata.uid, metadata.gid);
  const attributes = writeAttributes(fd, metadata.attributes);
  // After chown, which takes set-id bits away.
  fchmodSync(fd, metadata.mode);
  const times = fileCalls().setTimes(fd, BigInt(metadata.accessedNs), BigInt(metadata.modifiedNs));
  if (times < 0) return refusalOfErrno(times, 'times');
  await fsyncAsync(fd);
  return succeed(attributes);
}

function exists(place: Place): boolean {
  const fd = libc().openat(place.directory, place.name, O.PATH | O.NOFOLLOW);
  if (fd < 0) return false;
  new Descriptor(fd)[Symbol.dispose]();
  return true;
}
