import type { ProcessFacts, ProcessLookup } from '../../endpoint-agent/src/core/process/process-lookup.ts';

/** A process table that tests fill by hand. Entity ids are `e-<pid>` unless a pid is reused. */
export class ProcessTree implements ProcessLookup {
  readonly #records = new Map<string, ProcessFacts>();

  /** Adds a process below `parent` and returns its entity id. */
  add(pid: number, parent: string | undefined, image: string, more: Partial<ProcessFacts> = {}): string {
    const entityId = more.entityId ?? `e-${pid}`;
    const parentPid = parent === undefined ? undefined : this.#records.get(parent)?.pid;
    const startedAt = 1_700_000_000_000 + pid;
    const { commandLine = image } = more;
    this.#records.set(entityId, {
      pid,
      parentEntityId: parent,
      parentPid,
      image,
      startedAt,
      ...more,
      commandLine,
      entityId,
    });
    return entityId;
  }

  end(entityId: string, endedAt: number): void {
    const record = this.#records.get(entityId);
    if (record !== undefined) this.#records.set(entityId, { ...record, endedAt });
  }

  forget(entityId: string): void {
    this.#records.delete(entityId);
  }

  byPid(pid: number): ProcessFacts | undefined {
    return [...this.#records.values()].find((record) => record.pid === pid && record.endedAt === undefined);
  }

  get(entityId: string): ProcessFacts | undefined {
    return this.#records.get(entityId);
  }

  ancestors(entityId: string, limit: number): readonly ProcessFacts[] {
    const chain: ProcessFacts[] = [];
    let parent = this.#records.get(entityId)?.parentEntityId;
    while (parent !== undefined && chain.length < limit) {
      const record = this.#records.get(parent);
      if (record === undefined) break;
      chain.push(record);
      parent = record.parentEntityId;
    }
    return chain;
  }

  descendants(entityId: string): readonly ProcessFacts[] {
    const below = new Map<string, ProcessFacts>();
    const queue = [entityId];
    for (let parent = queue.shift(); parent !== undefined; parent = queue.shift()) {
      for (const record of this.#records.values()) {
        const isNew = record.entityId !== entityId && !below.has(record.entityId);
        if (record.parentEntityId !== parent || record.endedAt !== undefined || !isNew) continue;
        below.set(record.entityId, record);
        queue.push(record.entityId);
      }
    }
    return [...below.values()];
  }
}

/** The usual machine: init, sshd with two logins, cron, a web server. */
export function machine(): {
  tree: ProcessTree;
  init: string;
  sshd: string;
  alice: string;
  bob: string;
  cron: string;
  nginx: string;
} {
  const tree = new ProcessTree();
  const init = tree.add(1, undefined, '/usr/lib/systemd/systemd');
  const sshd = tree.add(10, init, '/usr/sbin/sshd');
  const session = (pid: number): string =>
    tree.add(pid + 1, tree.add(pid, sshd, '/usr/sbin/sshd'), '/usr/bin/bash', { commandLine: '-bash' });
  const cron = tree.add(11, init, '/usr/sbin/cron');
  const nginx = tree.add(12, init, '/usr/sbin/nginx');
  return { tree, init, sshd, alice: session(100), bob: session(200), cron, nginx };
}
