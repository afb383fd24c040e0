import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { RuleRejection, RuleSource } from '../core/index.ts';

/** Bytes of a rule file beyond which it is not read. */
const FILE_BYTES = 4_194_304;
/** Most rule files of one call. */
const FILES = 50_000;

export interface RuleFiles {
  readonly sources: readonly RuleSource[];
  /** Files that could not be read. */
  readonly rejected: readonly RuleRejection[];
}

/** A path that was named but does not exist or cannot be read. */
export class UnreadablePath extends Error {
  readonly path: string;
  constructor(path: string) {
    super(`cannot read ${path}`);
    this.path = path;
  }
}

/**
 * Reads every `.yml` and `.yaml` file below the given paths, in a stable order. Names are kept relative to the
 * path as it was given, with the path in front, so that messages can be followed. Symbolic links are not
 * followed. Throws `UnreadablePath` for a path of the caller that cannot be read.
 */
export async function readRuleFiles(paths: readonly string[]): Promise<RuleFiles> {
  const sources: RuleSource[] = [];
  const rejected: RuleRejection[] = [];
  for (const path of paths) {
    for (const file of await listRuleFiles(path)) {
      if (sources.length >= FILES) {
        rejected.push({ file, line: 1, code: 'limit_exceeded', message: `more than ${FILES} rule files` });
        return { sources, rejected };
      }
      const read = await readRuleFile(file);
      if (typeof read === 'string') sources.push({ file, text: read });
      else rejected.push({ file, line: 1, ...read });
    }
  }
  return { sources, rejected };
}

async function listRuleFiles(path: string): Promise<readonly string[]> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) throw new UnreadablePath(path);
  if (!info.isDirectory()) return [path];
  const entries: Dirent[] = await readdir(path, { withFileTypes: true, recursive: true }).catch(() => {
    throw new UnreadablePath(path);
  });
  return entries
    .filter((entry) => entry.isFile() && /\.ya?ml$/i.test(entry.name))
    .map((entry) => join(path, relative(path, join(entry.parentPath, entry.name))))
    .sort();
}

async function readRuleFile(file: string): Promise<string | { readonly code: string; readonly message: string }> {
  const info = await stat(file).catch(() => undefined);
  if (info !== undefined && info.size > FILE_BYTES) {
    return { code: 'file_too_large', message: `the file has ${info.size} bytes; ${FILE_BYTES} are allowed` };
  }
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes === undefined) return { code: 'file_unreadable', message: 'the file cannot be read' };
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { code: 'file_not_utf8', message: 'the file is no UTF-8 text' };
  }
}
