import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { isInfrastructure, isUntrustedPath, livePath, systemRole } from '../../../core/process/system-roles.ts';
import { type ProcessStat, readAllProcesses, readCommandLine, readExecutable } from '../process-tree/process-stat.ts';
import type { ProcessKey } from '../process-tree/signal-process.ts';
import { type Mount, readMounts } from './mounts.ts';

export interface HeldFile {
  readonly device: string;
  readonly inode: bigint;
  /** Encoded as events have it, without aliases. */
  readonly path: string;
}

export interface HolderOptions {
  readonly file: HeldFile;
  /** Of the tree that is being contained, and of the agent itself. */
  readonly tolerated: readonly ProcessKey[];
  readonly selfPid: number;
  /** Whether descriptors must be looked through as well; without, only mappings are. */
  readonly mayBeOpenForWriting: boolean;
}

export interface Holder {
  readonly pid: number;
  readonly image?: string;
}

/** Bounds of one search; what lies beyond is not looked at. Leases find writers without any search. */
const MAX_DESCRIPTORS = 200_000;
const MAPS_BYTES = 4_194_304;
const ACCESS_MODE = 0o3;
const MAX_DEPTH = 64;

/**
 * A service that has the file mapped, or open for writing: a library, a log, a mailbox, a database. Programs
 * that run the file itself do not count, nor do those that people or the story started.
 */
export function findServiceHolder(options: HolderOptions): Holder | undefined {
  const processes = readAllProcesses();
  const tolerated = new Map(options.tolerated.map(({ pid, startTicks }) => [pid, startTicks]));
  let descriptorsLeft = MAX_DESCRIPTORS;
  for (const process of processes.values()) {
    const { pid } = process;
    if (process.isKernelThread || pid === options.selfPid) continue;
    if (tolerated.get(pid) === process.startTicks) continue;
    const image = readExecutable(pid);
    if (image === undefined || livePath(image) === options.file.path) continue;
    let isHeld = maps(pid, options.file);
    if (!isHeld && options.mayBeOpenForWriting && descriptorsLeft > 0) {
      const descriptors = openFor(pid, options.file, descriptorsLeft);
      descriptorsLeft -= descriptors.count;
      isHeld = descriptors.isHeld;
    }
    if (isHeld && isService(process, processes)) return { pid, image };
  }
  return undefined;
}

/** Runs below a service manager, with no login or other person's session in between. */
function isService(process: ProcessStat, processes: ReadonlyMap<number, ProcessStat>): boolean {
  let at: ProcessStat | undefined = process;
  for (let depth = 0; at !== undefined && depth < MAX_DEPTH; depth += 1) {
    const facts = factsOf(at);
    if (isInfrastructure(facts)) return depth === 0 || at.pid === 1;
    if (facts.image !== undefined && isUntrustedPath(livePath(facts.image))) return false;
    const parent = processes.get(at.parentPid);
    const role = systemRole(facts, parent === undefined ? undefined : factsOf(parent));
    if (role === 'service-main') return true;
    if (role === 'session-leader') return false;
    at = parent;
  }
  return false;
}

function factsOf({ pid, parentPid }: ProcessStat) {
  return { entityId: String(pid), pid, parentPid, image: readExecutable(pid), commandLine: readCommandLine(pid) };
}

/** Lines of /proc/PID/maps: addresses, permissions, offset, device, inode, path. */
function maps(pid: number, file: HeldFile): boolean {
  const inode = ` ${file.inode} `;
  return readPart(`/proc/${pid}/maps`)
    .split('\n')
    .some((line) => {
      if (!line.includes(inode)) return false;
      const [, , , device, ino] = line.split(' ');
      return ino === inode.trim() && device !== undefined && decimalDevice(device) === file.device;
    });
}

/** Reads /proc/PID/fdinfo alone: to ask the file itself could wait for a dead server. */
function openFor(pid: number, file: HeldFile, limit: number): { readonly isHeld: boolean; readonly count: number } {
  let names: string[];
  try {
    names = readdirSync(`/proc/${pid}/fdinfo`);
  } catch {
    return { isHeld: false, count: 0 };
  }
  let mounts: ReadonlyMap<number, Mount> | undefined;
  for (const name of names.slice(0, limit)) {
    const info = readPart(`/proc/${pid}/fdinfo/${name}`);
    const flags = Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? '0', 8);
    if ((flags & ACCESS_MODE) === 0 || /^ino:\s*(\d+)$/m.exec(info)?.[1] !== String(file.inode)) continue;
    mounts ??= mountsOf(pid);
    const mount = mounts.get(Number(/^mnt_id:\s*(\d+)$/m.exec(info)?.[1]));
    if (mount?.device === file.device) return { isHeld: true, count: names.length };
  }
  return { isHeld: false, count: names.length };
}

function mountsOf(pid: number): ReadonlyMap<number, Mount> {
  try {
    return readMounts(pid);
  } catch {
    return new Map();
  }
}

/** maps writes both numbers in hexadecimal with leading zeros, mountinfo in decimal. */
function decimalDevice(text: string): string {
  return text
    .split(':')
    .map((part) => Number.parseInt(part, 16))
    .join(':');
}

/** At most `MAPS_BYTES`; empty for a process that has ended. */
function readPart(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    let text = '';
    const buffer = Buffer.alloc(65_536);
    while (text.length < MAPS_BYTES) {
      const length = readSync(fd, buffer);
      if (length === 0) break;
      text += buffer.toString('latin1', 0, length);
    }
    return text;
  } catch {
    return '';
  } finally {
    closeSync(fd);
  }
}
