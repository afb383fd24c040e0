import type { EventFields } from '@yagura/protocol';
import type { LiveProcessTable } from '../../../state/create-process-table.ts';
import type { ProcessRecord } from '../../../state/process-table.ts';
import type { Observation } from '../../sensor.ts';
import type { BootTime } from '../capture/boot-time.ts';
import { isGenuine, isGuardedName, isImageOf, serviceOf } from './programs.ts';
import type { LogRecord, LogService, ServiceLine } from './record.ts';
import { interpret } from './sessions/interpret.ts';

export type LogProcesses = Pick<LiveProcessTable, 'at' | 'adopt'>;

export interface Describer {
  /** A line of a shared log; `fileService` is what its file's name says of it. */
  record(record: LogRecord, fileService?: LogService): Observation;
  /** A line of a program's own log. Not linked to a process: a web server's worker serves many. */
  serviceLine(line: ServiceLine): Observation;
}

/** A process may be seen this much later than it started, by the clocks of two sources. */
const CLOCK_SLACK_MS = 1_000;

/** Turns lines into observations: Sigma's log source, the fields that rules read, and the process behind it. */
export function createDescriber(processes: LogProcesses, boot: BootTime): Describer {
  return {
    record(record, fileService) {
      const { program, message, writer, time } = record;
      const isForged = program !== undefined && writer !== undefined && !isGenuine(program, writer);
      const meaning = isForged ? undefined : interpret(program, message);
      const linked = linkedProcess(record);
      const pid = writer?.pid ?? record.pid;
      const service = serviceOf(program, record.facility, fileService);
      const name = writer?.comm ?? program;
      const observation: Observation = {
        logsource: { product: 'linux', service, ...(meaning?.category ? { category: meaning.category } : {}) },
        time,
        bootTime: record.bootTime ?? boot.ofWall(time),
        ...(linked ? { pid: linked.pid } : {}),
        fields: {
          Message: message,
          ...(program === undefined ? {} : { SyslogIdentifier: program }),
          ...(name === undefined ? {} : { ProcessName: name }),
          ...(pid === undefined ? {} : { ProcessId: pid }),
          ...(writer?.exe === undefined ? {} : { Image: writer.exe }),
          ...(isForged ? { IsForged: true } : {}),
          ...withoutEmpty(meaning?.fields ?? {}),
        },
      };
      if (linked) processes.adopt(observation, linked);
      return observation;
    },
    serviceLine: ({ time, service, category, fields }) => ({
      logsource: { product: 'linux', service, ...(category ? { category } : {}) },
      time,
      bootTime: boot.ofWall(time),
      fields: withoutEmpty(fields),
    }),
  };

  /**
   * The process that wrote the line. journald knows it. A file repeats what the writer claimed, so that a
   * forger could point at somebody else's process: it counts only for the programs whose image can be checked.
   */
  function linkedProcess({ program, pid, writer, time, resolution, bootTime }: LogRecord): ProcessRecord | undefined {
    const claimed = writer ? writer.pid : pid;
    if (claimed === undefined || claimed <= 0) return undefined;
    if (writer === undefined && (program === undefined || !isGuardedName(program))) return undefined;
    const latest = time + resolution;
    const found = processes.at(claimed, { time: latest, bootTime: bootTime ?? boot.ofWall(latest) });
    if (found === undefined || (found.startedAt ?? 0) > latest + CLOCK_SLACK_MS) return undefined;
    if (found.endedAt !== undefined && found.endedAt < time - CLOCK_SLACK_MS) return undefined;
    if (writer === undefined && !isImageOf(program ?? '', found.image ?? '')) return undefined;
    return found;
  }
}

function withoutEmpty(fields: EventFields): EventFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}
