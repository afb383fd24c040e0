import { type WindowsLogSource, windowsLogSource } from './windows-log-source.ts';

/** A Windows event in Sigma's taxonomy. */
export interface WindowsEvent {
  readonly logsource: WindowsLogSource;
  readonly channel: string;
  readonly eventId: number;
  readonly recordId?: number;
  /** Milliseconds since the epoch. */
  readonly time?: number;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

export type WindowsEventResult =
  | { readonly ok: true; readonly event: WindowsEvent }
  | { readonly ok: false; readonly code: 'not_a_windows_event' | 'too_many_fields' };

const FIELDS = 512;
const DEPTH = 6;
/** What the Security log's process events call Sysmon's fields (Sigma rules specification, "Field usage"). */
const PROCESS_AUDIT_FIELDS: ReadonlyMap<string, string> = new Map([
  ['NewProcessName', 'Image'],
  ['ParentProcessName', 'ParentImage'],
  ['NewProcessId', 'ProcessId'],
  ['ProcessId', 'ParentProcessId'],
  ['SubjectLogonId', 'LogonId'],
]);

type Fields = Map<string, string | number | boolean>;

/**
 * Turns one event, as EVTX readers write it in JSON (`Event.System`, `Event.EventData` or `Event.UserData`,
 * attributes under `#attributes`), into fields that Sigma rules name. Pure; never throws, whatever the value.
 */
export function normaliseWindowsEvent(record: unknown): WindowsEventResult {
  const event = member(record, 'Event') ?? record;
  const system = member(event, 'System');
  const channel = textOf(member(system, 'Channel'));
  const eventId = Number(textOf(member(system, 'EventID')));
  if (channel === undefined || !Number.isInteger(eventId)) return { ok: false, code: 'not_a_windows_event' };
  const fields: Fields = new Map();
  readSystem(system, fields);
  readData(member(event, 'EventData'), fields);
  readUserData(member(event, 'UserData'), fields, 0);
  if (fields.size > FIELDS) return { ok: false, code: 'too_many_fields' };
  const logsource = windowsLogSource(channel, eventId, fields.get('EventType'));
  if (logsource.service === 'security' && logsource.category !== undefined) renameProcessFields(fields);
  const recordId = Number(textOf(member(system, 'EventRecordID')));
  const time = Date.parse(textOf(member(member(member(system, 'TimeCreated'), '#attributes'), 'SystemTime')) ?? '');
  return {
    ok: true,
    event: {
      logsource,
      channel,
      eventId,
      ...(Number.isSafeInteger(recordId) ? { recordId } : {}),
      ...(Number.isNaN(time) ? {} : { time }),
      fields: Object.fromEntries(fields),
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own property, so that a key of a hostile record never reaches a prototype. */
function member(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Text of an element, which is a value or an object with `#text`; several texts are lines. */
function textOf(value: unknown): string | undefined {
  const scalar = scalarOf(value);
  return scalar === undefined ? undefined : String(scalar);
}

function scalarOf(value: unknown): string | number | boolean | undefined {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) {
    const lines = value.map((item: unknown) => textOf(item)).filter((line) => line !== undefined);
    return lines.length === 0 ? undefined : lines.join('\n');
  }
  return isRecord(value) && Object.hasOwn(value, '#text') ? scalarOf(value['#text']) : undefined;
}

/** The header: elements by name, their attributes as `Element_Attribute`. */
function readSystem(system: unknown, fields: Fields): void {
  if (!isRecord(system)) return;
  for (const [name, value] of Object.entries(system)) {
    const scalar = scalarOf(value);
    if (scalar !== undefined) fields.set(name, scalar);
    const attributes = member(value, '#attributes');
    if (!isRecord(attributes)) continue;
    for (const [attribute, content] of Object.entries(attributes)) {
      const text = scalarOf(content);
      if (text !== undefined) fields.set(`${name}_${attribute}`, text);
    }
  }
}

/** `EventData`: named values, without the spaces of their names; values without a name are lines of `Data`. */
function readData(data: unknown, fields: Fields): void {
  if (!isRecord(data)) return;
  for (const [name, value] of Object.entries(data)) {
    if (name === '#attributes') continue;
    const scalar = scalarOf(value);
    if (scalar !== undefined) fields.set(name.replaceAll(' ', ''), scalar);
  }
}

/** `UserData`: the innermost elements by name. */
function readUserData(data: unknown, fields: Fields, depth: number): void {
  if (!isRecord(data) || depth > DEPTH) return;
  for (const [name, value] of Object.entries(data)) {
    if (name === '#attributes') continue;
    const scalar = scalarOf(value);
    if (scalar === undefined) readUserData(value, fields, depth + 1);
    else fields.set(name.replaceAll(' ', ''), scalar);
  }
}

function renameProcessFields(fields: Fields): void {
  const renamed = [...fields].map(([name, value]) => [PROCESS_AUDIT_FIELDS.get(name) ?? name, value] as const);
  const originals = [...fields].filter(([name]) => name !== 'ProcessId' && PROCESS_AUDIT_FIELDS.has(name));
  fields.clear();
  for (const [name, value] of [...renamed, ...originals]) fields.set(name, value);
}
