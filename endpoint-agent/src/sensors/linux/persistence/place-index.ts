import { globSync, opendirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { decodePath, encodePath } from '../../../native/path-bytes.ts';
import type { Home } from './homes.ts';
import type { LocalPaths } from './local-paths.ts';
import { HOME_PLACES, type PersistenceKind, type PlacePattern, SYSTEM_PLACES, UNUSED_NAME } from './places.ts';

/** A place of this machine. Its path is real: no component of it is a link. */
export interface Place {
  readonly kind: PersistenceKind;
  readonly path: string;
  readonly depth: number;
  /** Names the pattern, so that a place that a new version adds is told from a file that is new. */
  readonly key: string;
  /** The home that it lies in. */
  readonly home?: Home;
}

export interface PlaceCatalogue {
  readonly system: readonly PlacePattern[];
  readonly home: readonly PlacePattern[];
}

export const DEFAULT_CATALOGUE: PlaceCatalogue = { system: SYSTEM_PLACES, home: HOME_PLACES };

/** The keys of all places of a catalogue. */
export function keysOf(catalogue: PlaceCatalogue): string[] {
  return [...catalogue.system.map(systemKey), ...catalogue.home.map(homeKey)];
}

const systemKey = ({ path }: PlacePattern): string => `system:${path}`;
const homeKey = ({ path }: PlacePattern): string => `home:${path}`;

/** Entries of one directory that are looked at; what lies beyond is counted. */
const MAX_ENTRIES = 4_096;
const MAX_DEPTH = 4;

/** Finds the place that a path lies in, in a few map look-ups. Paths in the form of `encodePath`. */
export class PlaceIndex {
  readonly #files = new Map<string, Place>();
  readonly #directories = new Map<string, Place>();
  readonly #above = new Set<string>();
  readonly #local: LocalPaths;
  /** Entries passed over because their directory holds too many. */
  overflowed = 0;

  constructor(catalogue: PlaceCatalogue, homes: readonly Home[], local: LocalPaths) {
    this.#local = local;
    for (const pattern of catalogue.system) {
      const paths = pattern.path.includes('*') ? globSync(pattern.path) : [pattern.path];
      for (const path of paths) this.#add(pattern, systemKey(pattern), path);
    }
    for (const home of homes) {
      for (const pattern of catalogue.home) {
        this.#add(pattern, homeKey(pattern), join(home.path, pattern.path), home);
      }
    }
  }

  /** The place whose file this is; undefined for anything else, names that no reader takes included. */
  find(path: string): Place | undefined {
    const file = this.#files.get(path);
    if (file) return file;
    let slash = path.lastIndexOf('/');
    const nameAt = slash + 1;
    for (let levels = 1; slash > 0 && levels <= MAX_DEPTH; levels += 1) {
      const place = this.#directories.get(path.slice(0, slash));
      if (place) return levels <= place.depth && !UNUSED_NAME.test(path.slice(nameAt)) ? place : undefined;
      slash = path.lastIndexOf('/', slash - 1);
    }
    return undefined;
  }

  /** Whether files of places may lie at or below this directory. */
  concerns(directory: string): boolean {
    if (this.#above.has(directory) || this.#directories.has(directory)) return true;
    return this.find(directory) !== undefined;
  }

  /** The paths in all places that exist now, `below` a directory if one is given. */
  *paths(below?: string): IterableIterator<string> {
    for (const path of this.#files.keys()) if (isAtOrBelow(path, below) && this.#local.isLocal(path)) yield path;
    for (const { path, depth } of this.#directories.values()) {
      if (below === undefined || isAtOrBelow(path, below)) yield* this.#list(path, depth);
      else if (isAtOrBelow(below, path)) yield* this.#list(below, depth - levelsBetween(path, below));
    }
  }

  *#list(directory: string, depth: number): IterableIterator<string> {
    if (depth < 1 || !this.#local.isLocal(directory)) return;
    const entries = this.#entriesOf(directory);
    for (const { name, isDirectory } of entries) {
      const path = `${directory}/${name}`;
      if (isDirectory) yield* this.#list(path, depth - 1);
      else if (!UNUSED_NAME.test(name)) yield path;
    }
  }

  #entriesOf(directory: string): { name: string; isDirectory: boolean }[] {
    const entries: { name: string; isDirectory: boolean }[] = [];
    try {
      // The type says `Dirent<string>` only, whatever the encoding: names are bytes here.
      using listing = opendirSync(decodePath(directory), { encoding: 'buffer' as BufferEncoding });
      for (let entry = listing.readSync(); entry; entry = listing.readSync()) {
        if (entries.length >= MAX_ENTRIES) {
          this.overflowed += 1;
          break;
        }
        entries.push({ name: encodePath(entry.name as unknown as Buffer), isDirectory: entry.isDirectory() });
      }
    } catch {
      return entries; // Not there, or not ours to read.
    }
    return entries;
  }

  #add({ kind, depth }: PlacePattern, key: string, path: string, home?: Home): void {
    const real = this.#realPath(path, depth > 0);
    if (real === undefined) return;
    const places = depth > 0 ? this.#directories : this.#files;
    if (!places.has(real)) places.set(real, { kind, depth, key, path: real, ...(home ? { home } : {}) });
    for (let above = dirname(real); above !== '/' && !this.#above.has(above); above = dirname(above)) {
      this.#above.add(above);
    }
  }

  /** As the kernel names it in events: links above a file are followed, a link in its own name is not. */
  #realPath(path: string, isDirectory: boolean): string | undefined {
    if (isDirectory) return this.#local.resolve(path);
    const above = this.#local.resolve(dirname(path));
    return above === undefined ? undefined : join(above, basename(path));
  }
}

function isAtOrBelow(path: string, directory: string | undefined): boolean {
  return directory === undefined || path === directory || path.startsWith(`${directory}/`);
}

function levelsBetween(upper: string, lower: string): number {
  return lower.slice(upper.length).split('/').length - 1;
}
