import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import { AT_FDCWD, libc, O } from '../../../native/libc.ts';
import { NO_LINKS, openat2, RESOLVE, using } from '../native/openat2.ts';
import { isAnsweredByOthers, type MemberOf, type Mount } from './mounts.ts';

const ENOSYS = -constants.errno.ENOSYS;
const ESRCH = -constants.errno.ESRCH;
const ESTALE = -constants.errno.ESTALE;

/**
 * Opens (O_PATH) a path of a mount namespace, of the agent's own for `undefined`, and follows no link, since whoever
 * owns a folder on the way could put one there at any moment. `flags` are more of open(2). The descriptor or
 * `-errno`: ESRCH when nobody lives in the namespace, ELOOP where a link was in the way, ENOSYS (other namespaces
 * only) before Linux 5.6. Close it soon: meanwhile the filesystem cannot be unmounted.
 */
export function openIn(namespace: number | undefined, path: Buffer, memberOf: MemberOf, flags = 0): number {
  if (namespace === undefined) {
    const fd = openat2(AT_FDCWD, path, O.PATH | flags, NO_LINKS);
    return fd === ENOSYS ? libc().open(path, O.PATH | flags) : fd;
  }
  const pid = memberOf(namespace);
  if (pid === undefined) return ESRCH;
  const root = libc().open(Buffer.from(`/proc/${pid}/root`), O.PATH | O.DIRECTORY);
  return using(root, root, () => openat2(root, path, O.PATH | flags, NO_LINKS | RESOLVE.IN_ROOT));
}

/**
 * Opens the root of this mount as `openIn` does. Who lives in its namespace can put something else in its place: what
 * was opened there must lie on the mount's own device, else it is ESTALE.
 */
export function openMount(mount: Mount, memberOf: MemberOf): number {
  const fd = openIn(mount.namespace, mount.mountPoint, memberOf);
  if (fd < 0 || mount.namespace === undefined || !provesDevice(mount) || liesOn(fd, mount)) return fd;
  libc().close(fd);
  return ESTALE;
}

/**
 * Whether stat(2) shows the device of mountinfo: each subvolume of btrfs has a number of its own, and what others
 * answer for is not asked. No ordinary user can mount the one, and the others are never opened in a namespace.
 */
export function provesDevice(mount: Mount): boolean {
  return mount.type !== 'btrfs' && !isAnsweredByOthers(mount);
}

/** Whether an open file lies on the mount's device. */
export function liesOn(fd: number, { device }: Mount): boolean {
  try {
    return deviceOf(fstatSync(fd, { bigint: true }).dev) === device;
  } catch {
    return false; // The medium failed.
  }
}

/** `major:minor`, as mountinfo has it, of a device number of stat(2). */
export function deviceOf(number: bigint): string {
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn);
  const minor = (number & 0xffn) | ((number >> 12n) & ~0xffn & 0xffffffffn);
  return `${major}:${minor}`;
}
