import {
  EVENT_CATEGORIES,
  type Event,
  type EventCategory,
  type FieldValue,
  LIMITS,
  type LogSource,
  PLATFORMS,
} from '@yagura/protocol';
import type { ProcessFacts, ProcessLookup } from '../process/process-lookup.ts';
import { jsonStringBytes, shorten, shortenToJsonBytes } from '../text/shorten.ts';

/** What a sensor hands over. Only its types are trusted to be honest about themselves, not its contents. */
export interface RawObservation {
  readonly logsource: LogSource;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Milliseconds since boot. */
  readonly bootTime?: number;
  readonly pid?: number;
  readonly parentPid?: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Why an observation is no event. Stable. */
export const NORMALISE_REFUSALS = ['logsource_invalid', 'time_invalid'] as const;
export type NormaliseRefusal = (typeof NORMALISE_REFUSALS)[number];

export type NormaliseResult =
  | {
      readonly ok: true;
      readonly event: Event;
      /** Fields left out: a name that is none, a value of no known type, or no room. Unknown (empty) ones not counted. */
      readonly dropped: number;
    }
  | { readonly ok: false; readonly code: NormaliseRefusal };

export interface Normaliser {
  /**
   * `actor` is the process table's record of the acting process (for process_creation: the one that started);
   * without it the live process with the observation's pid is asked for. Never throws on any content.
   */
  normalise(observation: RawObservation, actor?: ProcessFacts): NormaliseResult;
}

export interface NormaliserOptions {
  /** A new identifier, unique on this endpoint over restarts. */
  readonly newId: () => string;
  readonly processes: Pick<ProcessLookup, 'byPid' | 'get'>;
}

/** Bytes of all fields' values as JSON: one event must always fit into one frame. */
const FIELD_BYTES = Math.floor(LIMITS.frameBytes / 2);
const FIELD_NAME = /^[A-Za-z][A-Za-z0-9_.:-]{0,63}$/;
/** As the protocol's `Id`; a schema for each event would cost more than all the rest. */
const ENTITY_ID = /^[A-Za-z0-9._:-]{1,64}$/;
const RESERVED_NAMES: ReadonlySet<string> = new Set(['constructor', 'prototype']);
const CATEGORIES: ReadonlySet<string> = new Set(EVENT_CATEGORIES);
const PRODUCTS: ReadonlySet<string> = new Set(PLATFORMS);

/** Turns observations into protocol events: within `LIMITS`, completed from the process table. */
export function createNormaliser(options: NormaliserOptions): Normaliser {
  const { newId, processes } = options;
  return {
    normalise(observation, actor) {
      const logsource = checkedLogSource(observation.logsource);
      if (logsource === undefined) return { ok: false, code: 'logsource_invalid' };
      const time = Math.round(observation.time);
      if (!(time >= 0 && time <= 8_640_000_000_000_000)) return { ok: false, code: 'time_invalid' };
      const process = actor ?? (observation.pid === undefined ? undefined : processes.byPid(observation.pid));
      const parent = parentOf(observation, process, processes);
      const fields = new FieldCollector();
      fields.addAll(contextFields(logsource.category, observation, process, parent));
      fields.addAll(observation.fields);
      const { bootTime } = observation;
      const entityId = validId(process?.entityId);
      const parentEntityId = validId(process?.parentEntityId ?? parent?.entityId);
      const event: Event = {
        eventId: newId(),
        logsource,
        time,
        ...(bootTime !== undefined && bootTime >= 0 && bootTime <= 1e13 ? { bootTime } : {}),
        ...(entityId === undefined ? {} : { entityId }),
        ...(parentEntityId === undefined ? {} : { parentEntityId }),
        fields: fields.values,
        ...(fields.truncated.size === 0 ? {} : { truncated: [...fields.truncated] }),
      };
      return { ok: true, event, dropped: fields.dropped };
    },
  };
}

function checkedLogSource(logsource: LogSource): LogSource | undefined {
  const { product, category, service } = logsource;
  if (!PRODUCTS.has(product)) return undefined;
  if (category !== undefined && !CATEGORIES.has(category)) return undefined;
  if (service !== undefined && (service.length === 0 || service.length > LIMITS.shortText)) return undefined;
  return {
    product,
    ...(category === undefined ? {} : { category }),
    ...(service === undefined ? {} : { service }),
  };
}

function parentOf(
  observation: RawObservation,
  process: ProcessFacts | undefined,
  processes: NormaliserOptions['processes'],
): ProcessFacts | undefined {
  if (observation.logsource.category !== 'process_creation') return undefined;
  if (process?.parentEntityId !== undefined) return processes.get(process.parentEntityId);
  const parentPid = observation.parentPid ?? process?.parentPid;
  return parentPid === undefined ? undefined : processes.byPid(parentPid);
}

/** What the process table adds where the sensor does not know it; Sigma's rules ask for these. */
function contextFields(
  category: EventCategory | undefined,
  observation: RawObservation,
  process: ProcessFacts | undefined,
  parent: ProcessFacts | undefined,
): Record<string, unknown> {
  const known = observation.fields;
  const context: Record<string, unknown> = {};
  const add = (name: string, value: FieldValue | undefined): void => {
    if (value !== undefined && isUnknown(known[name])) context[name] = value;
  };
  if (category === 'process_access') {
    add('SourceImage', process?.image);
    add('SourceUser', process?.user);
    return context;
  }
  add('Image', process?.image);
  add('User', process?.user);
  add('ProcessId', process?.pid ?? observation.pid);
  if (category !== 'process_creation') return context;
  add('CommandLine', process?.commandLine);
  add('ParentProcessId', parent?.pid ?? observation.parentPid);
  add('ParentImage', parent?.image);
  add('ParentCommandLine', parent?.commandLine);
  add('ParentUser', parent?.user);
  return context;
}

function isUnknown(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function validId(id: string | undefined): string | undefined {
  return id !== undefined && ENTITY_ID.test(id) ? id : undefined;
}

/** Collects fields within the bounds on names, values, their number and their bytes. */
class FieldCollector {
  readonly values: Record<string, FieldValue> = {};
  readonly truncated = new Set<string>();
  dropped = 0;
  #count = 0;
  #bytesLeft = FIELD_BYTES;

  addAll(fields: Readonly<Record<string, unknown>>): void {
    for (const name of Object.keys(fields)) {
      const value = fields[name];
      if (isUnknown(value)) continue;
      if (!this.#add(name, value)) this.dropped += 1;
    }
  }

  #add(name: string, value: unknown): boolean {
    if (!FIELD_NAME.test(name) || RESERVED_NAMES.has(name)) return false;
    if (this.#count >= LIMITS.fieldsPerEvent) return false;
    if (typeof value === 'string') return this.#addText(name, value);
    if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) {
      return this.#store(name, value, 24);
    }
    return false;
  }

  #addText(name: string, value: string): boolean {
    let text = shorten(value, LIMITS.fieldValue);
    // A lone surrogate is no character; databases would change it silently later.
    if (!text.isWellFormed()) text = text.toWellFormed();
    let bytes = jsonStringBytes(text);
    if (bytes > this.#bytesLeft) {
      text = shortenToJsonBytes(text, this.#bytesLeft);
      bytes = jsonStringBytes(text);
    }
    if (text === '') return false;
    if (text.length < value.length) this.truncated.add(name);
    return this.#store(name, text, bytes);
  }

  #store(name: string, value: FieldValue, bytes: number): boolean {
    if (bytes > this.#bytesLeft) return false;
    this.values[name] = value;
    this.#count += 1;
    this.#bytesLeft -= bytes;
    return true;
  }
}
