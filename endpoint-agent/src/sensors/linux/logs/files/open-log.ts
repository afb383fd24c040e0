import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { systemCode } from '../../../../native/system-code.ts';
import type { FilePosition } from '../../../../state/log-positions.ts';
import { countLines, splitLines } from '../text/split-lines.ts';

/** Why a log cannot be read: the system's code, or what was found is no file. */
export type OpenResult = { ok: true; log: OpenLog } | { ok: false; code: string };

/** What one reading gave. Lines are views of the buffer, which the next reading overwrites. */
export interface Reading {
  readonly lines: readonly Uint8Array[];
  /** Lines passed over, as the file ran ahead too far. */
  readonly skipped: number;
  /** Bytes of the lines that were taken. */
  readonly bytes: number;
  /** Whether more can be read at once. */
  readonly more: boolean;
  /** When the content last changed, in milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** Room for one line of the largest size and what follows. */
export const READ_BYTES = 131_072;
const TAIL_BYTES = 256;
const NEWLINE = 0x0a;
/** Unread bytes beyond which lines are only counted, down to half of it. */
const MAX_BACKLOG_BYTES = 32 * 1024 * 1024;
const SKIP_PER_READING_BYTES = 8 * 1024 * 1024;

/**
 * One inode, held open: it is read to its end also when it was renamed or deleted. Must not be used by two
 * calls at once.
 */
export class OpenLog implements AsyncDisposable {
  readonly dev: number;
  readonly ino: number;
  readonly #handle: FileHandle;
  #offset = 0;
  #midLine = false;
  #tail = '';
  #tailBytes = 0;
  #size = 0;
  #modifiedAt = 0;
  #isBehind = false;

  private constructor(handle: FileHandle, dev: number, ino: number) {
    this.#handle = handle;
    this.dev = dev;
    this.ino = ino;
  }

  /**
   * A link under the name is refused: folders of logs belong to the servers that write them, and a server must
   * not choose which of root's files are read. Opening never waits (a pipe) and changes nothing.
   */
  static async open(path: string): Promise<OpenResult> {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
    let handle: FileHandle;
    try {
      handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    } catch (error) {
      const code = systemCode(error);
      if (code === undefined) throw error;
      return { ok: false, code: code === 'ELOOP' ? 'is_link' : code };
    }
    const stats = await handle.stat();
    if (!stats.isFile()) {
      await handle.close();
      return { ok: false, code: 'not_a_file' };
    }
    return { ok: true, log: new OpenLog(handle, stats.dev, stats.ino) };
  }

