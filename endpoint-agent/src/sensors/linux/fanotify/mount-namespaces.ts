import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type Mount, parseMountInfo } from './mounts.ts';

export interface MountNamespaceLimits {
  /** Between two walks over all processes. */
  readonly scanEveryMs: number;
  /** A namespace that nobody told of is read again after this time. */
  readonly rereadAfterMs: number;
  readonly namespaces: number;
  /** Hints waiting, and read in one go. */
  readonly hints: number;
}

export const MOUNT_NAMESPACE_LIMITS: MountNamespaceLimits = {
  scanEveryMs: 10_000,
  rereadAfterMs: 30_000,
  namespaces: 256,
  hints: 64,
};

interface Known {
  /** A process that lives in it. */
  pid: number;
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

  /** A process through which paths of this namespace can be opened. */
  memberOf(inode: number): number | undefined {
    return this.#known.get(inode)?.pid;
  }

  /** This process is in a namespace of its own, or (`changed`) has just mounted something there. Cheap. */
  note(pid: number, changed: boolean): void {
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
    if (now - this.#scannedAt >= this.#limits.scanEveryMs) {
      this.#scannedAt = now;
      changed = this.#scan(now) || changed;
    }
    return changed;
  }

  #followHints(now: number): boolean {
    let changed = false;
    for (const [pid, hasMounted] of this.#hints) {
      const inode = this.#namespaceOf(String(pid));
      if (inode === undefined || inode === this.#own) continue;
      const known = this.#known.get(inode);
      if (!known || hasMounted) changed = this.#read(inode, known?.pid ?? pid, now) || changed;
    }
    this.#hints.clear();
    return changed;
  }

  #scan(now: number): boolean {
    const found = new Map<number, number>();
    this.#leftOut = 0;
    for (const name of readdirSync(this.#proc)) {
      if (!/^\d+$/.test(name)) continue;
      const inode = this.#namespaceOf(name);
      if (inode === undefined || inode === this.#own || found.has(inode)) continue;
      if (found.size >= this.#limits.namespaces) this.#leftOut += 1;
      else found.set(inode, Number(name));
    }
    let changed = false;
    for (const inode of this.#known.keys()) {
      if (!found.has(inode)) changed = this.#known.delete(inode) || changed;
    }
    for (const [inode, pid] of found) {
      const known = this.#known.get(inode);
      const isStale = !known || known.pid !== pid || now - known.readAt >= this.#limits.rereadAfterMs;
      if (isStale) changed = this.#read(inode, pid, now) || changed;
    }
    return changed;
  }

  #read(inode: number, pid: number, now: number): boolean {
    if (!this.#known.has(inode) && this.#known.size >= this.#limits.namespaces) return false;
    let content: Buffer;
    try {
      content = readFileSync(`${this.#proc}/${pid}/mountinfo`);
    } catch {
      return this.#known.delete(inode); // The process has ended; the next walk finds another, or none.
    }
    // The process may have moved on to another namespace in between.
    if (this.#namespaceOf(String(pid)) !== inode) return false;
    const mounts = parseMountInfo(content).map((mount) => ({ ...mount, namespace: { inode, pid } }));
    this.#known.set(inode, { pid, readAt: now, mounts });
    return true;
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
