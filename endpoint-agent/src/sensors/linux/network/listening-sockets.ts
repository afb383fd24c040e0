import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { WaitingSocket } from './socket-diag.ts';

export interface SocketChange {
  readonly kind: 'socket_listening' | 'socket_closed';
  readonly socket: WaitingSocket;
}

/**
 * Which sockets wait for others, as differences. What waited when the agent came is the machine's state and no
 * event; a datagram socket counts only on a port that is not handed out for a moment.
 */
export class ListeningSockets {
  readonly #ephemeral: readonly [first: number, last: number];
  #known: Map<string, WaitingSocket> | undefined;
  /** Told by audit already, with its process. */
  readonly #told = new Set<string>();

  constructor(ephemeral: readonly [first: number, last: number]) {
    this.#ephemeral = ephemeral;
  }

  /** Audit saw this one begin; the next comparison is silent about it. */
  noteTold(protocol: string, ip: string, port: number): void {
    if (this.#told.size < 1_024) this.#told.add(`${protocol} ${ip} ${port}`);
  }

  compare(now: readonly WaitingSocket[]): SocketChange[] {
    const current = new Map(now.filter((socket) => this.#counts(socket)).map((socket) => [keyOf(socket), socket]));
    const before = this.#known;
    this.#known = current;
    const told = new Set(this.#told);
    this.#told.clear();
    if (!before) return [];
    const opened = [...current].filter(([key]) => !before.has(key) && !told.has(key));
    const closed = [...before].filter(([key]) => !current.has(key));
    return [
      ...opened.map(([, socket]): SocketChange => ({ kind: 'socket_listening', socket })),
      ...closed.map(([, socket]): SocketChange => ({ kind: 'socket_closed', socket })),
    ];
  }

  #counts({ protocol, port }: WaitingSocket): boolean {
    const [first, last] = this.#ephemeral;
    return port !== 0 && (protocol === 'tcp' || port < first || port > last);
  }
}

function keyOf({ protocol, ip, port }: WaitingSocket): string {
  return `${protocol} ${ip} ${port}`;
}

/** `32768 60999` of ip_local_port_range. */
export function ephemeralPorts(): readonly [first: number, last: number] {
  try {
    const text = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const [first = 32_768, last = 60_999] = text.trim().split(/\s+/).map(Number);
    return [first, last];
  } catch {
    return [32_768, 60_999]; // Without /proc/sys: the kernel's own default.
  }
}

/** Which process has a socket open, by the inode in its descriptors' links. Walks all of /proc: only on a change. */
export function ownersOf(inodes: ReadonlySet<number>): ReadonlyMap<number, number> {
  const owners = new Map<number, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (owners.size === inodes.size) break;
    for (const fd of list(`/proc/${pid}/fd`)) {
      const inode = Number(/^socket:\[(\d+)\]$/.exec(target(`/proc/${pid}/fd/${fd}`))?.[1]);
      if (inodes.has(inode) && !owners.has(inode)) owners.set(inode, Number(pid));
    }
  }
  return owners;
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // Gone meanwhile.
  }
}

function target(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
