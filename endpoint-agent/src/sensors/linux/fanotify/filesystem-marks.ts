import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { errnoName } from '../../../native/libc.ts';
import { decodePath } from '../../../native/path-bytes.ts';
import { EVENT, fanotifyMark, filesystemId, MARK_ADD, MARK_FILESYSTEM, pathOfHandle } from '../native/fanotify.ts';
import { pathOfDescriptor, using } from '../native/openat2.ts';
import { liesInSubvolume, subvolumeOf, throughTopLevel } from './btrfs-subvolumes.ts';
import type { DirectoryEntry } from './event-reader.ts';
import { FilesystemIds } from './filesystem-ids.ts';
import { foreignMounts, holdsDevices, type MemberOf, type Mount, mountName, mountsToMark, reachOf } from './mounts.ts';
import { liesOn, openMount, provesDevice } from './open-mount.ts';

/** Where the directory of an event lies. */
export interface FoundDirectory {
  readonly path: string;
  /** Set when the path is one of another mount namespace. */
  readonly mountNamespace?: number;
}

const EXDEV = -constants.errno.EXDEV;
const EEXIST = -constants.errno.EEXIST;
const MAX_FOREIGN_MARKS = 1_024;

/** The marks of one fanotify group: one per filesystem, following what is mounted, in every namespace. */
export class FilesystemMarks {
  readonly #group: number;
  readonly #mask: number;
  readonly #memberOf: MemberOf;
  readonly #marked = new Map<string, Mount>();
  readonly #refused = new Map<string, string>();
  /** Those whose filesystem id belongs to another device; asked again each time. */
  readonly #copies = new Map<string, string>();
  readonly #filesystemIds = new FilesystemIds();
  #own: readonly Mount[] = [];
  #foreign: readonly (readonly Mount[])[] = [];
  #unseen: readonly string[] = [];
  #overlays: readonly Mount[] = [];

  constructor(group: number, mask: number, memberOf: MemberOf = () => undefined) {
    this.#group = group;
    this.#mask = mask;
    this.#memberOf = memberOf;
  }

