import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type Mount, parseMountInfo } from './mounts.ts';

export interface MountNamespaceLimits {
  /** Between two walks over all processes. */
  readonly scanEveryMs: number;
  /** The same where somebody mounted something who was gone before he was looked at. */
  readonly scanSoonMs: number;
  /** A namespace that nobody told of is read again after this time. */
  readonly rereadAfterMs: number;
  readonly namespaces: number;
  /** Hints waiting, and read in one go. */
  readonly hints: number;
  /** Processes of which is remembered where they live, since `mount` itself ends at once. */
  readonly inhabitants: number;
  /** Remembered for each namespace: one of them still lives when it is to be reached. */
  readonly members: number;
}

export const MOUNT_NAMESPACE_LIMITS: MountNamespaceLimits = {
  scanEveryMs: 10_000,
  scanSoonMs: 2_000,
  rereadAfterMs: 30_000,
  namespaces: 256,
  hints: 64,
  inhabitants: 1_024,
  members: 8,
};

interface Known {
  /** Processes that lived in it when they were looked at, the last one told of first. */
  members: readonly number[];
  readAt: number;
  mounts: readonly Mount[];
}

/**
 * The mount namespaces other than the agent's, with their mounts, found through the processes that live in
 * them. Nothing of a namespace is kept open: it would outlive its last process, with everything mounted in it.
 */
export class MountNamespaces {
  readonly #proc: string;
  readonly #limits: MountNamespaceLimits;
  readonly #own: number | undefined;
  readonly #known = new Map<number, Known>();
  readonly #hints = new Map<number, boolean>();
  readonly #inhabitants = new Map<number, number>();
  #isSuspicious = false;
  #scannedAt = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  constructor(proc = '/proc', limits: MountNamespaceLimits = MOUNT_NAMESPACE_LIMITS) {
    this.#proc = proc;
    this.#limits = limits;
    this.#own = this.#namespaceOf('self');
  }

  /** Namespaces beyond the bound at the last walk. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Mounts of every known namespace, each with the process through which it is reached. */
  get mounts(): readonly (readonly Mount[])[] {
    return [...this.#known.values()].map(({ mounts }) => mounts);
  }

  /** A process through which paths of this namespace can be opened at this moment. */
  memberOf(inode: number): number | undefined {
    return this.#known.get(inode)?.members.find((pid) => this.#namespaceOf(String(pid)) === inode);
  }

  /** This process lives in a namespace, this one if known, or (`changed`) has just mounted something there. Cheap. */
  note(pid: number, changed: boolean, inode?: number): void {
    if (inode !== undefined) this.#settle(pid, inode);
    if (this.#hints.size < this.#limits.hints || this.#hints.has(pid)) {
      this.#hints.set(pid, changed || this.#hints.get(pid) === true);
    }
  }

  /** Whether hints wait: then `refresh` is worth calling between two ticks. */
  get hinted(): boolean {
    return this.#hints.size > 0;
  }

  /** Looks where it is due; true when the mounts may have changed. */
  refresh(now: number): boolean {
    let changed = this.#followHints(now);
    const { scanEveryMs, scanSoonMs } = this.#limits;
    if (now - this.#scannedAt >= (this.#isSuspicious ? scanSoonMs : scanEveryMs)) {
      this.#scannedAt = now;
      changed = this.#scan(now) || changed;
    }
    return changed;
  }

  #followHints(now: number): boolean {
    let changed = false;
    for (const [pid, hasMounted] of this.#hints) {
      const inode = this.#namespaceOf(String(pid)) ?? this.#inhabitants.get(pid);
      if (inode === undefined) this.#isSuspicious ||= hasMounted;
      if (inode === undefined || inode === this.#own) continue;
      const known = this.#known.get(inode);
      if (known) known.members = [pid, ...known.members.filter((one) => one !== pid)].slice(0, this.#limits.members);
      if (!known || hasMounted) changed = this.#read(inode, known?.members ?? [pid], now) || changed;
    }
    this.#hints.clear();
    return changed;
  }

  #settle(pid: number, inode: number): void {
    this.#inhabitants.delete(pid);
    this.#inhabitants.set(pid, inode);
    if (this.#inhabitants.size <= this.#limits.inhabitants) return;
    for (const oldest of this.#inhabitants.keys()) {
      this.#inhabitants.delete(oldest);
      return;
    }
  }

  #scan(now: number): boolean {
    const found = new Map<number, number[]>();
    this.#leftOut = 0;
    for (const name of readdirSync(this.#proc)) {
      if (!/^\d+$/.test(name)) continue;
      const inode = this.#namespaceOf(name);
      if (inode === undefined || inode === this.#own) continue;
      const members = found.get(inode);
      if (!members && found.size >= this.#limits.namespaces) this.#leftOut += 1;
      else if (!members) found.set(inode, [Number(name)]);
      else if (members.length < this.#limits.members) members.push(Number(name));
    }
    let changed = false;
    for (const inode of this.#known.keys()) {
      if (!found.has(inode)) changed = this.#known.delete(inode) || changed;
    }
    for (const [inode, members] of found) {
      const known = this.#known.get(inode);
      const isOld = this.#isSuspicious || !known || now - known.readAt >= this.#limits.rereadAfterMs;
      if (isOld) changed = this.#read(inode, members, now) || changed;
      else known.members = members;
    }
    this.#isSuspicious = false;
    return changed;
  }

  /** True when it could be read: through the first of the processes that still lives there. */
  #read(inode: number, members: readonly number[], now: number): boolean {
    if (!this.#known.has(inode) && this.#known.size >= this.#limits.namespaces) return false;
    for (const pid of members) {
      const content = mountInfoOf(`${this.#proc}/${pid}/mountinfo`);
      // The process may have moved on to another namespace in between.
      if (!content || this.#namespaceOf(String(pid)) !== inode) continue;
      const mounts = parseMountInfo(content).map((mount) => ({ ...mount, namespace: inode }));
      this.#known.set(inode, { members, readAt: now, mounts });
      return true;
    }
    return false;
  }

  #namespaceOf(pid: string): number | undefined {
    try {
      const inode = /\[(\d+)\]/.exec(readlinkSync(`${this.#proc}/${pid}/ns/mnt`))?.[1];
      return inode === undefined ? undefined : Number(inode);
    } catch {
      return undefined; // Ended, or a kernel thread that is about to.
    }
  }
}

function mountInfoOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // The process has ended.
  }
}
