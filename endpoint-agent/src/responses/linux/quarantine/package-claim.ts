import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../../platform/durable-file.ts';

/** What the package manager says of a path. */
export type PackageClaim =
  | { readonly kind: 'none' }
  /** `md5` of the content that the package brought, where its maker listed it. */
  | { readonly kind: 'owned'; readonly package: string; readonly md5?: string }
  /** Configuration: made to be changed, and not restored by reinstalling. */
  | { readonly kind: 'configuration'; readonly package: string }
  /** Nothing here can tell. */
  | { readonly kind: 'unknown' };

const DPKG = '/var/lib/dpkg';
const MAX_LISTS = 50_000;
const MAX_LIST_BYTES = 67_108_864;
/** Lists that are read before the event loop gets its turn: about 3 ms. */
const LISTS_AT_ONCE = 100;
/** Where packages put programs, and nobody else should. */
const PACKAGE_FOLDERS = /^\/(?:usr\/(?!local\/)|bin\/|sbin\/|lib\w*\/)/;
const MERGED = /^\/usr\/((?:bin|sbin|lib|lib32|lib64|libx32)\/.*)$/s;

/**
 * Looks the path up in dpkg's lists (/var/lib/dpkg/info/PACKAGE.list), under its name before /usr was merged
 * too, and under the name that a diversion took from it. Where there is no dpkg, everything in the packages'
 * folders is `unknown`, which counts as owned. Reads everything anew each time: about 20 ms for 800 packages,
 * and nothing to keep in memory or to go stale.
 */
export async function packageClaim(path: Buffer, dpkg: string = DPKG): Promise<PackageClaim> {
  const text = path.toString('latin1');
  const info = join(dpkg, 'info');
  if (!existsSync(info)) return PACKAGE_FOLDERS.test(text) ? { kind: 'unknown' } : { kind: 'none' };
  const own = aliases(text);
  const names = own.concat(own.flatMap((alias) => divertedFrom(alias, dpkg)));
  const lines = names.map((name) => Buffer.from(`\n${name}\n`, 'latin1'));
  const lists = readdirSync(info).filter((file) => file.endsWith('.list'));
  if (lists.length > MAX_LISTS) return { kind: 'unknown' };
  for (const [index, list] of lists.entries()) {
    if (index % LISTS_AT_ONCE === LISTS_AT_ONCE - 1) await new Promise<void>((resolve) => setImmediate(resolve));
    const content = readList(join(info, list));
    if (content === 'unreadable') return { kind: 'unknown' };
    const found = lines.findIndex((line) => content.includes(line));
    if (found < 0) continue;
    return describe(info, list.slice(0, -'.list'.length), names[found] ?? text);
  }
  return { kind: 'none' };
}

function describe(info: string, name: string, path: string): PackageClaim {
  const owner = name.replace(/:.*$/, '');
  const configuration = readList(join(info, `${name}.conffiles`));
  if (configuration !== 'unreadable' && configuration.includes(`\n${path}\n`, 0, 'latin1')) {
    return { kind: 'configuration', package: owner };
  }
  const sums = readList(join(info, `${name}.md5sums`));
  if (sums === 'unreadable') return { kind: 'owned', package: owner };
  const at = sums.indexOf(`  ${path.slice(1)}\n`, 0, 'latin1');
  const md5 = at < 32 ? '' : sums.toString('latin1', at - 32, at);
  return /^[0-9a-f]{32}$/.test(md5) ? { kind: 'owned', package: owner, md5 } : { kind: 'owned', package: owner };
}

function aliases(path: string): readonly string[] {
  const merged = MERGED.exec(path);
  return merged === null ? [path] : [path, `/${merged[1]}`];
}

/** Names whose files dpkg installs as `path` (three lines each: from, to, by which package). */
function divertedFrom(path: string, dpkg: string): readonly string[] {
  const content = readList(join(dpkg, 'diversions'));
  if (content === 'unreadable') return [];
  const lines = content.toString('latin1').trim().split('\n');
  return lines.flatMap((line, index) => (index % 3 === 1 && line === path ? (lines[index - 1] ?? []) : []));
}

/** The content between two line feeds; empty when there is no such file. */
function readList(path: string): Buffer | 'unreadable' {
  try {
    if (statSync(path).size > MAX_LIST_BYTES) return 'unreadable';
    return Buffer.concat([LINE_FEED, readFileSync(path), LINE_FEED]);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return systemCode(error) === 'ENOENT' ? Buffer.alloc(0) : 'unreadable';
  }
}

const LINE_FEED = Buffer.from('\n');
