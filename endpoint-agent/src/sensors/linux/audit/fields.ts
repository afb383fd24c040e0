import type { EventCategory, EventFields } from '@yagura/protocol';
import { encodePath } from '../../../native/path-bytes.ts';
import type { AuditObservation } from './observations.ts';
import { stringBytes } from './record.ts';

export type Fields = Record<string, EventFields[string]>;

/** Makes an observation of the event at hand. */
export type Make = (
  logsource: { readonly category?: EventCategory; readonly service?: string },
  fields: Fields,
) => AuditObservation;

/** A field from an untrusted string of a record; absent when the record has none. */
export function text(name: string, raw: string | undefined): Fields {
  const bytes = stringBytes(raw);
  return bytes ? { [name]: encodePath(bytes) } : {};
}

export function optional<T>(name: string, value: T | undefined): Record<string, T> {
  return value === undefined ? {} : { [name]: value };
}
