import { createHash, type Hash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readlinkSync, readSync, statSync } from 'node:fs';
import { decodePath, encodePath } from '../../../native/path-bytes.ts';
import type { ExecutedImage } from '../audit/observations.ts';

export interface ImageHasherLimits {
  /** Remembered results. */
  readonly cache: number;
  /** Larger files are not hashed. */
  readonly maxBytes: number;
  /** Files begun or waiting; beyond it the user who has most of them does without one. */
  readonly queue: number;
  /** Read at most per turn of the worker, so that hashing never keeps it from its sockets. */
  readonly bytesPerTurn: number;
}

export const IMAGE_HASHER_LIMITS: ImageHasherLimits = {
  cache: 8_192,
  maxBytes: 256 * 1024 * 1024,
  queue: 64,
  bytesPerTurn: 2 * 1024 * 1024,
};

/** The answer to one request; `sha256` is there once it is `settled`, unless the file could not be hashed. */
export interface HashTicket {
  readonly settled: boolean;
  readonly sha256?: string;
}

interface Job {
  readonly key: string;
  readonly owner: string;
  readonly fd: number;
  readonly hash: Hash;
  readonly ticket: { settled: boolean; sha256?: string };
  read: number;
}

const NONE: HashTicket = { settled: true };
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * SHA-256 of executed images, remembered under (device, inode, size, mtime, ctime), read piecemeal between
 * the worker's other duties. What was executed is what gets hashed, or nothing: `/proc/PID/exe` while the
 * process lives, else the file at the path if it is the same inode and was not changed since the exec. Users take
 * turns, a piece of a file each: one who starts many large programs delays his own.
 */
export class ImageHasher {
  readonly #limits: ImageHasherLimits;
  readonly #cache = new Map<string, string>();
  readonly #jobs = new Map<string, Job>();
  /** The same by user, in the order of their turns. */
  readonly #turns = new Map<string, Set<Job>>();
  readonly #chunk: Buffer;
  #skipped = 0;

  constructor(limits: ImageHasherLimits = IMAGE_HASHER_LIMITS) {
    this.#limits = limits;
    this.#chunk = Buffer.allocUnsafe(Math.min(limits.bytesPerTurn, 256 * 1024));
  }

  /** Requests that got no hash because the file is too large or too many were waiting. */
  get skipped(): number {
    return this.#skipped;
  }
  get busy(): boolean {
    return this.#jobs.size > 0;
  }

  /** `owner`: the user who started it. */
  request(image: ExecutedImage, owner = ''): HashTicket {
    const path = decodePath(image.path);
    const byPath = statOf(path);
    const known = byPath && isExecuted(byPath, image) ? this.#cache.get(keyOf(byPath)) : undefined;
    if (known !== undefined) return { settled: true, sha256: known };
    const fd = openExecuted(image, path);
    if (fd === undefined) return NONE;
    const ticket = this.#begin(fd, owner);
    if (!ticket) closeSync(fd);
    return ticket ?? NONE;
  }

  /** Reads on for a bounded time. Call once per turn. */
  step(): void {
    let budget = this.#limits.bytesPerTurn;
    while (budget > 0) {
      const [turn] = this.#turns;
      const [job] = turn?.[1] ?? [];
      if (!turn || !job) return;
      this.#turns.delete(turn[0]);
      this.#turns.set(turn[0], turn[1]);
      budget -= this.#advance(job);
    }
  }

