import { readdirSync, statSync } from 'node:fs';
import type { InventoryPart } from '../inventory-parts.ts';
import { readAccounts } from './accounts.ts';
import { readKernelModules, readUsbDevices } from './devices.ts';
import { readDisks } from './disks.ts';
import { readHardware } from './hardware.ts';
import { createPortReader } from './listening-ports.ts';
import { readNetwork } from './network.ts';
import { readSoftware, SOFTWARE_SOURCES } from './software.ts';
import { readSystem } from './system.ts';

const MINUTE_MS = 60_000;
const OFTEN_MS = MINUTE_MS;
const SELDOM_MS = 30 * MINUTE_MS;
const ACCOUNT_SOURCES = ['etc/passwd', 'etc/group', 'etc/sudoers', 'etc/sudoers.d'];

/**
 * The parts of a Linux machine, read from /proc, /sys and the databases of the system itself. No program is
 * started for it (a library that asks `lsblk`, `ss` and `dpkg-query` starts some forty, each of which the
 * agent's own sensors would then report). `root` is empty but in tests.
 */
export function linuxInventoryParts(root = ''): InventoryPart[] {
  const readPorts = createPortReader();
  return [
    { categories: ['hardware'], everyMs: SELDOM_MS, read: () => readHardware(root) },
    { categories: ['system'], everyMs: SELDOM_MS, read: () => readSystem(root) },
    { categories: ['disk', 'filesystem'], everyMs: OFTEN_MS, read: () => readDisks(root) },
    { categories: ['network-interface'], everyMs: OFTEN_MS, read: () => readNetwork(root) },
    { categories: ['usb-device'], everyMs: OFTEN_MS, read: () => readUsbDevices(root) },
    { categories: ['kernel-module'], everyMs: OFTEN_MS, read: () => readKernelModules(root) },
    { categories: ['listening-port'], everyMs: OFTEN_MS, read: () => readPorts(root) },
    {
      categories: ['user', 'group'],
      everyMs: OFTEN_MS,
      version: () => versionOf(ACCOUNT_SOURCES.map((path) => `${root}/${path}`)),
      read: () => readAccounts(root),
    },
    {
      categories: ['software'],
      everyMs: OFTEN_MS,
      version: () => versionOf(SOFTWARE_SOURCES.map((path) => `${root}/${path}`)),
      read: () => readSoftware(root),
    },
  ];
}

/** Inode, size and times of files, and of what lies in directories. */
function versionOf(paths: readonly string[]): string {
  return paths.map((path) => [path, ...children(path)].map(stamp).join(',')).join(';');
}

function stamp(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`;
}

function children(path: string): string[] {
  try {
    return readdirSync(path).map((name) => `${path}/${name}`);
  } catch {
    return []; // A file, or not there.
  }
}
