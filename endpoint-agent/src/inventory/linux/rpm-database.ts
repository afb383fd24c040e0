import { existsSync } from 'node:fs';
import type { InventoryItem } from '@yagura/protocol';
import { openForReading, type ReadableStore, storeFailure } from '../../store/sqlite.ts';
import { factsOf } from '../facts.ts';
import { type RpmPackage, readRpmHeader } from './rpm-header.ts';

/** Where distributions keep it, newest first. Databases of before 2020 (Berkeley DB) are not read. */
const PLACES = ['usr/lib/sysimage/rpm/rpmdb.sqlite', 'var/lib/rpm/rpmdb.sqlite'];
/** Rows between two turns of the event loop; a row has some 50 kB, most of it names of files. */
const ROWS_AT_ONCE = 50;

/** Packages in rpm's SQLite database. Yields nothing where there is none, and what it could read of a damaged one. */
export async function* readRpmPackages(root: string): AsyncIterableIterator<InventoryItem> {
  const path = PLACES.map((place) => `${root}/${place}`).find((place) => existsSync(place));
  if (path === undefined) return;
  const database = open(path);
  if (!database) return;
  using _database = database;
  try {
    let rows = 0;
    for (const row of database.prepare('SELECT blob FROM Packages').iterate()) {
      const { blob } = row;
      const found = blob instanceof Uint8Array ? readRpmHeader(blob) : undefined;
      // Keys of the signer stand among the packages.
      if (found && found.name !== 'gpg-pubkey') yield itemOf(found);
      rows += 1;
      if (rows % ROWS_AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    if (storeFailure(error) === undefined && !isForeignSchema(error)) throw error;
  }
}

function open(path: string): ReadableStore | undefined {
  try {
    return openForReading(path);
  } catch (error) {
    if (storeFailure(error) === undefined) throw error;
    return undefined;
  }
}

/** SQLITE_ERROR: no such table, as of another program's file under this name. */
function isForeignSchema(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 1;
}

function itemOf({ name, epoch, version, release, architecture, vendor, installedAt }: RpmPackage): InventoryItem {
  return {
    category: 'software',
    key: `rpm:${name}${version ? `-${version}-${release ?? ''}` : ''}${architecture ? `.${architecture}` : ''}`.slice(
      0,
      256,
    ),
    facts: factsOf({
      name,
      version: `${epoch === undefined ? '' : `${epoch}:`}${version ?? ''}${release ? `-${release}` : ''}`,
      architecture,
      maker: vendor,
      installedAt: installedAt === undefined ? undefined : installedAt * 1_000,
      format: 'rpm',
    }),
  };
}
