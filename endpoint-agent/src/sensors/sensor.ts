import type { EventCategory, EventFields, LogSource, SensorHealth } from '@yagura/protocol';

/**
 * `logsource.service` of events about what somebody did to a sensor itself; `EventType` says what, the acting
 * process is named where the kernel named it.
 */
export const TAMPER_SERVICE = 'sensor_tamper';

/**
 * What a sensor saw, before it is normalised. `pid` is the acting process as the kernel named it;
 * `fields` are named in Sigma's taxonomy already, and what is unknown is absent.
 */
export interface Observation {
  readonly logsource: LogSource;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Milliseconds since boot, where the source has it. */
  readonly bootTime?: number;
  readonly pid?: number;
  /** Set on process_creation: the parent as the kernel named it. */
  readonly parentPid?: number;
  /** Set on process_termination. */
  readonly exitCode?: number;
  readonly fields: EventFields;
  /**
   * Raw records of the same act, for rules about a log as another program would write it: each is evaluated as an
   * event of the service, none is stored. Only what loaded rules ask for.
   */
  readonly records?: { readonly service: string; readonly fields: readonly EventFields[] };
}

/** What a sensor can see when all is well, for `rules coverage` and `docs/coverage.md`. */
export interface SensorDeclaration {
  readonly name: string;
  readonly provides: readonly { readonly category: EventCategory; readonly fields: readonly string[] }[];
  /** Logs, which Sigma names by `service`. */
  readonly services?: readonly {
    readonly service: string;
    readonly category?: EventCategory;
    readonly fields: readonly string[];
    /** Fields that all of these events have, with every value that they can take; an empty text for absent. */
    readonly values?: Readonly<Record<string, readonly string[]>>;
  }[];
}

/** Receives observations in the order in which the sensor saw them. Must not throw; must not block. */
export type Sink = (observations: readonly Observation[]) => void;

/**
 * One source of observations. `start` resolves when the sensor sees events (or has decided that it can
 * see only part: `health` says which) and rejects only on a bug. Aborting the signal stops it; `stopped`
 * resolves when it has put the kernel's state back. Starting twice is a bug.
 */
export interface Sensor {
  readonly declaration: SensorDeclaration;
  start(sink: Sink, signal: AbortSignal): Promise<void>;
  readonly stopped: Promise<void>;
  /** Cheap; may be called at any time. */
  health(): SensorHealth;
}
