import {
  chmodSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isRoot, type Layout, reachable } from './layout.ts';

/** Where the programs of the console and the signer are run from. */
export interface Programs {
  readonly node: string;
  readonly consoleDist: string;
}

/** sqlite3 and what it requires when it runs, as opposed to when it is built. */
const NATIVE_PACKAGES = ['sqlite3', 'bindings', 'file-uri-to-path'];

/**
 * A process without root cannot run code from a clone that only root can read. There the bundles, the
 * native module and Node.js itself are copied beside the data, readable by all and writable by root only.
 */
export function stagePrograms(root: string, layout: Layout): Programs {
  const { consoleUser } = layout;
  const dist = join(root, 'console', 'dist');
  if (
    !isRoot ||
    (consoleUser &&
      [dist, join(root, 'node_modules'), dirname(process.execPath)].every((path) => reachable(path, consoleUser)))
  ) {
    return { node: process.execPath, consoleDist: dist };
  }
  const programs = join(layout.dataDir, 'programs');
  const stagedNode = join(programs, 'node');
  const stagedDist = join(programs, 'console', 'dist');
  const wanted = [
    process.version,
    statSync(process.execPath).size,
    ...['.server-built', '.web-built'].map((name) => readFileSync(join(dist, name), 'utf8')),
  ].join('\n');
  const stamp = join(programs, '.staged');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    rmSync(programs, { recursive: true, force: true });
    mkdirSync(stagedDist, { recursive: true, mode: 0o755 });
    copyFileSync(process.execPath, stagedNode, constants.COPYFILE_FICLONE);
    cpSync(dist, stagedDist, { recursive: true });
    for (const name of NATIVE_PACKAGES) {
      const source = join(root, 'node_modules', name);
      if (!existsSync(source)) continue;
      cpSync(source, join(programs, 'node_modules', name), {
        recursive: true,
        filter: (path) => !/\/(deps|src|node_modules|obj\.target|obj)(\/|$)/.test(path.slice(source.length)),
      });
    }
    openToReaders(programs, stagedNode);
    writeFileSync(stamp, wanted);
  }
  return { node: stagedNode, consoleDist: stagedDist };
}

/** Root's umask, and that of whoever made the clone, may keep other users out. */
function openToReaders(programs: string, executable: string): void {
  for (const entry of globSync('**', { cwd: programs, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) continue;
    chmodSync(path, entry.isDirectory() || path === executable ? 0o755 : 0o644);
  }
  chmodSync(programs, 0o755);
}
