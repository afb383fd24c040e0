import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../../../native/system-code.ts';
import type { LogFileKind } from '../catalogue.ts';

export interface FoundFile {
  readonly path: string;
  readonly kind: LogFileKind;
}

export interface Discovery {
  readonly files: readonly FoundFile[];
  /** Folders that exist and may hold such files: those to watch. */
  readonly folders: readonly string[];
  /** Folders that could not be listed, with the system's code. */
  readonly refused: ReadonlyMap<string, string>;
  /** Files beyond the bound. */
  readonly dropped: number;
}

/** Of one kind; of more, those written last. Old ones of servers that name their logs by date lie still. */
const MAX_FILES_PER_KIND = 32;
const MAX_ENTRIES = 4_096;

/** Looks for the files of these kinds below `root`. A folder that is not there is no error. */
export async function discoverFiles(kinds: readonly LogFileKind[], root: string): Promise<Discovery> {
  const files = new Map<string, FoundFile>();
  const refused = new Map<string, string>();
  const listings = new Map<string, readonly string[]>();
  let dropped = 0;

  async function list(folder: string): Promise<readonly string[]> {
    const known = listings.get(folder);
    if (known) return known;
    let names: string[] = [];
    try {
      names = (await readdir(folder)).slice(0, MAX_ENTRIES);
      listings.set(folder, names);
    } catch (error) {
      const code = systemCode(error);
      if (code === undefined) throw error;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') refused.set(folder, code);
    }
    return names;
  }

  async function foldersOf(pattern: string): Promise<readonly string[]> {
    const star = pattern.indexOf('*');
    if (star < 0) return [pattern];
    const above = pattern.slice(0, pattern.lastIndexOf('/', star));
    const below = pattern.slice(above.length + 1);
    const slash = below.indexOf('/');
    const matches = matcher(slash < 0 ? below : below.slice(0, slash));
    const rest = slash < 0 ? '' : below.slice(slash);
    return (await list(above)).filter(matches).map((name) => `${above}/${name}${rest}`);
  }

  for (const kind of kinds) {
    const paths = new Set<string>();
    for (const place of kind.places) {
      const matches = matcher(basename(place));
      for (const folder of await foldersOf(join(root, dirname(place)))) {
        for (const name of (await list(folder)).filter(matches)) paths.add(join(folder, name));
      }
    }
    const kept = paths.size > MAX_FILES_PER_KIND ? (await newestFirst(paths)).slice(0, MAX_FILES_PER_KIND) : [...paths];
    dropped += paths.size - kept.length;
    for (const path of kept) if (!files.has(path)) files.set(path, { path, kind });
  }
  return { files: [...files.values()], folders: [...listings.keys()], refused, dropped };
}

async function newestFirst(paths: ReadonlySet<string>): Promise<string[]> {
  const dated: { path: string; time: number }[] = [];
  for (const path of paths) {
    const stats = await lstat(path).catch((error: unknown) => {
      if (systemCode(error) === undefined) throw error;
    });
    dated.push({ path, time: stats?.mtimeMs ?? 0 });
  }
  return dated.sort((a, b) => b.time - a.time).map(({ path }) => path);
}

/** `*` stands for any characters; everything else for itself. */
function matcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*');
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return (name) => name === first;
  return (name) => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
    let position = first.length;
    for (const part of rest) {
      const at = name.indexOf(part, position);
      if (at < 0 || at + part.length > name.length - last.length) return false;
      position = at + part.length;
    }
    return true;
  };
}
