import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import { AT_FDCWD, libc, O } from '../../../native/libc.ts';
import { NO_LINKS, openat2, RESOLVE } from '../native/openat2.ts';
import { isAnsweredByOthers, type MemberOf, type Mount } from './mounts.ts';

const ENOSYS = -constants.errno.ENOSYS;
const ESRCH = -constants.errno.ESRCH;
const ESTALE = -constants.errno.ESTALE;

/**
 * Opens (O_PATH) the root of this mount. Whoever owns a folder on the way to it, or the namespace itself, can put
 * another one or a link to our own files in its place at any moment: so no link is followed, and what was opened
 * must lie on the mount's own device. The descriptor or `-errno`: ESRCH when nobody lives in the namespace, ESTALE
 * when something else is there, ENOSYS (other namespaces only) before Linux 5.6. Close it soon: meanwhile the
 * filesystem cannot be unmounted.
 */
export function openMount(mount: Mount, memberOf: MemberOf): number {
  const { namespace, mountPoint } = mount;
  if (namespace === undefined) {
    const fd = openat2(AT_FDCWD, mountPoint, O.PATH, NO_LINKS);
    return fd === ENOSYS ? libc().open(mountPoint, O.PATH) : fd;
  }
  const pid = memberOf(namespace);
  if (pid === undefined) return ESRCH;
  const root = libc().open(Buffer.from(`/proc/${pid}/root`), O.PATH | O.DIRECTORY);
  if (root < 0) return root;
  const fd = openat2(root, mountPoint, O.PATH, NO_LINKS | RESOLVE.IN_ROOT);
  libc().close(root);
  if (fd < 0 || !provesDevice(mount) || liesOn(fd, mount)) return fd;
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
