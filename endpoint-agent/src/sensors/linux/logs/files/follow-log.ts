import { lstat } from 'node:fs/promises';
import { systemCode } from '../../../../native/system-code.ts';
import type { FilePosition } from '../../../../state/log-positions.ts';
import type { LogFileKind } from '../catalogue.ts';
import { listRotated, openContinuation, type RotatedFile } from './find-rotated.ts';
import { OpenLog } from './open-log.ts';

/** Where reading of a file begins that was not known before: a log's past is not news. */
export type Beginning = 'start' | 'end';

export interface FollowOptions {
  readonly path: string;
  readonly kind: LogFileKind;
  readonly buffer: Uint8Array;
  /** Milliseconds. */
  readonly monotonic: () => number;
}

export interface Progress {
  readonly lines: readonly Uint8Array[];
  readonly modifiedAt: number;
  readonly more: boolean;
}

interface Retired {
  readonly log: OpenLog;
  quietSince: number;
}

/** A writer that was not told of the rotation yet goes on under the old name's inode. */
const QUIET_MS = 60_000;
const MAX_RETIRED = 4;
const ASSUMED_LINE_BYTES = 120;
const NOTHING: Progress = { lines: [], modifiedAt: 0, more: false };

/**
 * One log under one name, through its rotations: renamed and made anew, copied and emptied, deleted. Lines
 * come in order, each once; what was emptied before it was read is counted. One call at a time.
 */
export class LogFollower {
  readonly path: string;
  readonly kind: LogFileKind;
  /** Lines known to be lost, in part estimated from the bytes that went unread. */
  lost = 0;
  /** Why the file cannot be read; undefined while it is, or while there is none. */
  problem: string | undefined;
  readonly #options: FollowOptions;
  readonly #retired: Retired[] = [];
  #current: OpenLog | undefined;
  #linesSeen = 0;
  #bytesSeen = 0;

  constructor(options: FollowOptions) {
    this.path = options.path;
    this.kind = options.kind;
    this.#options = options;
  }

  /** Whether there is a file under the name. */
  get isOpen(): boolean {
    return this.#current !== undefined;
  }

  /** Whether nothing of it is left to follow. */
  get isGone(): boolean {
    return this.#current === undefined && this.#retired.length === 0;
  }

  get positions(): readonly FilePosition[] {
    const logs = [...this.#retired.map(({ log }) => log), ...(this.#current ? [this.#current] : [])];
    return logs.map((log) => log.position);
  }

  /** Begins with a file of which nothing is known. */
  async begin(beginning: Beginning): Promise<void> {
    await this.#openCurrent();
    if (beginning === 'end') await this.#current?.seekEnd();
  }

  /**
   * Goes on where a former run ended, also when the log was rotated since, once or more: through each file that
   * lies between. `savedAt` is when the positions were true, in milliseconds since the epoch.
   */
  async resume(saved: readonly FilePosition[], savedAt: number): Promise<void> {
    const rotated = await listRotated(this.path);
    const itself = await this.#identify();
    const candidates: readonly RotatedFile[] = itself ? [...rotated, itself] : rotated;
    const taken = new Set<number>();
    let newest: RotatedFile | undefined;
    for (const [index, position] of saved.entries()) {
      const found = await openContinuation(
        candidates.filter(({ ino }) => !taken.has(ino)),
        position,
      );
      const isLast = index === saved.length - 1;
      if (!found) {
        // What of it was read is not known to be all.
        if (isLast && position.offset > 0) this.lost += 1;
        continue;
      }
      taken.add(found.file.ino);
      if (found.file.path === this.path) this.#current = found.log;
      else await this.#retire(found.log);
      if (isLast) newest = found.file;
    }
    if (this.#current) return;
    const since = newest?.modifiedAt ?? savedAt;
    for (const file of rotated) {
      if (taken.has(file.ino) || file.modifiedAt <= since || file.path === newest?.path) continue;
      const opened = await OpenLog.open(file.path);
      if (opened.ok) await this.#retire(opened.log);
    }
    await this.#openCurrent();
  }

  /** Notices what became of the file since the last look. Cheap when nothing did. */
  async look(): Promise<void> {
    const itself = await this.#identify();
    const current = this.#current;
    if (itself && current && itself.ino === current.ino && itself.dev === current.dev) {
      if (!(await current.isIntact())) await this.#emptied(current);
      return;
    }
    if (current) {
      await this.#retire(current);
      this.#current = undefined;
    }
    if (itself) await this.#openCurrent();
  }

  /** Takes up to `maxLines` lines from the oldest file that has any. They are valid until the next call. */
  async read(maxLines: number): Promise<Progress> {
    for (const retired of this.#retired.slice()) {
      const isOver = this.#options.monotonic() - retired.quietSince > QUIET_MS;
      const progress = await this.#take(retired.log, maxLines, isOver);
      if (progress.lines.length > 0) {
        if (!isOver) retired.quietSince = this.#options.monotonic();
        return { ...progress, more: true };
      }
      if (progress.more) return progress;
      if (isOver) await this.#drop(retired);
    }
    return this.#current ? this.#take(this.#current, maxLines, false) : NOTHING;
  }

  async close(): Promise<void> {
    for (const { log } of this.#retired.splice(0)) await log[Symbol.asyncDispose]();
    await this.#current?.[Symbol.asyncDispose]();
    this.#current = undefined;
  }

  async #take(log: OpenLog, maxLines: number, final: boolean): Promise<Progress> {
    const { lines, bytes, skipped, more, modifiedAt } = await log.read(this.#options.buffer, maxLines, final);
    this.lost += skipped;
    this.#linesSeen += lines.length;
    this.#bytesSeen += bytes;
    return { lines, more, modifiedAt };
  }

  async #openCurrent(): Promise<void> {
    const opened = await OpenLog.open(this.path);
    if (opened.ok) {
      this.#current = opened.log;
      this.problem = undefined;
    } else this.problem = opened.code === 'ENOENT' ? undefined : opened.code;
  }

  async #identify(): Promise<RotatedFile | undefined> {
    try {
      const { dev, ino, mtimeMs } = await lstat(this.path);
      return { path: this.path, dev, ino, modifiedAt: mtimeMs };
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return undefined;
    }
  }

  /** Emptied in place: what was not read yet may be in a copy that was made before. */
  async #emptied(current: OpenLog): Promise<void> {
    const copy = await openContinuation(await listRotated(this.path), current.position);
    if (copy) await this.#retire(copy.log);
    else this.#countUnread(current);
    current.rewind();
  }

  async #retire(log: OpenLog): Promise<void> {
    this.#retired.push({ log, quietSince: this.#options.monotonic() });
    const [oldest] = this.#retired;
    if (this.#retired.length <= MAX_RETIRED || oldest === undefined) return;
    this.#countUnread(oldest.log);
    await this.#drop(oldest);
  }

  async #drop(retired: Retired): Promise<void> {
    this.#retired.splice(this.#retired.indexOf(retired), 1);
    await retired.log[Symbol.asyncDispose]();
  }

  #countUnread(log: OpenLog): void {
    if (log.unreadBytes === 0) return;
    const lineBytes = this.#linesSeen === 0 ? ASSUMED_LINE_BYTES : this.#bytesSeen / this.#linesSeen;
    this.lost += Math.max(1, Math.round(log.unreadBytes / lineBytes));
  }
}