  close(): void {
    for (const job of this.#jobs.values()) this.#settle(job, undefined);
  }

  /** Takes over the descriptor when it returns a ticket that is not settled. */
  #begin(fd: number, owner: string): HashTicket | undefined {
    const stats = fstatSync(fd, { bigint: true });
    const key = keyOf(stats);
    const sha256 = this.#cache.get(key);
    if (sha256 !== undefined) {
      closeSync(fd);
      return { settled: true, sha256 };
    }
    const running = this.#jobs.get(key);
    if (running) {
      closeSync(fd);
      return running.ticket;
    }
    if (!stats.isFile() || stats.size > BigInt(this.#limits.maxBytes) || !this.#makeRoom(owner)) {
      this.#skipped += 1;
      return undefined;
    }
    const job: Job = { key, owner, fd, hash: createHash('sha256'), ticket: { settled: false }, read: 0 };
    this.#jobs.set(key, job);
    const mine = this.#turns.get(owner);
    if (mine) mine.add(job);
    else this.#turns.set(owner, new Set([job]));
    return job.ticket;
  }

  /** False when it is this user himself who has most of those that wait. */
  #makeRoom(owner: string): boolean {
    if (this.#jobs.size < this.#limits.queue) return true;
    let most: Set<Job> | undefined;
    for (const jobs of this.#turns.values()) if (!most || jobs.size > most.size) most = jobs;
    const mine = this.#turns.get(owner)?.size ?? 0;
    if (!most || mine + 1 >= most.size) return false;
    const newest = [...most].at(-1);
    if (newest) this.#settle(newest, undefined);
    this.#skipped += 1;
    return true;
  }

  #advance(job: Job): number {
    try {
      const count = readSync(job.fd, this.#chunk, 0, this.#chunk.length, null);
      job.read += count;
      job.hash.update(this.#chunk.subarray(0, count));
      if (count === 0) this.#settle(job, this.#unchanged(job) ? job.hash.digest('hex') : undefined);
      else if (job.read > this.#limits.maxBytes) this.#settle(job, undefined);
      return Math.max(count, 4_096);
    } catch {
      this.#settle(job, undefined); // The medium failed or went away.
      return 4_096;
    }
  }

  /** A file that was written while it was read has no hash worth remembering. */
  #unchanged(job: Job): boolean {
    return keyOf(fstatSync(job.fd, { bigint: true })) === job.key;
  }

  #settle(job: Job, sha256: string | undefined): void {
    closeSync(job.fd);
    this.#jobs.delete(job.key);
    const turn = this.#turns.get(job.owner);
    turn?.delete(job);
    if (turn?.size === 0) this.#turns.delete(job.owner);
    job.ticket.settled = true;
    if (sha256 === undefined) return;
    job.ticket.sha256 = sha256;
    if (this.#cache.size >= this.#limits.cache) {
      const oldest = this.#cache.keys().next().value;
      if (oldest !== undefined) this.#cache.delete(oldest);
    }
    this.#cache.set(job.key, sha256);
  }
}

function keyOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}

/**
 * The same inode, unchanged since. Inode numbers are reused at once and time stamps are as coarse as a
 * scheduler tick, so a file that changed in the very millisecond of the exec does not count as unchanged.
 */
function isExecuted(stats: BigIntStats, { inodes, executedAt }: ExecutedImage): boolean {
  if (inodes.length > 0 && !inodes.includes(Number(stats.ino))) return false;
  return Number(stats.ctimeMs) < Math.floor(executedAt);
}

function openExecuted(image: ExecutedImage, path: Buffer): number | undefined {
  const link = `/proc/${image.pid}/exe`;
  const named = linkTarget(link);
  if (named === image.path) {
    const fd = openFile(link);
    // Between the two calls the process may have become another program; then the name has changed too.
    if (fd !== undefined && linkTarget(link) === image.path) return fd;
    if (fd !== undefined) closeSync(fd);
  }
  const stats = statOf(path);
  if (!stats?.isFile() || !isExecuted(stats, image)) return undefined;
  const fd = openFile(path);
  if (fd === undefined) return undefined;
  if (keyOf(fstatSync(fd, { bigint: true })) === keyOf(stats)) return fd;
  closeSync(fd);
  return undefined;
}

function linkTarget(path: string): string | undefined {
  try {
    return encodePath(readlinkSync(path, 'buffer'));
  } catch {
    return undefined; // The process has ended.
  }
}

function openFile(path: string | Buffer): number | undefined {
  try {
    return openSync(path, FLAGS);
  } catch {
    return undefined; // Deleted, or on a mount that we cannot see.
  }
}

function statOf(path: Buffer): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined; // A component is no directory, or loops.
  }
}
