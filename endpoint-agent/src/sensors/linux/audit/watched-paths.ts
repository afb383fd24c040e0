import { type Dirent, globSync, readdirSync, statSync } from 'node:fs';
import type { WatchedPath } from './rules.ts';

const FILES = ['/etc/shadow', '/etc/gshadow', '/etc/shadow-', '/etc/gshadow-', '/etc/security/opasswd'];
const MAX_WATCHED = 64;

/**
 * The files whose reads are reported: password hashes, the machine's SSH host keys, and each user's SSH
 * directory. A directory is watched whole, so that keys made later count too. At most 64, root's first.
 */
export function credentialPaths(): WatchedPath[] {
  const files = [...FILES, ...globSync('/etc/ssh/*_key')].filter((path) => statSync(path, { throwIfNoEntry: false }));
  const homes = ['/root', ...subdirectories('/home')];
  const directories = homes
    .map((home) => `${home}/.ssh`)
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  return [
    ...files.map((path) => ({ path, kind: 'file' as const })),
    ...directories.map((path) => ({ path, kind: 'directory' as const })),
  ].slice(0, MAX_WATCHED);
}

function subdirectories(path: string): string[] {
  let entries: Dirent[] = [];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch {
    // A machine without this directory has nobody's keys there.
  }
  return entries.filter((entry) => entry.isDirectory()).map((entry) => `${path}/${entry.name}`);
}
