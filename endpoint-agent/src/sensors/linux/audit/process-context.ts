import { readFileSync, readlinkSync } from 'node:fs';
import type { Fields } from './fields.ts';

/** Where a process stands: in a container, in namespaces other than the agent's. */
export interface ProcessContexts {
  /**
   * Fields of a process that has just started: `ContainerId` and, where they differ from the agent's own,
   * `MountNamespace`, `PidNamespace`, `NetworkNamespace` and `UserNamespace` (inode numbers). One that is gone
   * already stands where its parent stood.
   */
  of(pid: number, parentPid: number | undefined): Fields;
}

const MAX_KEPT = 4_096;
const NAMESPACES = [
  ['mnt', 'MountNamespace'],
  ['pid', 'PidNamespace'],
  ['net', 'NetworkNamespace'],
  ['user', 'UserNamespace'],
] as const;

/** Docker, containerd, CRI-O and Podman name a control group after the 64 hexadecimal digits of the id. */
const LONG_ID = /(?:^|[/:.-])([0-9a-f]{64})(?:\.scope)?(?:\/|$)/m;
/** LXC, systemd-nspawn and libvirt name it after the machine. */
const NAMED =
  /\/(?:lxc\.payload\.|lxc\/|machine\.slice\/machine-|machine-)([A-Za-z0-9][\w.\\@-]{0,127}?)(?:\.scope)?(?:\/|$)/m;

/** The container's id or name by the text of /proc/PID/cgroup; undefined outside of one. */
export function containerOf(cgroup: string): string | undefined {
  return LONG_ID.exec(cgroup)?.[1] ?? NAMED.exec(cgroup)?.[1];
}

export function createProcessContexts(proc = '/proc'): ProcessContexts {
  const own = new Map(NAMESPACES.map(([file]) => [file, link(`${proc}/self/ns/${file}`)]));
  const known = new Map<number, Fields>();

  function read(pid: number): Fields | undefined {
    const cgroup = text(`${proc}/${pid}/cgroup`);
    if (cgroup === undefined) return undefined;
    const fields: Fields = {};
    const container = containerOf(cgroup);
    if (container !== undefined) fields['ContainerId'] = container;
    for (const [file, name] of NAMESPACES) {
      const target = link(`${proc}/${pid}/ns/${file}`);
      const inode = /\[(\d+)\]/.exec(target ?? '')?.[1];
      if (target !== own.get(file) && inode !== undefined) fields[name] = Number(inode);
    }
    return fields;
  }

  return {
    of(pid, parentPid) {
      const inherited = parentPid === undefined ? undefined : known.get(parentPid);
      const fields = read(pid) ?? inherited ?? (parentPid === undefined ? undefined : read(parentPid)) ?? {};
      known.delete(pid);
      known.set(pid, fields);
      if (known.size > MAX_KEPT) {
        for (const oldest of known.keys()) {
          known.delete(oldest);
          break;
        }
      }
      return fields;
    },
  };
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // The process is gone.
  }
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined; // The process is gone.
  }
}
