import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Compression } from '@yagura/protocol';

/** zstd as the runtime brings it. Level 1: see `npm run bench -- encoding`. */
export const zstd: Compression = {
  compress: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
  decompress: (bytes, limit) => zstdDecompressSync(bytes, { maxOutputLength: limit }),
};
