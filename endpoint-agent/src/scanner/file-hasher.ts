import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { decodePath } from '../native/path-bytes.ts';

export interface FileFacts {
  readonly sha256: string;
  readonly size: number;
}

export interface FileHasherLimits {
  /** Larger files are not hashed. */
  readonly maxBytes: number;
  /** Files being hashed at the same time. */
  readonly concurrency: number;
  /** Files waiting; beyond it a request is dropped and counted. */
  readonly queue: number;
  /** Remembered results. */
  readonly cache: number;
}

export const FILE_HASHER_LIMITS: FileHasherLimits = {
  maxBytes: 64 * 1024 * 1024,
  concurrency: 2,
  queue: 2_000,
  cache: 5_000,
};

const CHUNK_BYTES = 65_536;

/**
 * SHA-256 of files that were just written, for hash indicators. Whoever wrote a file may have put anything at
 * its path by now, so that nothing but a regular file is ever opened: a FIFO would wait or let its writer go
 * on, and opening alone can set a device going (/dev/watchdog restarts the machine). A result is remembered
 * under device, inode, size, mtime and ctime.
 */
export interface FileHasher {
  /** Resolves with nothing when the file is gone, no regular file, too large, or the queue is full. */
  hash(path: string): Promise<FileFacts | undefined>;
  /** Requests dropped because the queue was full. */
  readonly dropped: number;
}

export function createFileHasher(limits: FileHasherLimits = FILE_HASHER_LIMITS): FileHasher {
  const cache = new Map<string, FileFacts>();
  const waiting: (() => void)[] = [];
  let running = 0;
  let dropped = 0;

  async function slot(): Promise<boolean> {
    if (running < limits.concurrency) {
      running += 1;
      return true;
    }
    if (waiting.length >= limits.queue) {
      dropped += 1;
      return false;
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
    return true;
  }

  /** Hands the place to the next in line, so that `running` never exceeds the limit. */
  function release(): void {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }

  function remember(key: string, facts: FileFacts): void {
    const oldest = cache.size >= limits.cache ? cache.keys().next().value : undefined;
    if (oldest !== undefined) cache.delete(oldest);
    cache.set(key, facts);
  }

  async function read(path: string): Promise<FileFacts | undefined> {
    const file = await openRegular(path);
    if (file === undefined) return undefined;
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size > limits.maxBytes) return undefined;
      const key = identity(stats);
      const known = cache.get(key);
      if (known) return known;
      const facts = await digest(file, limits.maxBytes);
      if (facts && identity(await file.stat()) === key) remember(key, facts);
      return facts;
    } catch {
      return undefined;
    } finally {
      await file.close();
    }
  }

  return {
    async hash(path) {
      if (!(await slot())) return undefined;
      try {
        return await read(path);
      } finally {
        release();
      }
    },
    get dropped() {
      return dropped;
    },
  };
}

/** Of Linux: names the file without opening it. Elsewhere the file is opened directly. */
const O_PATH = process.platform === 'linux' ? 0o10000000 : 0;

/** Nothing when the file is gone, not ours to open, or no regular file. */
async function openRegular(path: string): Promise<FileHandle | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let named: FileHandle | undefined;
  try {
    named = await open(decodePath(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_PATH);
    if (O_PATH === 0) return named;
    if (!(await named.stat()).isFile()) return undefined;
    // Through the descriptor: the very file that was looked at, whatever stands at its name now.
    return await open(`/proc/self/fd/${named.fd}`, O_RDONLY | O_NONBLOCK);
  } catch {
    return undefined;
  } finally {
    if (O_PATH !== 0) await named?.close();
  }
}

function identity(stats: Stats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`;
}

/** Stops at the limit even when the file grows while it is read. */
async function digest(file: FileHandle, maxBytes: number): Promise<FileFacts | undefined> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let size = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return { sha256: hash.digest('hex'), size };
    size += bytesRead;
    if (size > maxBytes) return undefined;
    hash.update(buffer.subarray(0, bytesRead));
  }
}
