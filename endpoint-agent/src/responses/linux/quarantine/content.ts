import { createHash } from 'node:crypto';
import { type Result, refuse, succeed } from '../../refusal.ts';
import { CHUNK_BYTES } from '../../vault/container.ts';
import { readAt } from '../../vault/file-io.ts';

export interface Digests {
  readonly sha256: string;
  readonly size: number;
  /** For comparing with the package manager's list; says nothing against an attacker by itself. */
  readonly md5: string;
}

/** Reads the whole file once. `path_changed` when it grows past the size that it had. */
export async function digestFile(fd: number, size: bigint): Promise<Result<Digests>> {
  const sha256 = createHash('sha256');
  const md5 = createHash('md5');
  let length = 0;
  for await (const piece of pieces(fd, size)) {
    if (!piece.ok) return piece;
    sha256.update(piece.value);
    md5.update(piece.value);
    length += piece.value.length;
  }
  return succeed({ sha256: sha256.digest('hex'), md5: md5.digest('hex'), size: length });
}

/** The content for the vault; the last step is a refusal if it was not what `digestFile` had read. */
export async function* verifiedPieces(fd: number, size: bigint, sha256: string): AsyncGenerator<Result<Buffer>> {
  const hash = createHash('sha256');
  for await (const piece of pieces(fd, size)) {
    if (piece.ok) hash.update(piece.value);
    yield piece;
  }
  if (hash.digest('hex') !== sha256) yield refuse('path_changed', 'written to while it was copied');
}

/** Each piece is valid until the next is asked for. */
async function* pieces(fd: number, size: bigint): AsyncGenerator<Result<Buffer>> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (let position = 0; ; ) {
    const length = await readAt(fd, buffer, position);
    position += length;
    if (BigInt(position) > size) {
      yield refuse('path_changed', 'growing');
      return;
    }
    if (length > 0) yield succeed(buffer.subarray(0, length));
    if (length < CHUNK_BYTES) return;
  }
}
