import { createHash } from 'node:crypto';
import { close, closeSync, constants, fstat, open, read, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import { decodePath } from '../native/path-bytes.ts';
import { type FileType, fileTypeOf, TYPE_BYTES } from './file-type.ts';

export interface FileFacts {
  readonly sha256: string;
  readonly size: number;
  /** By its first bytes; absent for text and for what does not say. */
  readonly type?: FileType;
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
 *
 * Bare descriptors, and as few calls as will do: each is a round trip through the thread pool, which costs more
 * than hashing a small file does.
 */
export interface FileHasher {
  /** Resolves with nothing when the file is gone, no regular file, too large, or the queue is full. */
  hash(path: string): Promise<FileFacts | undefined>;
  /** Requests dropped because the queue was full. */
  readonly dropped: number;
}

const openFile = promisify(open);
const statFile = promisify(fstat);
const closeFile = promisify(close);
/** By hand: promisified, it makes an object for each result. */
const readFile = (descriptor: number, into: Buffer, length: number): Promise<number> =>
  new Promise((resolve, reject) => {
    read(descriptor, into, 0, length, null, (error, count) => (error ? reject(error) : resolve(count)));
  });

export function createFileHasher(limits: FileHasherLimits = FILE_HASHER_LIMITS): FileHasher {
  const cache = new Map<string, FileFacts>();
  const waiting: (() => void)[] = [];
  /** One for each file that is being read. */
  const buffers: Buffer[] = [];
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

  async function digestNamed(named: number): Promise<FileFacts | undefined> {
    const stats = await statFile(named);
    if (!stats.isFile() || stats.size > limits.maxBytes) return undefined;
    const key = identity(stats);
    const known = cache.get(key);
    if (known) return known;
    const { O_RDONLY, O_NONBLOCK } = constants;
    // Through the descriptor: the very file that was looked at, whatever stands at its name now.
    const file = O_PATH === 0 ? named : await openFile(`/proc/self/fd/${named}`, O_RDONLY | O_NONBLOCK);
    try {
      const facts = await digest(file, stats.size, limits.maxBytes);
      // A file that was written while it was read has no hash worth remembering.
      if (facts && identity(await statFile(file)) === key) remember(key, facts);
      return facts;
    } finally {
      if (file !== named) await closeFile(file);
    }
  }

  /** Stops at the limit even when the file grows while it is read. */
  async function digest(file: number, expected: number, maxBytes: number): Promise<FileFacts | undefined> {
    const hash = createHash('sha256');
    const buffer = buffers.pop() ?? Buffer.allocUnsafe(CHUNK_BYTES);
    let size = 0;
    let type: FileType | undefined;
    try {
      for (;;) {
        const wanted = Math.min(CHUNK_BYTES, Math.max(1, expected - size + 1));
        const count = await readFile(file, buffer, wanted);
        if (size === 0) type = fileTypeOf(buffer.subarray(0, Math.min(count, TYPE_BYTES)));
        size += count;
        if (size > maxBytes) return undefined;
        if (count > 0) hash.update(buffer.subarray(0, count));
        // A regular file gives less than was asked for at its end only.
        if (count < wanted) return { sha256: hash.digest('hex'), size, ...(type === undefined ? {} : { type }) };
      }
    } finally {
      buffers.push(buffer);
    }
  }

  return {
    async hash(path) {
      if (!(await slot())) return undefined;
      let named: number | undefined;
      try {
        const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
        named = await openFile(decodePath(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_PATH);
        return await digestNamed(named);
      } catch {
        return undefined; // Gone, not ours to open, or the medium failed.
      } finally {
        // A descriptor that only names a file has nothing to flush: closing it waits for nothing.
        if (named !== undefined) closeSync(named);
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

function identity(stats: Stats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`;
}
