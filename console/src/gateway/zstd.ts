import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Compression } from '@yagura/protocol';

/** Node's zstd; stops at `limit` bytes of output instead of allocating what a bomb asks for. */
export const zstd: Compression = {
  compress: (bytes) => zstdCompressSync(bytes),
  decompress: (bytes, limit) => zstdDecompressSync(bytes, { maxOutputLength: limit }),
};
