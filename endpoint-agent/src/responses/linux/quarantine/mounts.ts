import { readFileSync } from 'node:fs';
import { LOCAL_FILESYSTEMS } from '../../../native/local-filesystems.ts';
import { type Result, refuse, succeed } from '../../refusal.ts';

/** A mount as proc_pid_mountinfo(5) has it. */
export interface Mount {
  readonly id: number;
  /** `major:minor` of the filesystem, as /proc/PID/maps shows it too. */
  readonly device: string;
  readonly type: string;
}

const MOUNTINFO_BYTES = 8_388_608;

export function parseMounts(text: string): Map<number, Mount> {
  const mounts = new Map<number, Mount>();
  for (const line of text.slice(0, MOUNTINFO_BYTES).split('\n')) {
    const [front, back] = line.split(' - ');
    const [id, , device] = front?.split(' ') ?? [];
    const [type] = back?.split(' ') ?? [];
    if (device !== undefined && type !== undefined) mounts.set(Number(id), { id: Number(id), device, type });
  }
  return mounts;
}

export function readMounts(pid: number | 'self' = 'self'): Map<number, Mount> {
  return parseMounts(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'));
}

/**
 * The mount that a descriptor lies on, if it is local. Asks the kernel's tables only, never the filesystem, so
 * that it cannot hang.
 */
export function localMount(fd: number, mounts: ReadonlyMap<number, Mount>): Result<Mount> {
  const info = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
  const mount = mounts.get(Number(info?.[1]));
  if (mount === undefined) return refuse('path_unsafe', 'on a mount that is not in the mount table');
  return LOCAL_FILESYSTEMS.has(mount.type)
    ? succeed(mount)
    : refuse('unsupported', `on a filesystem of type ${mount.type}`);
}
