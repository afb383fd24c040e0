import { createCipheriv, createDecipheriv } from 'node:crypto';
import { Id, Sha256 } from '@yagura/protocol';
import { z } from 'zod';
import type { Random } from '../../platform/random.ts';

/**
 * The form of a quarantined file in the vault, version 1. Numbers are big endian.
 *
 * ```
 *  0  8  magic "YGVAULT1"
 *  8 12  nonce of the wrapped key
 * 20 32  file key, AES-256-GCM under the vault's key; associated data: magic, quarantine id
 * 52 16  its tag
 * 68  4  length of the metadata
 * 72  n  metadata (JSON), AES-256-GCM under the file key, nonce (1, 0); then 16 bytes of tag
 *  ...   records: kind (1 byte), length (4 bytes), content, tag (16 bytes)
 * ```
 *
 * A record is data (0: `length` bytes under the file key), zeros (1: `length` of them, no content, so that
 * sparse files stay small) or the end (2: length 0; nothing may follow). Nonces of records are (2, index) and their
 * associated data magic, kind and length: a record that was changed, moved, dropped or cut off fails its tag.
 * Every file has a random key of its own, so that counted nonces never repeat; a container under another name
 * than its own does not open.
 */
export const CHUNK_BYTES = 262_144;
export const HEAD_BYTES = 72;
export const RECORD_HEAD_BYTES = 5;
export const TAG_BYTES = 16;
/** Extended attributes are the only large part of the metadata. */
export const MAX_METADATA_BYTES = 262_144;
export const KEY_BYTES = 32;

export const RECORD = { data: 0, zeros: 1, end: 2 } as const;

const MAGIC = Buffer.from('YGVAULT1', 'latin1');
const NONCE_BYTES = 12;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

const Base64 = z.base64();
const Nanoseconds = z.string().regex(/^-?\d{1,20}$/);

/** The file as it was: what restoring brings back. */
export const ContainerMetadata = z.strictObject({
  version: z.literal(1),
  quarantineId: Id,
  /** Encoded as by `encodePath`, whole. */
  path: z.string().min(1),
  uid: z.number().int().min(0),
  gid: z.number().int().min(0),
  /** Permission bits, set-id bits and sticky bit. */
  mode: z.number().int().min(0).max(0o7777),
  accessedNs: Nanoseconds,
  modifiedNs: Nanoseconds,
  size: z.number().int().min(0),
  sha256: Sha256,
  /** Extended attributes: name and value. */
  attributes: z.array(z.tuple([Base64, Base64])),
  storyId: Id.optional(),
  quarantinedAt: z.number().int().min(0),
});
export type ContainerMetadata = z.infer<typeof ContainerMetadata>;

export interface Sealer {
  /** The container's beginning. */
  readonly head: Buffer;
  /** One record for at most `CHUNK_BYTES`. */
  record(content: Buffer): Buffer;
  end(): Buffer;
}

export function createSealer(vaultKey: Buffer, metadata: ContainerMetadata, random: Random): Sealer {
  const fileKey = Buffer.from(random.bytes(KEY_BYTES));
  const wrapNonce = Buffer.from(random.bytes(NONCE_BYTES));
  const wrapped = seal(vaultKey, wrapNonce, wrapContext(metadata.quarantineId), fileKey);
  const sealed = seal(fileKey, nonce(1, 0), MAGIC, Buffer.from(JSON.stringify(metadata)));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(sealed.length - TAG_BYTES);
  let index = 0;
  const record = (kind: number, recordLength: number, content: Buffer): Buffer => {
    const head = recordHead(kind, recordLength);
    return Buffer.concat([head, seal(fileKey, nonce(2, index++), Buffer.concat([MAGIC, head]), content)]);
  };
  return {
    head: Buffer.concat([MAGIC, wrapNonce, wrapped, length, sealed]),
    record: (content) =>
      isZeros(content)
        ? record(RECORD.zeros, content.length, Buffer.alloc(0))
        : record(RECORD.data, content.length, content),
    end: () => record(RECORD.end, 0, Buffer.alloc(0)),
  };
}

export interface Opener {
  readonly metadata: ContainerMetadata;
  /** The content of one record; undefined when it is not what was sealed. */
  record(kind: number, length: number, sealed: Buffer): Buffer | undefined;
}

/** The length of the metadata that the first `HEAD_BYTES` announce; undefined when they are no container's. */
export function metadataLength(head: Buffer): number | undefined {
  if (head.length < HEAD_BYTES || !head.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const length = head.readUInt32BE(HEAD_BYTES - 4);
  return length <= MAX_METADATA_BYTES ? length : undefined;
}

/** Undefined when the container was changed, belongs to another key, or lies under another's name. */
export function openContainer(
  vaultKey: Buffer,
  quarantineId: string,
  head: Buffer,
  metadata: Buffer,
): Opener | undefined {
  const keyEnd = HEAD_BYTES - 4;
  const fileKey = open(
    vaultKey,
    head.subarray(MAGIC.length, MAGIC.length + NONCE_BYTES),
    wrapContext(quarantineId),
    head.subarray(MAGIC.length + NONCE_BYTES, keyEnd),
  );
  if (fileKey === undefined) return undefined;
  const text = open(fileKey, nonce(1, 0), MAGIC, metadata);
  const parsed = text === undefined ? undefined : ContainerMetadata.safeParse(JSON.parse(text.toString('utf8')));
  if (parsed?.success !== true || parsed.data.quarantineId !== quarantineId) return undefined;
  let index = 0;
  return {
    metadata: parsed.data,
    record: (kind, length, sealed) => {
      const context = Buffer.concat([MAGIC, recordHead(kind, length)]);
      const content = open(fileKey, nonce(2, index++), context, sealed);
      return kind === RECORD.zeros && content !== undefined ? ZEROS.subarray(0, length) : content;
    },
  };
}

/** Whether a piece of at most `CHUNK_BYTES` has zeros only. */
export function isZeros(piece: Buffer): boolean {
  return piece.equals(ZEROS.subarray(0, piece.length));
}

function recordHead(kind: number, length: number): Buffer {
  const head = Buffer.alloc(RECORD_HEAD_BYTES);
  head.writeUInt8(kind);
  head.writeUInt32BE(length, 1);
  return head;
}

function wrapContext(quarantineId: string): Buffer {
  return Buffer.concat([MAGIC, Buffer.from(quarantineId, 'utf8')]);
}

function nonce(purpose: number, index: number): Buffer {
  const bytes = Buffer.alloc(NONCE_BYTES);
  bytes.writeUInt32BE(purpose);
  bytes.writeBigUInt64BE(BigInt(index), 4);
  return bytes;
}

function seal(key: Buffer, iv: Buffer, context: Buffer, content: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(context);
  return Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

function open(key: Buffer, iv: Buffer, context: Buffer, sealed: Buffer): Buffer | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(context);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES)), decipher.final()]);
  } catch {
    // The only way in which GCM fails is a tag that does not fit.
    return undefined;
  }
}