  get position(): FilePosition {
    return {
      dev: this.dev,
      ino: this.ino,
      offset: this.#offset,
      ...(this.#tailBytes === 0 ? {} : { tail: this.#tail }),
      tailBytes: this.#tailBytes,
      midLine: this.#midLine,
    };
  }

  /** Size when last looked at, so that what was lost with a truncated file can be told. */
  get unreadBytes(): number {
    return Math.max(0, this.#size - this.#offset);
  }

  /** Goes on where a former run ended, if this is that file or a copy of it. */
  async resume(position: FilePosition): Promise<boolean> {
    const { size } = await this.#handle.stat();
    if (size < position.offset || !(await this.#hasTail(position.offset, position.tailBytes, position.tail)))
      return false;
    this.#offset = position.offset;
    this.#midLine = position.midLine;
    this.#tail = position.tail ?? '';
    this.#tailBytes = position.tailBytes;
    return true;
  }

  /** Passes over what is there already; a line that is being written is not taken from its middle. */
  async seekEnd(): Promise<void> {
    const { size } = await this.#handle.stat();
    this.#offset = size;
    const last = await this.#tailAt(size, Math.min(size, 1));
    this.#midLine = last.length === 1 && last[0] !== NEWLINE;
    await this.#remember();
  }

  /** Whether what was read is still there: false when the file was emptied or written anew. */
  async isIntact(): Promise<boolean> {
    const { size, mtimeMs } = await this.#handle.stat();
    if (size === this.#size && mtimeMs === this.#modifiedAt) return true;
    return size >= this.#offset && this.#hasTail(this.#offset, this.#tailBytes, this.#tail);
  }

  /** After the file was emptied: from its start. */
  rewind(): void {
    this.#offset = 0;
    this.#midLine = false;
    this.#tail = '';
    this.#tailBytes = 0;
    this.#size = 0;
    this.#isBehind = false;
  }

  /**
   * Takes up to `maxLines` into `buffer` (of `READ_BYTES`). `final`: nobody writes any more, so that the last
   * line needs no end.
   */
  async read(buffer: Uint8Array, maxLines: number, final = false): Promise<Reading> {
    const { size, mtimeMs } = await this.#handle.stat();
    this.#size = size;
    this.#modifiedAt = mtimeMs;
    const skipped = await this.#catchUp(buffer, size);
    const bytes = await this.#bytesAt(buffer, this.#offset);
    const split = splitLines(bytes, this.#midLine, maxLines);
    const rest = bytes.subarray(split.consumed);
    const isLast = final && rest.length > 0 && split.lines.length < maxLines && this.#offset + bytes.length >= size;
    this.#offset += isLast ? bytes.length : split.consumed;
    this.#midLine = split.midLine;
    if (split.consumed > 0 || isLast) await this.#remember(bytes.subarray(0, isLast ? bytes.length : split.consumed));
    const progressed = split.consumed > 0 || skipped.bytes > 0;
    return {
      lines: isLast ? [...split.lines, rest] : split.lines,
      skipped: skipped.lines,
      bytes: isLast ? bytes.length : split.consumed,
      modifiedAt: mtimeMs,
      more: progressed && this.#offset < size,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  /** Counts lines instead of reading them while too many wait. Ends at the end of a line. */
  async #catchUp(buffer: Uint8Array, size: number): Promise<{ lines: number; bytes: number }> {
    const behind = size - this.#offset;
    if (behind > MAX_BACKLOG_BYTES) this.#isBehind = true;
    if (behind <= MAX_BACKLOG_BYTES / 2) this.#isBehind = false;
    let lines = 0;
    let total = 0;
    while (this.#isBehind && total < SKIP_PER_READING_BYTES) {
      const bytes = await this.#bytesAt(buffer, this.#offset);
      if (bytes.length === 0) break;
      // To the end of the last line, so that none is taken from its middle.
      const lineEnd = bytes.lastIndexOf(NEWLINE) + 1;
      const skipped = lineEnd === 0 ? bytes.length : lineEnd;
      lines += countLines(bytes);
      total += skipped;
      this.#offset += skipped;
      this.#midLine = lineEnd === 0;
      if (size - this.#offset <= MAX_BACKLOG_BYTES / 2) this.#isBehind = false;
    }
    if (total > 0) await this.#remember();
    return { lines, bytes: total };
  }

  async #bytesAt(buffer: Uint8Array, offset: number): Promise<Uint8Array> {
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, offset);
    return buffer.subarray(0, bytesRead);
  }

  /** Fingerprints the bytes before the offset, from what was just read where that is enough. */
  async #remember(consumed?: Uint8Array): Promise<void> {
    const wanted = Math.min(TAIL_BYTES, this.#offset);
    const bytes =
      consumed !== undefined && consumed.length >= wanted
        ? consumed.subarray(consumed.length - wanted)
        : await this.#tailAt(this.#offset, wanted);
    this.#tailBytes = bytes.length;
    this.#tail = bytes.length === 0 ? '' : digest(bytes);
  }

  async #hasTail(offset: number, length: number, tail: string | undefined): Promise<boolean> {
    if (length === 0) return true;
    return digest(await this.#tailAt(offset, length)) === tail;
  }

  /** In memory of its own: the shared buffer holds lines that were not looked at yet. */
  async #tailAt(offset: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await this.#handle.read(bytes, 0, length, Math.max(0, offset - length));
    return bytes.subarray(0, bytesRead);
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
