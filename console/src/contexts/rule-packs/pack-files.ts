import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  LIMITS,
  parseRulePackCatalogue,
  parseRulePackHeader,
  type RulePackHeader,
  type RuleSummary,
} from '@yagura/protocol';

const LINE_FEED = 0x0a;
/** An upload that is older than this belongs to a console that was killed. */
const ABANDONED_MS = 3_600_000;

export type WrittenPack =
  | {
      readonly ok: true;
      readonly sha256: string;
      readonly size: number;
      readonly header: RulePackHeader;
      readonly catalogue: readonly RuleSummary[];
    }
  | {
      readonly ok: false;
      readonly code: 'body_too_large' | 'bad_request' | 'database_full' | 'pack_invalid' | 'pack_version_unknown';
    };

/** Files of rule packs, each named by its tenant and the hash of its content. */
export interface PackFiles {
  /** Stores what comes; whatever is no pack, too large or cut off leaves nothing behind. */
  write(tenantId: string, uploadId: string, content: Readable): Promise<WrittenPack>;
  read(tenantId: string, sha256: string): Readable;
  has(tenantId: string, sha256: string, size: number): Promise<boolean>;
  remove(tenantId: string, sha256: string): Promise<void>;
}

export function createPackFiles(directory: string, now: () => number): PackFiles {
  const pathOf = (tenantId: string, sha256: string): string => join(directory, `${tenantId}-${sha256}.pack`);
  return {
    async write(tenantId, uploadId, content) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await removeAbandoned(directory, now());
      const partial = join(directory, `${uploadId}.part`);
      try {
        const written = await writePartial(partial, content);
        if (!written.ok) return written;
        await rename(partial, pathOf(tenantId, written.sha256));
        await syncFolder(directory);
        return written;
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (code === 'ENOSPC' || code === 'EDQUOT') return { ok: false, code: 'database_full' };
        // The sender went away in the middle.
        if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return { ok: false, code: 'bad_request' };
        throw error;
      } finally {
        await rm(partial, { force: true });
      }
    },
    read: (tenantId, sha256) => createReadStream(pathOf(tenantId, sha256)),
    has: (tenantId, sha256, size) =>
      stat(pathOf(tenantId, sha256)).then(
        (found) => found.size === size,
        () => false,
      ),
    remove: (tenantId, sha256) => rm(pathOf(tenantId, sha256), { force: true }),
  };
}

async function writePartial(path: string, content: Readable): Promise<WrittenPack> {
  await using file = await open(path, 'wx', 0o600);
  const hash = createHash('sha256');
  const head = new LeadingLine(LIMITS.rulePackHeaderBytes);
  const catalogue = new LeadingLine(LIMITS.rulePackCatalogueBytes);
  let size = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMITS.rulePackBytes) return { ok: false, code: 'body_too_large' };
    const rest = head.take(chunk);
    if (rest === 'too_long' || catalogue.take(rest) === 'too_long') return { ok: false, code: 'pack_invalid' };
    hash.update(chunk);
    await writeAll(file, chunk);
  }
  const header = parseRulePackHeader(head.text() ?? '');
  if (!header.ok) return header;
  const rules = parseRulePackCatalogue(catalogue.text() ?? '');
  if (!rules) return { ok: false, code: 'pack_invalid' };
  await file.sync();
  return { ok: true, sha256: hash.digest('hex'), size, header: header.header, catalogue: rules };
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
}

/** Collects what stands before a line feed, which must come soon. */
class LeadingLine {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #complete = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What stands behind the line feed, nothing until it came. */
  take(chunk: Buffer): Buffer | 'too_long' {
    if (this.#complete) return chunk;
    const end = chunk.indexOf(LINE_FEED);
    const own = end < 0 ? chunk : chunk.subarray(0, end);
    this.#length += own.length;
    if (this.#length > this.#limit) return 'too_long';
    this.#chunks.push(Buffer.from(own));
    this.#complete = end >= 0;
    return end < 0 ? Buffer.alloc(0) : chunk.subarray(end + 1);
  }

  text(): string | undefined {
    return this.#complete ? Buffer.concat(this.#chunks).toString('utf8') : undefined;
  }
}

async function removeAbandoned(directory: string, now: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.part')) continue;
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && now - found.mtimeMs > ABANDONED_MS) await rm(path, { force: true });
  }
}

/** Makes the rename survive a power loss; Windows journals it itself. */
async function syncFolder(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  await using folder = await open(directory, 'r');
  await folder.sync();
}
