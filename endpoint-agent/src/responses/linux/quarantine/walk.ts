import { errnoName, libc, O } from '../../../native/libc.ts';
import { decodePath } from '../../../native/path-bytes.ts';
import { type Result, refusalOfErrno, refuse, succeed } from '../../refusal.ts';
import { Descriptor } from './descriptor.ts';
import { localMount, type Mount, readMounts } from './mounts.ts';

/** A name within an open folder. Owns the folder's descriptor (O_PATH: it names, it does not read). */
export interface Place extends Disposable {
  readonly directory: number;
  readonly name: Buffer;
  /** The whole path without aliases, as bytes. */
  readonly path: Buffer;
  readonly mounts: ReadonlyMap<number, Mount>;
}

/**
 * Links that distributions ship, by where they stand. They lead where the merged system put its folders, and
 * only root can replace them. No other symbolic link is ever followed.
 */
const ALIASES: ReadonlyMap<string, Alias> = new Map([
  ...['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'].map((name): [string, Alias] => [
    `/${name}`,
    { links: [`usr/${name}`, `/usr/${name}`], to: ['usr', name] },
  ]),
  ['/var/run', { links: ['/run', '../run'], to: ['run'] }],
  ['/var/lock', { links: ['/run/lock', '../run/lock'], to: ['run', 'lock'] }],
]);

interface Alias {
  /** What the link may say. */
  readonly links: readonly string[];
  readonly to: readonly string[];
}

const NAME_BYTES = 255;
const MAX_COMPONENTS = 1_024;
const SLASH = 0x2f;

/** The names of an absolute path that says where it leads by itself: no `.`, no `..`, no slash at its end. */
export function pathComponents(path: string): Result<readonly Buffer[]> {
  const bytes = decodePath(path);
  if (bytes[0] !== SLASH) return refuse('path_unsafe', 'not an absolute path');
  if (bytes.includes(0)) return refuse('path_unsafe', 'a NUL in the path');
  const names: Buffer[] = [];
  for (let from = 1; from <= bytes.length; ) {
    const slash = bytes.indexOf(SLASH, from);
    const end = slash < 0 ? bytes.length : slash;
    if (end > from) names.push(bytes.subarray(from, end));
    else if (end === bytes.length) return refuse('path_unsafe', 'a folder, not a file');
    from = end + 1;
  }
  if (names.some((name) => ['.', '..'].includes(name.toString('latin1')))) {
    return refuse('path_unsafe', 'a path with "." or ".."');
  }
  if (names.some((name) => name.length > NAME_BYTES) || names.length > MAX_COMPONENTS) {
    return refuse('path_unsafe', 'a name or path that is too long');
  }
  return names.length > 0 ? succeed(names) : refuse('path_unsafe', 'a folder, not a file');
}

/**
 * Opens the folder of `path` component by component, each by the descriptor of the one before, following no
 * link and entering no filesystem that is not local. Where a component is swapped meanwhile, the walk ends in
 * a refusal or in a folder that truly was there: never behind a link.
 */
export function walkToParent(path: string): Result<Place> {
  const names = pathComponents(path);
  if (!names.ok) return names;
  return walk([...names.value]);
}

/** As `walkToParent`, for a path that is a folder itself. */
export function walkToDirectory(path: string, name: Buffer): Result<Place> {
  const trimmed = path.replace(/\/+$/, '');
  if (trimmed === '' && path !== '') return walk([name]);
  const names = pathComponents(trimmed);
  return names.ok ? walk([...names.value, name]) : names;
}

function walk(names: readonly Buffer[], aliasesLeft = 2): Result<Place> {
  const mounts = readMounts();
  const root = libc().open(Buffer.from('/'), FOLDER);
  if (root < 0) return refusalOfErrno(root, 'open /');
  let current = new Descriptor(root);
  for (const [index, name] of names.slice(0, -1).entries()) {
    using parent = current;
    const fd = libc().openat(parent.fd, name, FOLDER);
    if (fd < 0) {
      const alias = aliasesLeft > 0 ? aliasAt(parent.fd, names.slice(0, index + 1)) : undefined;
      if (alias !== undefined) return walk([...alias, ...names.slice(index + 1)], aliasesLeft - 1);
      return refuseComponent(fd);
    }
    current = new Descriptor(fd);
    const local = localMount(fd, mounts);
    if (!local.ok) {
      current[Symbol.dispose]();
      return local;
    }
  }
  const directory = current;
  return succeed({
    directory: directory.fd,
    name: names.at(-1) ?? Buffer.alloc(0),
    path: joinNames(names),
    mounts,
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  });
}

const FOLDER = O.PATH | O.DIRECTORY | O.NOFOLLOW;

function refuseComponent(result: number): Result<never> {
  // With O_DIRECTORY a link that is not followed is ENOTDIR, as every other thing that is no folder.
  return errnoName(result) === 'ENOTDIR' || errnoName(result) === 'ELOOP'
    ? refuse('path_unsafe', 'a component of the path is a link or no folder')
    : refusalOfErrno(result, 'walk');
}

function aliasAt(parent: number, names: readonly Buffer[]): readonly Buffer[] | undefined {
  const alias = ALIASES.get(joinNames(names).toString('latin1'));
  const name = names.at(-1);
  if (alias === undefined || name === undefined) return undefined;
  const link = Buffer.alloc(64);
  const length = libc().readlinkat(parent, name, link);
  if (length < 0 || !alias.links.includes(link.toString('latin1', 0, length))) return undefined;
  return alias.to.map((component) => Buffer.from(component));
}

function joinNames(names: readonly Buffer[]): Buffer {
  return Buffer.concat(names.flatMap((name) => [Buffer.from('/'), name]));
}
