import type { ProcessTarget } from '../../responder.ts';
import { createGuard, type Guard } from './guard.ts';
import { isAlive, type ProcessStat, readAllProcesses } from './process-stat.ts';
import { findTarget, type ProcessKey } from './signal-process.ts';

export interface TreeWalkOptions {
  readonly root: ProcessTarget;
  readonly members: readonly ProcessTarget[];
  readonly selfPid: number;
  readonly companions: ReadonlySet<number>;
  readonly maxProcesses: number;
}

/**
 * A tree of processes as it grows: the root, the named members, and everything that descends from them, found
 * again and again in snapshots of /proc. Remembers who belonged, so that children that outlive their parents
 * are still known by the session or process group that the parent had made.
 */
export interface TreeWalk {
  /** Whether the root itself must be left alone. Nothing of the tree is touched then. */
  readonly isRootProtected: boolean;
  /** Whether a process has the root's pid that may be the root or another. It is not touched. */
  readonly isRootUnverified: boolean;
  /** Live processes of the tree that were not known yet, parents before children. */
  discover(): readonly ProcessStat[];
  /** Leaders, of the tree themselves, of the process groups that these processes are in. */
  leadersOf(found: readonly ProcessStat[]): readonly ProcessKey[];
  /** Running processes of a group that are not known to belong to the tree. */
  outsidersOf(groupId: number): readonly ProcessStat[];
  has(key: ProcessKey): boolean;
  /** Every process that ever belonged and may be touched, in the order of discovery. */
  readonly known: readonly ProcessKey[];
  /** Processes of the tree that were left alone. */
  readonly spared: number;
  /** Whether more belonged to the tree than `maxProcesses`; the rest is not touched. */
  readonly isOverfull: boolean;
}

/** Takes the first snapshot. Constant in memory for `maxProcesses`. */
export function createTreeWalk(options: TreeWalkOptions): TreeWalk {
  const known = new Map<number, ProcessKey>();
  const spared = new Map<number, ProcessKey>();
  let processes = readAllProcesses();
  let guard = createGuard({ ...options, processes });
  let isOverfull = false;
  let isFresh = true;

  const found = [options.root, ...options.members].map((target) => findTarget(target));
  const seeds = found.filter((target) => typeof target === 'object');
  const [root] = found;
  const isRootProtected = typeof root === 'object' && guard.check(root, true) !== undefined;

  /** Whether the pid still means the process that was put into the map under it. */
  const isEntry = (map: ReadonlyMap<number, ProcessKey>, pid: number): boolean => {
    const entry = map.get(pid);
    return entry !== undefined && processes.get(pid)?.startTicks === entry.startTicks;
  };

  const admit = (process: ProcessStat, isMember: boolean, found: ProcessStat[]): void => {
    if (!isAlive(process) || isEntry(known, process.pid) || isEntry(spared, process.pid)) return;
    const verdict = guard.check(process, isMember);
    if (known.size + spared.size >= options.maxProcesses) {
      isOverfull = true;
    } else if (verdict === undefined) {
      known.set(process.pid, process);
      found.push(process);
    } else if (verdict === 'passed') {
      spared.set(process.pid, process);
    }
  };

  const discover = (): readonly ProcessStat[] => {
    // The first call uses the snapshot that was just taken, so that the first stop comes at once.
    if (!isFresh) {
      processes = readAllProcesses();
      guard = createGuard({ ...options, processes });
    }
    isFresh = false;
    const found: ProcessStat[] = [];
    for (const seed of seeds) {
      const now = processes.get(seed.pid);
      if (now !== undefined && now.startTicks === seed.startTicks) admit(now, true, found);
    }
    const children = childrenByParent(processes);
    for (const process of processes.values()) {
      if (isOrphanOf(process, known, processes, guard)) admit(process, false, found);
    }
    const below = [...known.values(), ...spared.values()].filter(({ pid, startTicks }) => {
      return processes.get(pid)?.startTicks === startTicks;
    });
    const queue = below.map(({ pid }) => pid);
    const visited = new Set(queue);
    for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
      for (const child of children.get(pid) ?? []) {
        if (visited.has(child.pid)) continue;
        visited.add(child.pid);
        admit(child, false, found);
        if (isEntry(known, child.pid) || isEntry(spared, child.pid)) queue.push(child.pid);
      }
    }
    return found.sort(byStart);
  };

  return {
    isRootProtected,
    isRootUnverified: root === 'unverified',
    discover,
    leadersOf: (members) => {
      const ownGroup = processes.get(options.selfPid)?.groupId;
      const groups = new Set(members.map(({ groupId }) => groupId).filter((id) => id !== ownGroup && id > 1));
      return [...groups].flatMap((id) => known.get(id) ?? []);
    },
    outsidersOf: (groupId) =>
      [...processes.values()].filter((process) => {
        return process.groupId === groupId && process.state !== 'T' && !isEntry(known, process.pid);
      }),
    has: ({ pid, startTicks }) => known.get(pid)?.startTicks === startTicks,
    get known() {
      return [...known.values()];
    },
    get spared() {
      return spared.size;
    },
    get isOverfull() {
      return isOverfull;
    },
  };
}

/** Parents before children: a child never starts earlier. */
export function byStart(a: ProcessKey, b: ProcessKey): number {
  return a.startTicks - b.startTicks || a.pid - b.pid;
}

/**
 * A process whose parent is gone, in a session or group that a member of the tree had made. The kernel gives
 * out no pid that still names a session or group, so the number cannot mean another one, unless that pid runs
 * again under another start time.
 */
function isOrphanOf(
  process: ProcessStat,
  known: ReadonlyMap<number, ProcessKey>,
  processes: ReadonlyMap<number, ProcessStat>,
  guard: Guard,
): boolean {
  const isInherited = [process.sessionId, process.groupId].some((leader) => {
    const member = known.get(leader);
    if (member === undefined || process.startTicks < member.startTicks) return false;
    return (processes.get(leader)?.startTicks ?? member.startTicks) === member.startTicks;
  });
  return isInherited && guard.adoptsOrphans(process.parentPid);
}

function childrenByParent(processes: ReadonlyMap<number, ProcessStat>): Map<number, ProcessStat[]> {
  const children = new Map<number, ProcessStat[]>();
  for (const process of processes.values()) {
    const siblings = children.get(process.parentPid);
    if (siblings === undefined) children.set(process.parentPid, [process]);
    else siblings.push(process);
  }
  return children;
}
