import { createHash } from 'node:crypto';
import { close, closeSync, constants, fstat, open, read, type Stats, statfs } from 'node:fs';
import { promisify } from 'node:util';
import { decodePath } from '../native/path-bytes.ts';
import { systemCode } from '../native/system-code.ts';
import { FairQueue } from '../platform/fairness/fair-queue.ts';
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
  /** Files waiting; beyond it the owner who has most of them loses one, counted. */
  readonly queue: number;
  /** A file that takes longer is given up, in milliseconds: its medium is too slow. */
  readonly maxMs: number;
  /** Remembered results. */
  readonly cache: number;
}

export const FILE_HASHER_LIMITS: FileHasherLimits = {
  maxBytes: 64 * 1024 * 1024,
  concurrency: 2,
  queue: 2_000,
  maxMs: 5_000,
  cache: 5_000,
};

const CHUNK_BYTES = 65_536;
const MAX_OWNERS = 64;
/** Bytes that are worth a turn: whoever has larger files hashed waits for others in between. */
const BYTES_PER_TURN = 1_048_576;
/**
 * Magic numbers of filesystems whose content somebody else hands out, at his pace (linux/magic.h, and the sources of
 * the filesystems): NFS, SMB, CIFS, SMB2, FUSE, 9p, AFS, Ceph, Coda.
 */
const FOREIGN_FILESYSTEMS: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x65735546, 0x01021997, 0x5346414f, 0x00c36400, 0x73757245,
]);

/**
 * SHA-256 of files that were just written, for hash indicators. Whoever wrote a file may have put anything at
 * its path by now, so that nothing but a regular file is ever opened: a FIFO would wait or let its writer go
 * on, and opening alone can set a device going (/dev/watchdog restarts the machine). A result is remembered
 * under device, inode, size, mtime and ctime.
 *
 * Owners take turns, and none has all of the readers: a user with many, large or slow files delays his own. Nothing is
 * read from filesystems over the network or of other programs.
 *
 * Bare descriptors, and as few calls as will do: each is a round trip through the thread pool, which costs more
 * than hashing a small file does.
 */
export interface FileHasher {
  /**
   * Resolves with nothing when the file is gone, no regular file, too large, too slow, not of this machine, or had to
   * give way. `owner`: whose turn it takes, by default nobody's.
   */
  hash(path: string, owner?: string): Promise<FileFacts | undefined>;
  /** Requests without an answer that were ours to give: too many waited, or the medium was too slow or foreign. */
  readonly dropped: number;
}

interface Waiter {
  readonly owner: string;
  readonly go: (admitted: boolean) => void;
}

const openFile = promisify(open);
const statFile = promisify(fstat);
const closeFile = promisify(close);
const filesystemOf = promisify(statfs);
/** By hand: promisified, it makes an object for each result. */
const readFile = (descriptor: number, into: Buffer, length: number): Promise<number> =>
  new Promise((resolve, reject) => {
    read(descriptor, into, 0, length, null, (error, count) => (error ? reject(error) : resolve(count)));
  });

export function createFileHasher(
  limits: FileHasherLimits = FILE_HASHER_LIMITS,
  monotonic: () => number = () => performance.now(),
): FileHasher {
  const cache = new Map<string, FileFacts>();
  const waiting = new FairQueue<Waiter>({ maxItems: limits.queue, maxOwners: MAX_OWNERS });
  const perOwner = Math.max(1, limits.concurrency - 1);
  const running = new Map<string, number>();
  /** One for each file that is being read. */
  const buffers: Buffer[] = [];
  let active = 0;
  let dropped = 0;

  const mayRun = ({ owner }: Pick<Waiter, 'owner'>): boolean =>
    active < limits.concurrency && (running.get(owner) ?? 0) < perOwner;

  function occupy(owner: string): void {
    active += 1;
    running.set(owner, (running.get(owner) ?? 0) + 1);
  }

  async function slot(owner: string): Promise<boolean> {
    if (waiting.size === 0 && mayRun({ owner })) {
      occupy(owner);
      return true;
    }
    return new Promise((resolve) => {
      const gaveWay = waiting.add(owner, { owner, go: resolve });
      if (gaveWay) dropped += 1;
      gaveWay?.go(false);
      admit();
    });
  }

  function admit(): void {
    for (let next = waiting.take(mayRun); next; next = waiting.take(mayRun)) {
      occupy(next.owner);
      next.go(true);
    }
  }

  function release(owner: string, bytes: number): void {
    active -= 1;
    const left = (running.get(owner) ?? 1) - 1;
    if (left > 0) running.set(owner, left);
    else running.delete(owner);
    waiting.charge(owner, Math.floor(bytes / BYTES_PER_TURN));
    admit();
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
    if (O_PATH !== 0 && FOREIGN_FILESYSTEMS.has((await filesystemOf(`/proc/self/fd/${named}`)).type)) {
      dropped += 1;
      return undefined;
    }
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
    const deadline = monotonic() + limits.maxMs;
    try {
      for (;;) {
        const wanted = Math.min(CHUNK_BYTES, Math.max(1, expected - size + 1));
        const count = await readFile(file, buffer, wanted);
        if (size === 0) type = fileTypeOf(buffer.subarray(0, Math.min(count, TYPE_BYTES)));
        size += count;
        if (size > maxBytes) return undefined;
        if (monotonic() > deadline) {
          dropped += 1;
          return undefined;
        }
        if (count > 0) hash.update(buffer.subarray(0, count));
        // A regular file gives less than was asked for at its end only.
        if (count < wanted) return { sha256: hash.digest('hex'), size, ...(type === undefined ? {} : { type }) };
      }
    } finally {
      buffers.push(buffer);
    }
  }

  return {
    async hash(path, owner = '') {
      if (!(await slot(owner))) return undefined;
      let named: number | undefined;
      let bytes = 0;
      try {
        const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
        named = await openFile(decodePath(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_PATH);
        const facts = await digestNamed(named);
        bytes = facts?.size ?? 0;
        return facts;
      } catch (error) {
        // A lease on it (F_SETLEASE) holds off whoever opens it: whoever took it does not want it read.
        if (systemCode(error) === 'EAGAIN') dropped += 1;
        return undefined; // Gone, not ours to open, or the medium failed.
      } finally {
        // A descriptor that only names a file has nothing to flush: closing it waits for nothing.
        if (named !== undefined) closeSync(named);
        release(owner, bytes);
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
