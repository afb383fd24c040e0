import { createHash } from 'node:crypto';
import { constants, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { RulePackReference } from '@yagura/protocol';
import { systemCode } from '../platform/durable-file.ts';

export type StreamedPack = { readonly ok: true } | { readonly ok: false; readonly code: 'pack_damaged' };

/** Pack files of an endpoint, each named by its hash; mode 0600. */
export interface PackFiles {
  path(sha256: string): string;
  /** The content, if size and hash are those of the reference. */
  verified(reference: RulePackReference): Buffer | undefined;
  /**
   * Takes in a pack as it comes: never more than its size, and nothing under its name before its hash was
   * right and it is on the disk. Throws the system's error when it cannot be written, and the source's.
   */
  receive(reference: RulePackReference, content: AsyncIterable<Uint8Array>): Promise<StreamedPack>;
  /** Removes all others. */
  retain(sha256s: ReadonlySet<string>): void;
}

export function createPackFiles(dir: string): PackFiles {
  const path = (sha256: string): string => join(dir, `${sha256}.pack`);
  return {
    path,
    verified({ sha256, size }) {
      try {
        // Looked at first: a file that somebody blew up must not be read whole to be refused.
        if (statSync(path(sha256)).size !== size) return undefined;
        const bytes = readFileSync(path(sha256));
        return createHash('sha256').update(bytes).digest('hex') === sha256 ? bytes : undefined;
      } catch (error) {
        if (systemCode(error) === undefined) throw error;
        return undefined;
      }
    },
    async receive({ sha256, size }, content) {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      const partial = join(dir, `${sha256}.part`);
      rmSync(partial, { force: true });
      // O_EXCL|O_NOFOLLOW: a link planted under the temporary name is an error, never a target.
      const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
      const file = await open(partial, O_WRONLY | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0), 0o600);
      try {
        const good = await writeChecked(file, sha256, size, content);
        if (!good) return { ok: false, code: 'pack_damaged' };
        await file.sync();
        renameSync(partial, path(sha256));
        await syncFolder(dir);
        return { ok: true };
      } finally {
        await file.close();
        rmSync(partial, { force: true });
      }
    },
    retain(sha256s) {
      for (const name of listIfPresent(dir)) {
        const [, sha256 = '', kind] = /^([0-9a-f]{64})\.(pack|part)$/.exec(name) ?? [];
        if (kind === 'part' || (kind === 'pack' && !sha256s.has(sha256))) rmSync(join(dir, name), { force: true });
      }
    },
  };
}

async function writeChecked(
  file: FileHandle,
  sha256: string,
  size: number,
  content: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const hash = createHash('sha256');
  let received = 0;
  for await (const chunk of content) {
    received += chunk.length;
    if (received > size) return false;
    hash.update(chunk);
    for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
  }
  return received === size && hash.digest('hex') === sha256;
}

function listIfPresent(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}

/** Makes the rename survive a power loss; Windows journals it itself. */
async function syncFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return;
  await using folder = await open(dir, constants.O_RDONLY);
  await folder.sync();
}
