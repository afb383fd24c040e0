import { encodePath } from '../../../native/path-bytes.ts';

/** One line of /proc/PID/mountinfo, as far as we ask. */
export interface Mount {
  /** `major:minor`; equal for all mounts of one filesystem. */
  readonly device: string;
  /** The directory of the filesystem that is mounted; `/` for all of it. */
  readonly root: string;
  readonly mountPoint: Buffer;
  readonly type: string;
  /** The filesystem itself takes no writes. */
  readonly readOnly: boolean;
}

/** Filesystems that hold no files of anybody's: views of the kernel. */
const VIRTUAL: ReadonlySet<string> = new Set([
  'autofs',
  'binfmt_misc',
  'bpf',
  'cgroup',
  'cgroup2',
  'configfs',
  'debugfs',
  'devpts',
  'efivarfs',
  'fusectl',
  'hugetlbfs',
  'mqueue',
  'nsfs',
  'proc',
  'pstore',
  'rpc_pipefs',
  'securityfs',
  'selinuxfs',
  'sysfs',
  'tracefs',
]);

/** Parses mountinfo(5): `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`. */
export function parseMountInfo(content: Buffer): Mount[] {
  const mounts: Mount[] = [];
  for (const line of content.toString('latin1').split('\n')) {
    const [before, after] = line.split(' - ', 2);
    const fields = before?.split(' ');
    const [type, , superOptions] = after?.split(' ') ?? [];
    const [, , device, root, mountPoint] = fields ?? [];
    if (!device || !root || !mountPoint || !type) continue;
    const readOnly = superOptions?.split(',').includes('ro') ?? false;
    mounts.push({ device, root, mountPoint: unescape(mountPoint), type, readOnly });
  }
  return mounts;
}

/**
 * The mounts to put a mark on: one per filesystem, that of its whole tree if there is one, since a path is
 * found through it. An overlay shows in the filesystem below it already, unless it is the root itself.
 */
export function mountsToMark(mounts: readonly Mount[]): Mount[] {
  const chosen = new Map<string, Mount>();
  for (const mount of mounts) {
    if (VIRTUAL.has(mount.type) || mount.readOnly) continue;
    if (mount.type === 'overlay' && mount.mountPoint.toString('latin1') !== '/') continue;
    const before = chosen.get(mount.device);
    if (!before || (before.root !== '/' && mount.root === '/')) chosen.set(mount.device, mount);
  }
  return [...chosen.values()];
}

/** For people: the mount point as text. */
export function mountName(mount: Mount): string {
  return encodePath(mount.mountPoint);
}

/** Space, tab, newline and backslash stand as three octal digits. */
function unescape(text: string): Buffer {
  return Buffer.from(
    text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    'latin1',
  );
}
