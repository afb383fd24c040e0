import type { SourceName } from './source.ts';

/** What one canary shows: that this kind of act still reaches its sensor. */
export const CANARY_KINDS = ['exec', 'connect', 'exit', 'write'] as const;
export type CanaryKind = (typeof CANARY_KINDS)[number];

const SEEN_BY: Readonly<Record<CanaryKind, SourceName>> = {
  exec: 'linux-audit',
  connect: 'linux-audit',
  exit: 'linux-processes',
  write: 'linux-files',
};

/** The harmless acts themselves. False or undefined when the act could not be done: then it proves nothing. */
export interface CanaryActs {
  /**
   * Starts a program that names this peer to a datagram socket, which sends nothing, and ends at once; the mark
   * is its last argument. Not the agent itself: the kernel records nothing of the process that reads audit.
   */
  run(mark: string, ip: string, port: number): { readonly pid: number; readonly connects: boolean } | undefined;
  /** Creates, writes and removes a file of this name in the agent's directory. */
  write(name: string): boolean;
}

/**
 * What the sensors ask of everything that they see of the agent itself: was it a canary? Then it is never
 * handed on. Nobody else can pass for one: the process has to be the agent, or the child that it just started.
 */
export interface CanaryClaims {
  exec(pid: number | undefined, parentPid: number | undefined, commandLine: unknown): boolean;
  fork(pid: number, parentPid: number): boolean;
  exit(pid: number): boolean;
  connect(pid: number | undefined, ip: unknown, port: unknown): boolean;
  write(pid: number, name: string): boolean;
}

export interface CanaryOptions {
  readonly acts: CanaryActs;
  readonly sources: readonly SourceName[];
  readonly ownPid: number;
  readonly monotonic: () => number;
  /** At least zero and below one. */
  readonly random: () => number;
  /** Eight bytes in hexadecimal that nobody can guess. */
  readonly nonce: () => string;
}

/** Between two rounds; with both waits the longest blindness that goes unnoticed is 46 s. */
const EVERY_MS = 22_000;
const JITTER_MS = 8_000;
const FIRST_AFTER_MS = 1_000;
/** How often is tried anew while a sensor is blind. */
const BLIND_EVERY_MS = 5_000;
const ANSWER_WITHIN_MS = 8_000;
const ATTEMPTS = 2;
/** A canary that comes after its round was judged is still no telemetry. */
const REMEMBERED = 8;

interface Canary {
  readonly mark: string;
  readonly ip: string;
  readonly port: number;
  pid: number | undefined;
}

/**
 * Proves each sensor from end to end, about every 26 seconds: does what the sensor should see and waits for
 * it. A kind that does not come twice in a row makes its sensor blind until it comes again.
 */
export class Canaries implements CanaryClaims {
  readonly #options: CanaryOptions;
  readonly #kinds: readonly CanaryKind[];
  readonly #sent: Canary[] = [];
  #outstanding = new Set<CanaryKind>();
  #proving: ReadonlySet<CanaryKind> = new Set();
  #missing: ReadonlySet<CanaryKind> = new Set();
  #attempt = 0;
  #attemptAt = 0;
  #nextAt: number;
  #rounds = 0;

  constructor(options: CanaryOptions) {
    this.#options = options;
    this.#kinds = CANARY_KINDS.filter((kind) => options.sources.includes(SEEN_BY[kind]));
    this.#nextAt = options.monotonic() + FIRST_AFTER_MS;
  }

  /** Kinds of this sensor that did not come; empty while it sees. */
  missing(source: SourceName): CanaryKind[] {
    return [...this.#missing].filter((kind) => SEEN_BY[kind] === source);
  }

  /** Rounds of which everything came. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Call a few times a second. Returns the sensors that have just become blind. */
  tick(): SourceName[] {
    const now = this.#options.monotonic();
    if (this.#attempt === 0) {
      if (now >= this.#nextAt && this.#kinds.length > 0) this.#begin(now, this.#kinds);
      return [];
    }
    if (this.#outstanding.size === 0) {
      this.#rounds += 1;
      this.#conclude(now + EVERY_MS + this.#options.random() * JITTER_MS);
      return [];
    }
    if (now - this.#attemptAt < ANSWER_WITHIN_MS) return [];
    if (this.#attempt < ATTEMPTS) {
      this.#begin(now, [...this.#outstanding]);
      return [];
    }
    const before = this.#missing;
    this.#conclude(now + BLIND_EVERY_MS);
    return [...new Set([...this.#missing].filter((kind) => !before.has(kind)).map((kind) => SEEN_BY[kind]))];
  }

  exec(pid: number | undefined, parentPid: number | undefined, commandLine: unknown): boolean {
    if (pid === undefined || parentPid !== this.#options.ownPid || typeof commandLine !== 'string') return false;
    if (!this.#sent.some((canary) => canary.pid === pid && commandLine.endsWith(canary.mark))) return false;
    return this.#came('exec');
  }

  fork(pid: number, parentPid: number): boolean {
    const canary = this.#sent.find((sent) => sent.pid === pid);
    if (!canary) return false;
    if (parentPid === this.#options.ownPid) return true;
    // The pid belongs to somebody else by now.
    canary.pid = undefined;
    return false;
  }

  exit(pid: number): boolean {
    const canary = this.#sent.find((sent) => sent.pid === pid);
    if (!canary) return false;
    return this.#came('exit');
  }

  connect(pid: number | undefined, ip: unknown, port: unknown): boolean {
    if (pid === undefined) return false;
    const isOurs = this.#sent.some((canary) => canary.pid === pid && canary.ip === ip && canary.port === port);
    return isOurs && this.#came('connect');
  }

  write(pid: number, name: string): boolean {
    if (pid !== this.#options.ownPid) return false;
    return this.#sent.some((canary) => canary.mark === name) && this.#came('write');
  }

  #came(kind: CanaryKind): true {
    this.#outstanding.delete(kind);
    return true;
  }

  #begin(now: number, kinds: readonly CanaryKind[]): void {
    const { acts, nonce } = this.#options;
    const id = nonce();
    const bytes = Buffer.from(id, 'hex');
    const canary: Canary = {
      mark: `yagura-canary-${id}`,
      // An address and a port of the loopback network that nobody else connects to.
      ip: `127.${(bytes[0] ?? 0) | 1}.${bytes[1] ?? 0}.${(bytes[2] ?? 0) | 1}`,
      port: 1 + (bytes.readUInt16BE(3) % 65_535),
      pid: undefined,
    };
    this.#sent.push(canary);
    if (this.#sent.length > REMEMBERED) this.#sent.shift();
    this.#attempt += 1;
    this.#attemptAt = now;
    const proving = new Set<CanaryKind>();
    if (kinds.some((kind) => kind !== 'write')) {
      const running = acts.run(canary.mark, canary.ip, canary.port);
      canary.pid = running?.pid;
      if (running) for (const kind of ['exec', 'exit'] as const) proving.add(kind);
      if (running?.connects) proving.add('connect');
    }
    if (kinds.includes('write') && acts.write(canary.mark)) proving.add('write');
    this.#outstanding = new Set(kinds.filter((kind) => proving.has(kind)));
    this.#proving = this.#attempt === 1 ? proving : this.#proving;
  }

  #conclude(nextAt: number): void {
    // What could not be done this time says nothing new.
    const unproven = [...this.#missing].filter((kind) => !this.#proving.has(kind));
    this.#missing = new Set([...this.#outstanding, ...unproven]);
    this.#outstanding = new Set();
    this.#attempt = 0;
    this.#nextAt = nextAt;
  }
}
