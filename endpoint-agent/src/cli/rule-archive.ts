import { gunzipSync, inflateRawSync } from 'node:zlib';
import type { RuleSource } from '../core/index.ts';

/** Bounds against archives that expand without end. Sizes in bytes. */
const ARCHIVE_LIMITS = { archive: 268_435_456, expanded: 536_870_912, file: 4_194_304, files: 50_000 } as const;

export type ArchiveResult =
  | { readonly ok: true; readonly sources: readonly RuleSource[] }
  | { readonly ok: false; readonly code: 'archive_unknown' | 'archive_damaged' | 'archive_too_large' };

/**
 * Reads the rule files (`.yml`, `.yaml`) of a ZIP or gzipped tar archive, as SigmaHQ and GitHub publish them. Names
 * are the archive's and only names: nothing is written to disk.
 */
export function readRuleArchive(bytes: Uint8Array): ArchiveResult {
  if (bytes.length > ARCHIVE_LIMITS.archive) return { ok: false, code: 'archive_too_large' };
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.length > 4 && view.readUInt32LE(0) === 0x04034b50) return collect(zipEntries(view));
    if (view.length > 2 && view.readUInt16BE(0) === 0x1f8b) {
      return collect(tarEntries(gunzipSync(view, { maxOutputLength: ARCHIVE_LIMITS.expanded })));
    }
    return { ok: false, code: 'archive_unknown' };
  } catch (error) {
    // zlib and reads past the end report damage by throwing.
    if (!(error instanceof RangeError) && !isZlibError(error)) throw error;
    return { ok: false, code: isTooLarge(error) ? 'archive_too_large' : 'archive_damaged' };
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(?:Z_|ERR_)/.test(String(error.code));
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}

interface ArchiveEntry {
  readonly name: string;
  readonly size: number;
  read(): Buffer;
}

function collect(entries: Iterable<ArchiveEntry>): ArchiveResult {
  const sources: RuleSource[] = [];
  let expanded = 0;
  for (const entry of entries) {
    if (!/\.ya?ml$/i.test(entry.name) || entry.size > ARCHIVE_LIMITS.file) continue;
    expanded += entry.size;
    if (sources.length >= ARCHIVE_LIMITS.files || expanded > ARCHIVE_LIMITS.expanded) {
      return { ok: false, code: 'archive_too_large' };
    }
    sources.push({ file: entry.name, text: entry.read().toString('utf8') });
  }
  return { ok: true, sources: sources.toSorted((a, b) => (a.file < b.file ? -1 : 1)) };
}

/** By the central directory (APPNOTE.TXT 4.3.12); stored and deflated entries, without ZIP64. */
function* zipEntries(zip: Buffer): Iterable<ArchiveEntry> {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0) throw new RangeError('no central directory');
  const count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  for (let i = 0; i < count; i += 1) {
    if (zip.readUInt32LE(at) !== 0x02014b50) throw new RangeError('damaged central directory');
    const method = zip.readUInt16LE(at + 10);
    const packed = zip.readUInt32LE(at + 20);
    const size = zip.readUInt32LE(at + 24);
    const nameLength = zip.readUInt16LE(at + 28);
    const header = zip.readUInt32LE(at + 42);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    yield {
      name,
      size,
      read: () => {
        const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
        const content = zip.subarray(start, start + packed);
        if (method === 0) return content;
        if (method !== 8) throw new RangeError('unsupported compression');
        return inflateRawSync(content, { maxOutputLength: ARCHIVE_LIMITS.file });
      },
    };
  }
}

/** POSIX tar with the long names of GNU tar and pax. */
function* tarEntries(tar: Buffer): Iterable<ArchiveEntry> {
  let longName: string | undefined;
  for (let at = 0; at + 512 <= tar.length; ) {
    const header = tar.subarray(at, at + 512);
    if (header.every((byte) => byte === 0)) return;
    const text = (from: number, to: number): string => header.toString('utf8', from, to).replace(/\0.*$/s, '');
    const size = Number.parseInt(text(124, 136).trim() || '0', 8);
    if (!Number.isSafeInteger(size) || size < 0 || at + 512 + size > tar.length) throw new RangeError('damaged tar');
    const content = tar.subarray(at + 512, at + 512 + size);
    const type = text(156, 157);
    if (type === 'L') longName = content.toString('utf8').replace(/\0.*$/s, '');
    else if (type === 'x') longName = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(content.toString('utf8'))?.[1] ?? longName;
    else if (type !== 'g') {
      const prefix = text(345, 500);
      const name = longName ?? (prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`);
      longName = undefined;
      if (type === '0' || type === '') yield { name, size, read: () => content };
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
