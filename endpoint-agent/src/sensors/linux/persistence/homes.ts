import { readdirSync, readFileSync } from 'node:fs';
import type { LocalPaths } from './local-paths.ts';

/** One home directory that is on a disk of this machine, by its real path. */
export interface Home {
  readonly path: string;
  /** Absent where only the directory is known. */
  readonly uid?: number;
}

export interface Homes {
  readonly homes: readonly Home[];
  /** Homes that are not looked into, with the reason. */
  readonly skipped: readonly string[];
}

export interface HomeSources {
  readonly passwd: string;
  /** Directories whose subdirectories are homes, also of users that only a directory service knows. */
  readonly parents: readonly string[];
}

export const HOME_SOURCES: HomeSources = { passwd: '/etc/passwd', parents: ['/home'] };

const MAX_HOMES = 512;
/** Where no file of anybody's can lie. A home anywhere else counts, however odd: sshd looks for keys there too. */
const NO_HOME = /^\/(?:proc|sys|dev)(?:\/|$)/;

/**
 * The homes of all accounts: of /etc/passwd, service accounts included (a key for `www-data` opens the machine
 * as well), and those below /home. A home on a network or user-space filesystem is skipped.
 */
export function findHomes(paths: LocalPaths, sources: HomeSources = HOME_SOURCES): Homes {
  const candidates = new Map<string, number | undefined>();
  for (const line of read(sources.passwd).split('\n')) {
    const [, , uid, , , home] = line.split(':');
    if (!home?.startsWith('/') || !uid || !/^\d{1,10}$/.test(uid) || candidates.has(home)) continue;
    candidates.set(home, Number(uid));
  }
  for (const parent of sources.parents) {
    const real = paths.resolve(parent);
    for (const name of real === undefined ? [] : subdirectories(real)) {
      const home = `${parent}/${name}`;
      if (!candidates.has(home)) candidates.set(home, undefined);
    }
  }
  const homes = new Map<string, Home>();
  const skipped: string[] = [];
  for (const [candidate, uid] of candidates) {
    if (NO_HOME.test(candidate)) continue;
    const path = paths.resolve(candidate);
    if (path === undefined) skipped.push(`${candidate} (network or user-space filesystem)`);
    else if (NO_HOME.test(path) || homes.has(path)) continue;
    else if (homes.size >= MAX_HOMES) skipped.push(`${candidate} (more than ${MAX_HOMES} homes)`);
    else homes.set(path, { path, ...(uid === undefined ? {} : { uid }) });
  }
  return { homes: [...homes.values()], skipped };
}

function subdirectories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map(({ name }) => name);
  } catch {
    return []; // A machine without this directory has nobody's home there.
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // Being replaced at this moment: the next look finds it.
  }
}
