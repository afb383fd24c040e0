import type { Event } from '@yagura/protocol';
import { BoundedMap } from '../../core/bounded-map.ts';
import { maskSecrets } from '../../core/privacy/mask-secrets.ts';
import type { ProcessRecord, ProcessTable } from '../process-table.ts';

/** One process as the history keeps it, also when it is long gone. Times in milliseconds since the epoch. */
export interface HistoryProcess {
  readonly entityId: string;
  readonly parentEntityId?: string;
  readonly pid?: number;
  readonly image?: string;
  /** Without secrets, and cut. */
  readonly commandLine?: string;
  readonly user?: string;
  readonly startedAt?: number;
  readonly endedAt?: number;
}

const MAX_COMMAND_LINE = 2_048;
const MAX_ANCESTORS = 32;
/** Processes known to have a row. Asked again they are written again, which does no harm. */
const KNOWN = 16_384;
const MAX_WAITING = 8_192;

/**
 * What is to be written of processes: of those that started, ended or did something, and of their ancestors,
 * forked ones included, so that every tree hangs together.
 */
export class ProcessRows {
  readonly #table: Pick<ProcessTable, 'get'>;
  readonly #known = new BoundedMap<string, true>(KNOWN);
  #waiting = new Map<string, HistoryProcess>();
  #ended = new Map<string, number>();
  /** Processes that found no place among those that wait to be written. */
  dropped = 0;

  constructor(table: Pick<ProcessTable, 'get'>) {
    this.#table = table;
  }

  /** `event` without secrets. */
  note(event: Event): void {
    const { entityId, parentEntityId } = event;
    if (entityId === undefined) return;
    if (event.logsource.category === 'process_termination') {
      this.#ended.set(entityId, event.time);
      return;
    }
    if (event.logsource.category === 'process_creation') {
      this.#put(fromEvent(entityId, event));
      if (parentEntityId !== undefined) this.#noteChain(parentEntityId);
    } else this.#noteChain(entityId);
  }

  /** What is to be written since the last time. Most processes live shortly: their end stands in their row. */
  take(): { readonly processes: readonly HistoryProcess[]; readonly ended: ReadonlyMap<string, number> } {
    const processes = [...this.#waiting.values()].map((row) => {
      const endedAt = this.#ended.get(row.entityId);
      if (endedAt === undefined) return row;
      this.#ended.delete(row.entityId);
      return { ...row, endedAt };
    });
    const taken = { processes, ended: this.#ended };
    this.#waiting = new Map();
    this.#ended = new Map();
    return taken;
  }

  #noteChain(from: string): void {
    let entityId: string | undefined = from;
    for (let depth = 0; entityId !== undefined && depth < MAX_ANCESTORS && !this.#known.get(entityId); depth += 1) {
      const record = this.#table.get(entityId);
      if (!record) return;
      this.#put(fromRecord(record));
      entityId = record.parentEntityId;
    }
  }

  #put(row: HistoryProcess): void {
    if (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(row.entityId)) {
      this.dropped += 1;
      return;
    }
    this.#waiting.set(row.entityId, row);
    this.#known.set(row.entityId, true);
  }
}

function fromEvent(entityId: string, { parentEntityId, time, fields }: Event): HistoryProcess {
  const { ProcessId, Image, CommandLine, User } = fields;
  return {
    entityId,
    startedAt: time,
    ...(parentEntityId === undefined ? {} : { parentEntityId }),
    ...(typeof ProcessId === 'number' ? { pid: ProcessId } : {}),
    ...(typeof Image === 'string' ? { image: Image } : {}),
    ...(typeof CommandLine === 'string' ? { commandLine: CommandLine.slice(0, MAX_COMMAND_LINE) } : {}),
    ...(typeof User === 'string' ? { user: User } : {}),
  };
}

function fromRecord(record: ProcessRecord): HistoryProcess {
  const { entityId, parentEntityId, pid, image, commandLine, user, startedAt, endedAt } = record;
  return {
    entityId,
    pid,
    ...(parentEntityId === undefined ? {} : { parentEntityId }),
    ...(image === undefined ? {} : { image }),
    ...(commandLine === undefined ? {} : { commandLine: maskSecrets(commandLine).slice(0, MAX_COMMAND_LINE) }),
    ...(user === undefined ? {} : { user }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
  };
}
