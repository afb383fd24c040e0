import { createReadStream, existsSync } from 'node:fs';
import type { InventoryItem } from '@yagura/protocol';
import { factsOf } from '../facts.ts';
import { linkName, namesIn } from './read-text.ts';
import { readRpmPackages } from './rpm-database.ts';

const DPKG_STATUS = 'var/lib/dpkg/status';
/** A desktop has about 3,000. */
const MAX_PACKAGES = 10_000;
/** Of one stanza; the longest real ones have some kilobytes. */
const MAX_STANZA = 65_536;

/** Files whose change means that software was installed or removed. */
export const SOFTWARE_SOURCES = [DPKG_STATUS, 'var/lib/rpm', 'usr/lib/sysimage/rpm', 'snap', 'var/lib/flatpak/app'];

/** Installed packages of dpkg, rpm, snap and flatpak, from their own databases; no program is started. */
export async function readSoftware(root: string): Promise<readonly InventoryItem[]> {
  const items: InventoryItem[] = [];
  for (const packages of [dpkgPackages(`${root}/${DPKG_STATUS}`), readRpmPackages(root)]) {
    for await (const item of packages) if (items.length < MAX_PACKAGES) items.push(item);
  }
  items.push(...snaps(root), ...flatpaks(root));
  return items.slice(0, MAX_PACKAGES);
}

/** deb822 stanzas, read in chunks: the whole file has 2 MB on a desktop, and the event loop its other work. */
async function* dpkgPackages(path: string): AsyncIterableIterator<InventoryItem> {
  if (!existsSync(path)) return;
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 65_536 })) {
      const stanzas = (rest + String(chunk)).split('\n\n');
      rest = (stanzas.pop() ?? '').slice(-MAX_STANZA);
      for (const stanza of stanzas) {
        const item = dpkgPackage(stanza);
        if (item) yield item;
      }
    }
  } catch {
    return; // Being replaced: read again when it has changed.
  }
  const last = dpkgPackage(rest);
  if (last) yield last;
}

function dpkgPackage(stanza: string): InventoryItem | undefined {
  const field = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(stanza)?.[1];
  const name = field('Package');
  if (name === undefined || !/^(?:install|hold) ok installed$/.test(field('Status') ?? '')) return undefined;
  const architecture = field('Architecture');
  return {
    category: 'software',
    key: `deb:${name}${architecture ? `:${architecture}` : ''}`.slice(0, 256),
    facts: factsOf({
      name,
      version: field('Version'),
      architecture,
      source: field('Source')?.replace(/ .*$/, ''),
      maker: field('Maintainer'),
      isHeld: stanza.includes('\nStatus: hold ') || undefined,
      format: 'deb',
    }),
  };
}

/** `/snap/NAME/current` links to the revision in use. */
function snaps(root: string): InventoryItem[] {
  return namesIn(`${root}/snap`).flatMap((name): InventoryItem[] => {
    const revision = linkName(`${root}/snap/${name}/current`);
    if (revision === undefined) return [];
    return [
      {
        category: 'software',
        key: `snap:${name}`.slice(0, 256),
        facts: factsOf({ name, version: revision, format: 'snap' }),
      },
    ];
  });
}

function flatpaks(root: string): InventoryItem[] {
  return namesIn(`${root}/var/lib/flatpak/app`).map((name) => ({
    category: 'software',
    key: `flatpak:${name}`.slice(0, 256),
    facts: factsOf({ name, format: 'flatpak' }),
  }));
}
