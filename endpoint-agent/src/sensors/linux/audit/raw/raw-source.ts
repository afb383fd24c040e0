import type { EventFields } from '@yagura/protocol';
import type { Observation } from '../../../sensor.ts';
import type { AuditEvent } from '../event-assembler.ts';
import { decimal } from '../record.ts';
import type { AuditRule } from '../rule.ts';
import type { Abi } from '../syscalls.ts';
import { TalkativeProcesses } from '../talkative-processes.ts';
import { AUDITD_SERVICE, type AuditDemand, NO_DEMAND } from './audit-demand.ts';
import { RawRecords } from './raw-records.ts';
import { AFFORDABLE_SYSCALLS, recordRules } from './record-rules.ts';

/** Observations of nothing but a raw record, per second: they never crowd out what the sensor itself says. */
const MAX_PER_SECOND = 1_000;
/** Of one system call within five seconds, for all processes together. */
const BUSY = { calls: 2_000, windowMs: 5_000, muteMs: 60_000, maxProcesses: 64 };
const AFFORDABLE: ReadonlySet<string> = new Set(AFFORDABLE_SYSCALLS);

export interface RawSourceOptions {
  readonly records: RawRecords;
  readonly abis: readonly Abi[];
  readonly emit: (observation: Observation) => void;
  /** Puts these rules into the kernel in place of the former ones. */
  readonly setRules: (rules: readonly AuditRule[]) => void;
  readonly bootTimeOf: (time: number) => number;
  readonly monotonic: () => number;
}

/** The part of the audit source that serves Sigma rules for the raw log. Idle until one is loaded. */
export class RawSource {
  readonly #options: RawSourceOptions;
  readonly #busy = new TalkativeProcesses<string>(BUSY);
  #demand: AuditDemand = NO_DEMAND;
  #second = 0;
  #inSecond = 0;
  #shed = 0;

  constructor(options: RawSourceOptions) {
    this.#options = options;
  }

  /** Records that were left out since more came than a second may have. */
  get shed(): number {
    return this.#shed;
  }

  /** System calls that are passed over for a minute, since the machine makes them too often. */
  get leftOut(): readonly string[] {
    return this.#busy.muted;
  }

  demand(demand: AuditDemand): void {
    this.#demand = demand;
    this.#options.records.demand = demand;
    this.#refreshRules();
  }

  /** Records to go with the observation that is made of the event; those of an event that is nothing else go alone. */
  of(event: AuditEvent, isObserved: boolean): readonly EventFields[] {
    const { records } = this.#options;
    if (records.isIdle) return [];
    const made = records.of(event);
    if (isObserved) return made;
    this.#noteBusy(made);
    const pid = decimal(event.syscall?.get('pid'));
    for (const record of made) this.#alone(event.time, pid, record);
    return [];
  }

  /** A message that a program wrote into the log. */
  message(type: number, text: string): void {
    if (this.#options.records.isIdle) return;
    const message = this.#options.records.message(type, text);
    if (message) this.#alone(message.time, message.pid, message.record);
  }

  tick(): void {
    if (this.#busy.expire(this.#options.monotonic()).length > 0) this.#refreshRules();
  }

  #alone(time: number, pid: number | undefined, fields: EventFields): void {
    const { monotonic, bootTimeOf, emit } = this.#options;
    const second = Math.floor(monotonic() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    if (this.#inSecond > MAX_PER_SECOND) {
      this.#shed += 1;
      return;
    }
    const bootTime = bootTimeOf(time);
    const logsource = { product: 'linux', service: AUDITD_SERVICE } as const;
    emit({ logsource, time, bootTime, ...(pid === undefined ? {} : { pid }), fields });
  }

  #noteBusy(records: readonly EventFields[]): void {
    for (const { SYSCALL } of records) {
      if (typeof SYSCALL !== 'string' || !AFFORDABLE.has(SYSCALL)) continue;
      if (this.#busy.note(SYSCALL, this.#options.monotonic())) this.#refreshRules();
    }
  }

  #refreshRules(): void {
    const { abis, records, setRules } = this.#options;
    const wantsPath = (name: string): boolean => records.wantsPath(name);
    setRules(recordRules({ demand: this.#demand, abis, wantsPath, leftOut: new Set(this.#busy.muted) }));
  }
}
