import type { EventFields } from '@yagura/protocol';
import type { Observation } from '../../../sensor.ts';
import type { AuditEvent } from '../event-assembler.ts';
import { decimal, hexadecimal, parseHead, type RecordFields, stringBytes } from '../record.ts';
import { isOurKey } from '../rules.ts';
import { type AuditDemand, NO_DEMAND } from './audit-demand.ts';
import { messageTypeName } from './message-types.ts';
import { type NameFilter, nameFilter } from './name-filter.ts';
import { absoluteName, execveRecord, messageRecord, pathRecord, syscallRecord } from './record-fields.ts';
import { syscallName } from './syscall-names.ts';
import { wellKnownKey } from './well-known-keys.ts';

/** A record of a program's own, with what the pipeline needs to know of it. */
export interface AuditMessage {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly pid?: number;
  readonly record: EventFields;
}

/** Calls that come by the thousand and of which no rule can make anything: who sends and who takes. */
const TOO_MANY: ReadonlySet<string> = new Set(['sendto', 'sendmsg', 'sendmmsg', 'accept', 'accept4', 'socketcall']);

/**
 * Makes the records of Sigma's `auditd` log source from what the sensors see, as auditd would write them, and only
 * those that a loaded rule can use. Pure but for the demand that it holds.
 */
export class RawRecords {
  #demand: AuditDemand = NO_DEMAND;
  #names: NameFilter = nameFilter([], []);
  #syscalls: ReadonlySet<string> = new Set();
  readonly #aliases: readonly (readonly [real: string, alias: string])[];

  /** `aliases`: directories with a second name, such as /run and /var/run. */
  constructor(aliases: readonly (readonly [real: string, alias: string])[]) {
    this.#aliases = aliases;
  }

  set demand(demand: AuditDemand) {
    this.#demand = demand;
    this.#names = nameFilter(demand.names, this.#aliases);
    this.#syscalls = new Set(demand.syscalls);
  }

  get isIdle(): boolean {
    return Object.keys(this.#demand.records).length === 0;
  }

  /** True when a PATH record with this name can be used. */
  wantsPath(name: string): boolean {
    return this.#demand.records['PATH'] !== undefined && this.#names.wants(name);
  }

  /** The records of one event of the kernel's, in their order. */
  of(event: AuditEvent): readonly EventFields[] {
    if (this.isIdle || !event.syscall) return [];
    const { SYSCALL, EXECVE, PATH } = this.#demand.records;
    const records: EventFields[] = [];
    const name = nameOf(event.syscall);
    if (SYSCALL !== undefined && this.#wantsCall(name)) {
      records.push(syscallRecord(event.syscall, { name, key: keyOf(event, event.syscall, name) }, SYSCALL));
    }
    if (EXECVE !== undefined && event.argv) records.push(execveRecord(event.argv, EXECVE));
    if (PATH === undefined) return records;
    for (const path of event.paths) {
      const absolute = absoluteName(path, event.workingDirectory);
      if (absolute !== undefined && this.#names.wants(absolute)) records.push(pathRecord(path, absolute, PATH));
    }
    return records;
  }

  /** What a program wrote into the log; undefined when no rule asks for it. */
  message(type: number, text: string): AuditMessage | undefined {
    const name = messageTypeName(type);
    if (name === undefined || this.#demand.records[name] === undefined) return undefined;
    const head = parseHead(text);
    if (!head) return undefined;
    const record = messageRecord(name, text, head.bodyAt);
    const pid = decimal(typeof record['pid'] === 'string' ? record['pid'] : undefined);
    return { time: head.time, record, ...(pid === undefined || pid <= 0 ? {} : { pid }) };
  }

  /**
   * PATH records of a file that was made, written, renamed or removed. fanotify tells of it, without a rule in the
   * kernel; it knows the file by its real name, the record also has the other one where a rule asks for that.
   */
  ofFile({ logsource: { category }, fields }: Observation): readonly EventFields[] {
    if (this.#demand.records['PATH'] === undefined) return [];
    const { TargetFilename: target, SourceFilename: source, Operation: operation } = fields;
    const records: EventFields[] = [];
    const add = (path: unknown, nametype: string): void => {
      if (typeof path !== 'string') return;
      for (const name of this.#names.wantedOf(path)) records.push({ type: 'PATH', name, nametype });
    };
    if (category === 'file_event') {
      add(target, typeof operation === 'string' && operation.startsWith('create') ? 'CREATE' : 'NORMAL');
    } else if (category === 'file_rename') {
      add(source, 'DELETE');
      add(target, 'CREATE');
    } else if (category === 'file_change') {
      // Owner and mode, which a watch of auditd's (`-p wa`) tells of as well.
      add(target, 'NORMAL');
    } else if (category === 'file_delete') {
      add(target, 'DELETE');
    }
    return records;
  }

  #wantsCall(name: string | undefined): boolean {
    if (name !== undefined && this.#syscalls.has(name)) return true;
    return this.#demand.anySyscall && (name === undefined || !TOO_MANY.has(name));
  }
}

function nameOf(call: RecordFields): string | undefined {
  return syscallName(hexadecimal(call.get('arch')) ?? 0, decimal(call.get('syscall')) ?? -1);
}

/** Somebody else's key as it is; in place of ours the one that the well-known configuration would have given. */
function keyOf(event: AuditEvent, call: RecordFields, name: string | undefined): string | undefined {
  const written = stringBytes(call.get('key'))?.toString('utf8');
  if (written !== undefined && !isOurKey(written)) return written;
  const first = event.paths.find((path) => path.get('item') === '0');
  return wellKnownKey({
    syscall: name,
    succeeded: call.get('success') === 'yes',
    a2: call.get('a2'),
    programs: [stringBytes(call.get('exe'))?.toString('utf8'), first && absoluteName(first, event.workingDirectory)],
  });
}