  /** Mount points that are not watched, with the reason. */
  get unmarked(): string[] {
    return [...this.#refused.values(), ...this.#copies.values(), ...this.#unseen];
  }

  /** The overlays of all namespaces that are not marked themselves. */
  get overlays(): readonly Mount[] {
    return this.#overlays;
  }

  /** The mounts of the agent's own namespace: marks what is new. A filesystem's mark goes with its last mount. */
  update(mounts: readonly Mount[]): readonly Mount[] {
    this.#own = mounts;
    return this.#settle();
  }

  /** Those of the other namespaces. Returns what was newly marked. */
  updateForeign(namespaces: readonly (readonly Mount[])[]): readonly Mount[] {
    this.#foreign = namespaces;
    return this.#settle();
  }

  #settle(): readonly Mount[] {
    const added: Mount[] = [];
    const own = mountsToMark(this.#own);
    const seen = new Set(this.#own.map(({ device }) => device));
    const sorted = this.#foreign.map((mounts) => foreignMounts(mounts, seen));
    const foreign = new Map(sorted.flatMap(({ toMark }) => toMark).map((mount) => [mount.device, mount]));
    const wanted = [...own, ...[...foreign.values()].slice(0, MAX_FOREIGN_MARKS)];
    const devices = new Set(wanted.map(({ device }) => device));
    for (const device of this.#marked.keys()) if (!devices.has(device)) this.#forget(device);
    for (const device of this.#refused.keys()) if (!devices.has(device)) this.#refused.delete(device);
    this.#copies.clear();
    for (const mount of wanted) {
      const before = this.#marked.get(mount.device);
      if ((before && isSamePlace(before, mount)) || this.#refused.has(mount.device)) continue;
      if (before) this.#forget(mount.device);
      if (this.#add(mount) && !before) added.push(mount);
    }
    const overlays = [...sorted.flatMap((one) => one.overlays), ...this.#own.filter(({ type }) => type === 'overlay')];
    this.#overlays = overlays.filter(({ readOnly, device }) => !readOnly && !this.#marked.has(device));
    this.#unseen = [
      ...new Set([
        ...sorted.flatMap(({ unsafe }) => unsafe.map((mount) => `${mountName(mount)} (${mount.type}, not asked)`)),
        ...this.#overlays
          .filter((mount) => !this.#refused.has(mount.device) && !this.#takesWrites(mount))
          .map((mount) => `${mountName(mount)} (overlay, its upper directory is out of reach)`),
        ...(foreign.size > MAX_FOREIGN_MARKS ? [`${foreign.size - MAX_FOREIGN_MARKS} in other namespaces`] : []),
      ]),
    ];
    return added;
  }

  /** Whether the directory that takes an overlay's writes lies on a filesystem that is marked. */
  #takesWrites(mount: Mount): boolean {
    const { upperDirectory } = mount;
    // Without one it takes no writes at all.
    if (upperDirectory === undefined) return true;
    // Whoever mounted it named it in his own namespace: the container's runtime in ours, as a rule.
    return [upperDirectory, reachOf(mount, upperDirectory, this.#memberOf)].some((path) => {
      return path !== undefined && this.#isMarked(path);
    });
  }

  /** True when files of the filesystem that this directory lies on are watched. */
  covers(directory: string): boolean {
    return this.#isMarked(Buffer.from(directory));
  }

  #isMarked(path: Buffer): boolean {
    const fsid = filesystemId(path);
    if (fsid === undefined) return false;
    if (this.#filesystemIds.get(fsid)) return true;
    // A mounted subvolume has another id than the filesystem that was marked.
    return this.#own.some(
      ({ subvolume, device, mountPoint }) =>
        subvolume !== undefined && this.#marked.has(device) && filesystemId(mountPoint)?.equals(fsid) === true,
    );
  }

  /**
   * Compares with the mounts of this moment and the kernel's own list of this group's marks, and sets again what
   * is missing; returns their mount points. Only somebody who got hold of our descriptor can have taken them.
   */
  mend(mounts: readonly Mount[]): string[] {
    // A mark that went with its filesystem is no mark that somebody took.
    this.update(mounts);
    const present = this.#present();
    const missing = [...this.#marked].filter(([device]) => !present.has(device));
    const taken = missing.filter(([device, mount]) => {
      this.#forget(device);
      // Of other namespaces we may not have heard yet that it was unmounted.
      return this.#add(mount) || mount.namespace === undefined;
    });
    return taken.map(([, mount]) => mountName(mount));
  }

  /** Undefined when it is gone, or lies where no process that we know of has its filesystem. */
  find(entry: DirectoryEntry): FoundDirectory | undefined {
    const mount = this.#filesystemIds.get(entry.fsid);
    const subvolume = mount?.type === 'btrfs' ? subvolumeOf(entry.handle) : undefined;
    if (mount && subvolume !== undefined) return this.#findInSubvolume(mount, entry, subvolume);
    if (!mount) return undefined;
    const { namespace } = mount;
    const path = using(openMount(mount, this.#memberOf), undefined, (fd) => {
      const at = pathOfDescriptor(fd);
      // Something else may be mounted there by now.
      if (namespace !== undefined && !filesystemId(at)?.equals(entry.fsid)) return undefined;
      return pathOfHandle(at, entry.handle);
    });
    if (path === undefined) return undefined;
    return { path, ...(namespace === undefined ? {} : { mountNamespace: namespace }) };
  }

  /** Through the mount of this subvolume if there is one, else through that of one which holds it. */
  #findInSubvolume({ device }: Mount, entry: DirectoryEntry, subvolume: bigint): FoundDirectory | undefined {
    const mounts = this.#own.filter((mount) => mount.device === device);
    const best = mounts.filter((mount) => mount.subvolume === subvolume);
    for (const mount of new Set([...best, ...mounts])) {
      const path = pathOfHandle(mount.mountPoint, entry.handle);
      if (path !== undefined && liesInSubvolume(decodePath(path), entry.fsid, subvolume)) return { path };
    }
    return undefined;
  }

  #present(): ReadonlySet<string> {
    return marksOf(readFileSync(`/proc/self/fdinfo/${this.#group}`, 'latin1'));
  }

  #add(mount: Mount): boolean {
    // Writing to a device is no change of a file; files made among them are.
    const mask = holdsDevices(mount) ? this.#mask & ~(EVENT.CLOSE_WRITE | EVENT.ATTRIB) : this.#mask;
    let fsid: Buffer | undefined;
    const mark = (path: Buffer): number => {
      fsid = filesystemId(path);
      const owner = fsid && this.#filesystemIds.get(fsid);
      if (owner && owner.device !== mount.device) return EEXIST;
      return fanotifyMark(this.#group, MARK_ADD | MARK_FILESYSTEM, mask, path);
    };
    const opened = openMount(mount, this.#memberOf);
    let isCopy = false;
    let result = using(opened, opened, (fd) => {
      const marked = mark(pathOfDescriptor(fd));
      // A mount beneath another one on the same place has that one's id, and is none.
      isCopy = marked === EEXIST && provesDevice(mount) && liesOn(fd, mount);
      return marked;
    });
    if (result === EXDEV && mount.type === 'btrfs' && mount.namespace === undefined) {
      result = throughTopLevel(mount, mark);
    }
    if (result < 0 || !fsid) {
      // The process through which it is reached may have ended: tried again with the next one.
      if (mount.namespace !== undefined && GONE.has(errnoName(result))) return false;
      if (isCopy) this.#copies.set(mount.device, `${mountName(mount)} (${mount.type}, a copy of another)`);
      else if (result !== EEXIST)
        this.#refused.set(mount.device, `${mountName(mount)} (${mount.type}, ${reasonOf(result)})`);
      return false;
    }
    // Beneath another mount on the same place there is no path to it, and the upper one was marked again.
    if (!this.#present().has(mount.device) || !this.#filesystemIds.claim(fsid, mount)) return false;
    this.#marked.set(mount.device, mount);
    return true;
  }

  #forget(device: string): void {
    this.#marked.delete(device);
    this.#filesystemIds.release(device);
  }
}

/** Of a foreign mount: nothing, or something else, is there at this moment. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ESRCH', 'EACCES', 'ENOTDIR', 'ELOOP', 'ESTALE', 'errno 0']);

function reasonOf(result: number): string {
  return errnoName(result) === 'ENOSYS' ? 'needs openat2 of Linux 5.6' : errnoName(result);
}

function isSamePlace(one: Mount, other: Mount): boolean {
  return one.mountPoint.equals(other.mountPoint) && one.namespace === other.namespace;
}

/** `fanotify sdev:fe00000 mflags:0 mask:...`: major number above 20 bits of minor number, in hexadecimal. */
function marksOf(fdinfo: string): ReadonlySet<string> {
  const devices = [...fdinfo.matchAll(/^fanotify sdev:([0-9a-f]+) /gm)].map(([, sdev]) =>
    Number.parseInt(sdev ?? '', 16),
  );
  return new Set(devices.map((device) => `${device >>> 20}:${device & 0xfffff}`));
}
