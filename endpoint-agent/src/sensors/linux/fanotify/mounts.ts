import { encodePath } from '../../../native/path-bytes.ts';

/** One line of /proc/PID/mountinfo, as far as we ask. */
export interface Mount {
  /** `major:minor`; equal for all mounts of one filesystem. */
  readonly device: string;
  /** The directory of the filesystem that is mounted; `/` for all of it. */
  readonly root: string;
  readonly mountPoint: Buffer;
  readonly type: string;
  /** What is mounted, as whoever mounted it named it: a device, as a rule. */
  readonly source: Buffer;
  /** Number of the subvolume that is mounted, of a btrfs. */
  readonly subvolume?: bigint;
  /** The filesystem itself takes no writes. */
  readonly readOnly: boolean;
  /** Of an overlay: the directory that takes its writes, as whoever mounted it named it. */
  readonly upperDirectory?: Buffer;
  /** Set when it is seen in a mount namespace other than the agent's: its inode number. */
  readonly namespace?: number;
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
    const [type, source, superOptions] = after?.split(' ') ?? [];
    const [, , device, root, mountPoint] = fields ?? [];
    if (!device || !root || !mountPoint || !type || source === undefined) continue;
    const options = superOptions?.split(',') ?? [];
    const subvolume = type === 'btrfs' ? options.find((option) => /^subvolid=\d{1,19}$/.test(option)) : undefined;
    const upper = type === 'overlay' ? options.find((option) => option.startsWith('upperdir=')) : undefined;
    mounts.push({
      device,
      root,
      mountPoint: unescape(mountPoint),
      type,
      source: unescape(source),
      readOnly: options.includes('ro'),
      ...(subvolume === undefined ? {} : { subvolume: BigInt(subvolume.slice('subvolid='.length)) }),
      ...(upper === undefined ? {} : { upperDirectory: unescape(upper.slice('upperdir='.length)) }),
    });
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
    choose(chosen, mount);
  }
  return [...chosen.values()];
}

/** What mounts of other namespaces ask for, beyond what the agent's own has. */
export interface ForeignMounts {
  readonly toMark: readonly Mount[];
  /** Never marked there; people are told. */
  readonly unsafe: readonly Mount[];
  /** Overlays: seen where the directory that takes their writes lies on a marked filesystem. */
  readonly overlays: readonly Mount[];
}

/**
 * Filesystems that answer when they please, or when a user's own program does. Whoever makes a namespace can
 * mount them in it: a path through one of them could hold the agent up for ever.
 */
const OTHERS = /^(?:fuse|nfs|cifs|smb|9p|ceph|afs|coda|lustre|gfs2|ocfs2|virtiofs)/;

export function isAnsweredByOthers({ type }: Mount): boolean {
  return OTHERS.test(type);
}

/** Sorts the mounts of one foreign namespace, in the order of its mountinfo. */
export function foreignMounts(mounts: readonly Mount[], ownDevices: ReadonlySet<string>): ForeignMounts {
  const chosen = new Map<string, Mount>();
  const unsafe: Mount[] = [];
  const overlays = new Map<string, Mount>();
  const dangerous = mounts.filter(isAnsweredByOthers).map(({ mountPoint }) => mountPoint);
  for (const mount of mounts) {
    if (VIRTUAL.has(mount.type) || mount.readOnly || ownDevices.has(mount.device)) continue;
    if (dangerous.some((point) => isAtOrBelow(mount.mountPoint, point))) unsafe.push(mount);
    else if (mount.type === 'overlay') overlays.set(mount.device, mount);
    else choose(chosen, mount);
  }
  return { toMark: [...chosen.values()], unsafe, overlays: [...overlays.values()] };
}

function choose(chosen: Map<string, Mount>, mount: Mount): void {
  const before = chosen.get(mount.device);
  if (!before || (before.root !== '/' && mount.root === '/')) chosen.set(mount.device, mount);
}

function isAtOrBelow(path: Buffer, root: Buffer): boolean {
  if (!path.subarray(0, root.length).equals(root)) return false;
  return path.length === root.length || path[root.length] === 0x2f || root.at(-1) === 0x2f;
}

/** A filesystem of device nodes: the system's own, or the one that containers and sandboxes get in its place. */
export function holdsDevices({ type, mountPoint }: Mount): boolean {
  return type === 'devtmpfs' || (type === 'tmpfs' && mountPoint.subarray(-4).toString('latin1') === '/dev');
}

/** A process that lives in a mount namespace at this moment. */
export type MemberOf = (namespace: number) => number | undefined;

/** Where the agent itself finds this path of the mount's namespace; undefined when nobody lives there any more. */
export function reachOf({ namespace }: Mount, path: Buffer, memberOf: MemberOf): Buffer | undefined {
  if (namespace === undefined) return path;
  const pid = memberOf(namespace);
  return pid === undefined ? undefined : Buffer.concat([Buffer.from(`/proc/${pid}/root`), path]);
}

/** For people: the mount point as text. */
export function mountName({ mountPoint, namespace }: Mount): string {
  return `${encodePath(mountPoint)}${namespace === undefined ? '' : ` in mount namespace ${namespace}`}`;
}

/** Space, tab, newline and backslash stand as three octal digits. */
function unescape(text: string): Buffer {
  return Buffer.from(
    text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    'latin1',
  );
}
