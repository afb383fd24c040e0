import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { readFileIfPresent, replaceFileDurably } from '../../../platform/durable-file.ts';
import type { ProcReader } from '../../../state/read-proc.ts';

export interface UnauditedProcessesOptions {
  /** Outlives the agent within one boot. */
  readonly file: string;
  readonly bootId: string;
  readonly processes: ProcReader;
  /** Hundredths of a second since boot, as /proc/PID/stat counts them. */
  readonly uptimeTicks: () => number;
  readonly ownPid: number;
  readonly monotonic: () => number;
}

interface FirstEnabled {
  readonly bootId: string;
  readonly ticks: number;
}

interface Older {
  readonly pid: number;
  readonly startTicks: number;
  readonly name: string;
}

const LOOK_EVERY_MS = 60_000;
const MAX_NAMES = 8;
const KTHREADD = 2;

/**
 * Processes of which audit records nothing, because they were born before it was first switched on in this
 * boot: the kernel gives a process its audit context at birth (`audit_alloc`), and none while audit was never
 * on. Rules that come later change nothing for them; their children are seen. Where the machine boots with
 * `audit=1`, or something else switches audit on early, there are none. If audit was on and off again before
 * the agent first ran, processes are named here that are seen: the kernel does not tell.
 */
export class UnauditedProcesses {
  readonly #options: UnauditedProcessesOptions;
  #older: Older[] | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: UnauditedProcessesOptions) {
    this.#options = options;
  }

  /** Call when audit is off and about to be switched on. Only the first time in a boot counts. */
  noteEnabling(): void {
    const { file, bootId, uptimeTicks } = this.#options;
    if (this.#firstEnabled() !== undefined) return;
    const first: FirstEnabled = { bootId, ticks: uptimeTicks() };
    replaceFileDurably(file, JSON.stringify(first));
    this.#older = undefined;
  }

  /** Those that still run, as a sentence; undefined when there are none. */
  get detail(): string | undefined {
    const now = this.#options.monotonic();
    if (this.#older === undefined || now - this.#lookedAt >= LOOK_EVERY_MS) {
      this.#older = this.#older === undefined ? this.#find() : this.#older.filter((one) => this.#lives(one));
      this.#lookedAt = now;
    }
    const names = [...new Set(this.#older.map(({ name }) => name))];
    if (names.length === 0) return undefined;
    const listed = names.slice(0, MAX_NAMES).join(', ') + (names.length > MAX_NAMES ? ', ...' : '');
    return (
      `Processes that run since before audit was first switched on: ${this.#older.length} (${listed}). The kernel ` +
      'records nothing that they do themselves; what they start is seen. Restart them, or give the kernel audit=1.'
    );
  }

  #find(): Older[] {
    const first = this.#firstEnabled();
    if (first === undefined) return [];
    const { processes, ownPid } = this.#options;
    return processes.list().flatMap((pid) => {
      const facts = processes.read(pid);
      if (!facts || pid === ownPid || pid === KTHREADD || facts.parentPid === KTHREADD) return [];
      if (facts.startTicks > first.ticks) return [];
      return [
        { pid, startTicks: facts.startTicks, name: facts.image === undefined ? `pid ${pid}` : basename(facts.image) },
      ];
    });
  }

  #lives({ pid, startTicks }: Older): boolean {
    return this.#options.processes.read(pid)?.startTicks === startTicks;
  }

  #firstEnabled(): FirstEnabled | undefined {
    const text = readFileIfPresent(this.#options.file);
    if (text === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      return isFirstEnabled(value) && value.bootId === this.#options.bootId ? value : undefined;
    } catch {
      return undefined; // Not JSON: somebody else wrote it. It is written anew.
    }
  }
}

function isFirstEnabled(value: unknown): value is FirstEnabled {
  if (typeof value !== 'object' || value === null) return false;
  const first: Partial<Record<keyof FirstEnabled, unknown>> = value;
  return typeof first.bootId === 'string' && typeof first.ticks === 'number';
}

/** Hundredths of a second since boot, from the first number of /proc/uptime (seconds). */
export function uptimeTicks(): number {
  return Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100);
}
