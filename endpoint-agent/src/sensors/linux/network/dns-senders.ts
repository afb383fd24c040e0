/** How the process of a query was found. */
export type SenderFound = { readonly pid: number; readonly by: 'port' | 'time' };

interface Sender {
  readonly pid: number;
  readonly ip: string;
  readonly port?: number;
  /** Milliseconds since boot. */
  readonly at: number;
}

const KEPT_MS = 10_000;
const MAX_KEPT = 1_024;
/** A query follows the call that names its server within this time, unless the socket is kept for longer. */
const SAME_TIME_MS = 100;

/**
 * Who sent to which name server when, as audit tells it, so that a query seen on the wire gets its process: by
 * the local port where the socket could still be asked, else when only one process turned to that server at
 * the time.
 */
export class DnsSenders {
  #senders: Sender[] = [];

  note(pid: number, ip: string, port: number | undefined, at: number): void {
    this.#senders.push({ pid, ip, at, ...(port === undefined ? {} : { port }) });
    if (this.#senders.length > MAX_KEPT) this.#senders.splice(0, MAX_KEPT / 2);
  }

  find(ip: string, port: number, at: number): SenderFound | undefined {
    const kept = this.#senders.findIndex((sender) => at - sender.at <= KEPT_MS);
    this.#senders.splice(0, kept === -1 ? this.#senders.length : kept);
    const byPort = this.#senders.findLast((sender) => sender.port === port && sender.ip === ip);
    if (byPort) return { pid: byPort.pid, by: 'port' };
    const near = this.#senders.filter((sender) => sender.ip === ip && Math.abs(at - sender.at) <= SAME_TIME_MS);
    const pids = new Set(near.filter((sender) => sender.port === undefined).map(({ pid }) => pid));
    const [pid] = pids;
    return pids.size === 1 && pid !== undefined ? { pid, by: 'time' } : undefined;
  }
}
