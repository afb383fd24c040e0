import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../../../native/system-code.ts';
import type { FilePosition } from '../../../../state/log-positions.ts';
import { OpenLog } from './open-log.ts';

/** What a log became under another name: `auth.log.1`, `secure-20261124`, `error.1.log`. */
export interface RotatedFile {
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

const MAX_FILES = 64;
const MAX_ENTRIES = 4_096;
const COMPRESSED = /\.(?:gz|xz|bz2|zst|lz4|Z)$/;

/** Files beside `path` that can be former versions of it, oldest first. Compressed ones are not read. */
export async function listRotated(path: string): Promise<readonly RotatedFile[]> {
  const folder = dirname(path);
  const name = basename(path);
  const dot = name.lastIndexOf('.');
  const stem = dot > 0 ? name.slice(0, dot) : name;
  const found: RotatedFile[] = [];
  const names = await orNothing(readdir(folder));
  for (const other of (names ?? []).slice(0, MAX_ENTRIES)) {
    if (other === name || COMPRESSED.test(other) || !isRotationOf(other, name, stem)) continue;
    const stats = await orNothing(lstat(join(folder, other)));
    if (!stats?.isFile()) continue;
    found.push({ path: join(folder, other), dev: stats.dev, ino: stats.ino, modifiedAt: stats.mtimeMs });
    if (found.length >= MAX_FILES) break;
  }
  return found.sort((a, b) => a.modifiedAt - b.modifiedAt);
}

/** `name` or its stem, then a number or a date, then maybe the ending. */
function isRotationOf(other: string, name: string, stem: string): boolean {
  if (other.startsWith(`${name}.`) || other.startsWith(`${name}-`))
    return /^[.-][\d.T_-]+$/.test(other.slice(name.length));
  const ending = name.slice(stem.length);
  if (!other.startsWith(stem) || ending === '' || !other.endsWith(ending)) return false;
  return /^[.-][\d.T_-]+$/.test(other.slice(stem.length, other.length - ending.length));
}

/** Opens whichever of `files` holds what was read up to `position`: the file itself first, then a copy. */
export async function openContinuation(
  files: readonly RotatedFile[],
  position: FilePosition,
): Promise<{ file: RotatedFile; log: OpenLog } | undefined> {
  const itself = files.filter(({ ino }) => ino === position.ino);
  // A copy can be told by its content only.
  const copies = position.tailBytes === 0 ? [] : files.filter(({ ino }) => ino !== position.ino).toReversed();
  for (const file of [...itself, ...copies]) {
    const opened = await OpenLog.open(file.path);
    if (!opened.ok) continue;
    const isSame = opened.log.ino === file.ino && (await opened.log.resume(position));
    if (isSame) return { file, log: opened.log };
    await opened.log[Symbol.asyncDispose]();
  }
  return undefined;
}

async function orNothing<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}
