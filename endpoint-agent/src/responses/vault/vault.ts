import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemCode } from '../../platform/durable-file.ts';
import type { Random } from '../../platform/random.ts';
import { type Refusal, type Result, refusalOfError, refuse, succeed } from '../refusal.ts';
import {
  CHUNK_BYTES,
  type ContainerMetadata,
  createSealer,
  HEAD_BYTES,
  KEY_BYTES,
  metadataLength,
  type Opener,
  openContainer,
  RECORD,
  RECORD_HEAD_BYTES,
  TAG_BYTES,
} from './container.ts';
import { readAt, writeAt } from './file-io.ts';

const fsyncAsync = promisify(fsync);
const NAME = /^([A-Za-z0-9._:-]+)\.sealed$/;

/** Quarantined files, encrypted, under random names. Its folder and key belong to root alone. */
export interface Vault {
  /**
   * Writes a container and syncs it and its folder. `content` yields the file in order, each piece at most
   * `CHUNK_BYTES`. On a refusal, whether ours or `content`'s, nothing stays behind.
   */
  store(metadata: ContainerMetadata, content: AsyncIterable<Result<Buffer>>): Promise<Result<void>>;
  /** The metadata, authenticated. `not_found` when there is no such container. */
  metadata(quarantineId: string): Promise<Result<ContainerMetadata>>;
  /**
   * Passes the content on in order, each piece as soon as its own tag is verified. What came through is whole
   * only if this succeeds: the end has a tag of its own.
   */
  read(quarantineId: string, into: (piece: Buffer, position: number) => Promise<void>): Promise<Result<void>>;
  /** Removes a container for good; already gone is fine. */
  remove(quarantineId: string): Result<void>;
  ids(): readonly string[];
  /** Bytes that can still be written there, and bytes that the containers take. */
  space(): { readonly free: number; readonly used: number };
}

/** Makes `directory` (0700) and its key (0600) on first use. Throws the system's error when it cannot. */
export function openVault(directory: string, random: Random): Vault {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const pathOf = (quarantineId: string): string => join(directory, `${quarantineId}.sealed`);

  const remove = (quarantineId: string): Result<void> => {
    try {
      unlinkSync(pathOf(quarantineId));
      syncDirectory(directory);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') return refusalOfError(error, 'vault');
    }
    return succeed(undefined);
  };

  const open = async (quarantineId: string): Promise<Result<{ fd: number; opener: Opener; position: number }>> => {
    const key = readKey(directory);
    if (key === undefined) return DAMAGED;
    let fd: number;
    try {
      fd = openSync(pathOf(quarantineId), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      return refusalOfError(error, 'vault');
    }
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      const announced = (await readAt(fd, head, 0)) === HEAD_BYTES ? metadataLength(head) : undefined;
      const sealed = Buffer.alloc((announced ?? 0) + TAG_BYTES);
      const isWhole = announced !== undefined && (await readAt(fd, sealed, HEAD_BYTES)) === sealed.length;
      const opener = isWhole ? openContainer(key, quarantineId, head, sealed) : undefined;
      if (opener !== undefined) return succeed({ fd, opener, position: HEAD_BYTES + sealed.length });
      closeSync(fd);
      return DAMAGED;
    } catch (error) {
      closeSync(fd);
      return refusalOfError(error, 'vault');
    }
  };

  return {
    store: async (metadata, content) => {
      let key: Buffer;
      let fd: number;
      try {
        key = readKey(directory) ?? makeKey(directory, random);
        const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
        fd = openSync(pathOf(metadata.quarantineId), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      } catch (error) {
        return refusalOfError(error, 'vault');
      }
      let result: Result<void>;
      try {
        result = await writeContainer(fd, createSealer(key, metadata, random), content);
        await fsyncAsync(fd);
      } catch (error) {
        result = refusalOfError(error, 'vault');
      } finally {
        closeSync(fd);
      }
      if (result.ok) syncDirectory(directory);
      else remove(metadata.quarantineId);
      return result;
    },
    metadata: async (quarantineId) => {
      const opened = await open(quarantineId);
      if (!opened.ok) return opened;
      closeSync(opened.value.fd);
      return succeed(opened.value.opener.metadata);
    },
    read: async (quarantineId, into) => {
      const opened = await open(quarantineId);
      if (!opened.ok) return opened;
      const { fd, opener, position } = opened.value;
      try {
        return (await readRecords(fd, opener, position, into)) ? succeed(undefined) : DAMAGED;
      } catch (error) {
        return refusalOfError(error, 'restore');
      } finally {
        closeSync(fd);
      }
    },
    remove,
    ids: () => readdirSync(directory).flatMap((name) => NAME.exec(name)?.[1] ?? []),
    space: () => {
      const { bavail, bsize } = statfsSync(directory);
      let used = 0;
      for (const name of readdirSync(directory)) if (NAME.test(name)) used += sizeOf(join(directory, name));
      return { free: bavail * bsize, used };
    },
  };
}

/** Bit rot and an attacker look the same: the container stays where it is, for a technician. */
const DAMAGED: Refusal = refuse('io_error', 'the container in the vault is damaged or was changed');

async function writeContainer(
  fd: number,
  sealer: ReturnType<typeof createSealer>,
  content: AsyncIterable<Result<Buffer>>,
): Promise<Result<void>> {
  await writeAt(fd, sealer.head, 0);
  let position = sealer.head.length;
  for await (const piece of content) {
    if (!piece.ok) return piece;
    const record = sealer.record(piece.value);
    await writeAt(fd, record, position);
    position += record.length;
  }
  await writeAt(fd, sealer.end(), position);
  return succeed(undefined);
}

/** False when anything is not as it was sealed, or something follows the end. */
async function readRecords(
  fd: number,
  opener: Opener,
  start: number,
  into: (piece: Buffer, position: number) => Promise<void>,
): Promise<boolean> {
  const head = Buffer.alloc(RECORD_HEAD_BYTES);
  let total = 0;
  for (let position = start; ; ) {
    if ((await readAt(fd, head, position)) !== RECORD_HEAD_BYTES) return false;
    const kind = head.readUInt8();
    const length = head.readUInt32BE(1);
    if (length > CHUNK_BYTES || kind > RECORD.end) return false;
    const sealed = Buffer.alloc((kind === RECORD.data ? length : 0) + TAG_BYTES);
    position += RECORD_HEAD_BYTES;
    if ((await readAt(fd, sealed, position)) !== sealed.length) return false;
    position += sealed.length;
    const piece = opener.record(kind, length, sealed);
    if (piece === undefined) return false;
    if (kind === RECORD.end) return fstatSync(fd).size === position && total === opener.metadata.size;
    await into(piece, total);
    total += length;
  }
}

function readKey(directory: string): Buffer | undefined {
  try {
    const key = readFileSync(join(directory, 'key'));
    return key.length === KEY_BYTES ? key : undefined;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

/**
 * The key appears under its name whole or not at all. Throws EEXIST rather than replace a key that cannot be
 * read: everything in the vault hangs on it.
 */
function makeKey(directory: string, random: Random): Buffer {
  const key = Buffer.from(random.bytes(KEY_BYTES));
  const temporary = join(directory, 'key.new');
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(fd, key);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  linkSync(temporary, join(directory, 'key'));
  unlinkSync(temporary);
  syncDirectory(directory);
  return key;
}

function sizeOf(path: string): number {
  return (lstatSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
}

function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
