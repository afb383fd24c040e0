import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync, type Stats } from 'node:fs';
import { decodePath, encodePath, encodeText } from '../../../native/path-bytes.ts';
import { systemCode } from '../../../native/system-code.ts';

/** What lies at a path now. */
export interface EntryFacts {
  /** Changes whenever the file may have changed. */
  readonly signature: string;
  readonly sha256?: string;
  /** As `encodeText` writes it; beginning and end of a long text. Absent for what is no text. */
  readonly content?: string;
  /** The content is longer than what is kept of it. */
  readonly cut?: true;
  /** Of a symbolic link, which is never followed: it could name any file of the machine. */
  readonly linkTarget?: string;
  readonly mode: number;
  readonly uid: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

export type EntryReading =
  | { readonly kind: 'read'; readonly facts: EntryFacts }
  | { readonly kind: 'same' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable' };

/** Of longer files this much of the beginning and of the end is kept as content, each. */
const KEPT_BYTES = 32_768;
/** Longer files have no hash: their size and times still tell that they changed. */
const HASHED_BYTES = 4 * 1024 * 1024;

/**
 * Reads the file at the path unless its signature is still the given one. Follows no link, waits for no pipe.
 * `owner` is the user whose home it lies in: the content of a file that belongs to neither them nor root is
 * not kept, since a hard link can bring anybody's file here.
 */
export function readEntry(path: string, known: string | undefined, owner?: number): EntryReading {
  const bytes = decodePath(path);
  try {
    const seen = lstatSync(bytes);
    if (signatureOf(seen) === known) return { kind: 'same' };
    if (seen.isSymbolicLink()) {
      const linkTarget = encodePath(readlinkSync(bytes, 'buffer'));
      return { kind: 'read', facts: { ...outside(seen), linkTarget } };
    }
    if (!seen.isFile()) return { kind: 'gone' };
    return readFile(bytes, owner);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    return { kind: code === 'ENOENT' || code === 'ENOTDIR' ? 'gone' : 'unreadable' };
  }
}

function readFile(path: Buffer, owner: number | undefined): EntryReading {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return { kind: 'gone' };
    if (stats.size > HASHED_BYTES) return { kind: 'read', facts: outside(stats) };
    const whole = readWhole(fd, stats.size);
    const sha256 = createHash('sha256').update(whole).digest('hex');
    const isTheirs = owner === undefined || stats.uid === owner || stats.uid === 0 || stats.nlink === 1;
    const text = isTheirs ? textOf(whole) : {};
    return { kind: 'read', facts: { ...outside(stats), sha256, ...text } };
  } finally {
    closeSync(fd);
  }
}

/** At most one byte more than the size that was told: a file that grows is read again at its next event. */
function readWhole(fd: number, size: number): Buffer {
  const buffer = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const count = readSync(fd, buffer, length, size - length, length);
    if (count === 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

function textOf(whole: Buffer): { content?: string; cut?: true } {
  if (whole.includes(0)) return {};
  if (whole.length <= 2 * KEPT_BYTES) return { content: encodeText(whole) };
  const head = encodeText(whole.subarray(0, KEPT_BYTES));
  // From the start of a line, so that the same lines compare as the same.
  const tailAt = whole.indexOf(10, whole.length - KEPT_BYTES) + 1;
  const tail = encodeText(whole.subarray(Math.max(tailAt, whole.length - KEPT_BYTES)));
  return { content: `${head}\n[...]\n${tail}`, cut: true };
}

function outside(stats: Stats): Pick<EntryFacts, 'signature' | 'mode' | 'uid' | 'modifiedAt'> {
  return {
    signature: signatureOf(stats),
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    modifiedAt: Math.round(stats.mtimeMs),
  };
}

/** Without the device: its number may be another one after a reboot. */
function signatureOf({ ino, size, mtimeMs, ctimeMs, mode, uid }: Stats): string {
  return [ino, size, mtimeMs, ctimeMs, mode, uid].join(':');
}
