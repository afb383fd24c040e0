import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { BootTime, Id, Platform, WallTime } from '../vocabulary.ts';

/**
 * Sigma's categories that a sensor of ours can fill. The names are Sigma's (`logsource.category`), since
 * rules are dispatched by them; `file_access` is used for reads of watched files on every system, and
 * `authentication` (OCSF's class of that name) for logons, logoffs and rights taken, as logs tell of them.
 */
export const EVENT_CATEGORIES = [
  'process_creation',
  'process_termination',
  'process_access',
  'process_tampering',
  'network_connection',
  'dns_query',
  'file_event',
  'file_change',
  'file_rename',
  'file_delete',
  'file_access',
  'driver_load',
  'persistence',
  'authentication',
  'webserver',
] as const;
export const EventCategory = z.enum(EVENT_CATEGORIES);
export type EventCategory = z.infer<typeof EventCategory>;

/** Where an event comes from, in Sigma's terms; rules are dispatched by exactly this. */
export const LogSource = z.strictObject({
  product: Platform,
  category: EventCategory.optional(),
  service: z.string().min(1).max(LIMITS.shortText).optional(),
});
export type LogSource = z.infer<typeof LogSource>;

export const FieldValue = z.union([z.string().max(LIMITS.fieldValue), z.number(), z.boolean()]);
export type FieldValue = z.infer<typeof FieldValue>;

/**
 * Field names of Sigma's taxonomy (`Image`, `CommandLine`, `TargetFilename` ...). An unknown value is
 * absent, never an empty string or a sentinel. `__proto__` and its like cannot be field names.
 */
const FieldName = z
  .string()
  .min(1)
  .max(LIMITS.fieldName)
  .regex(/^[A-Za-z][A-Za-z0-9_.:-]*$/)
  .refine((name) => name !== 'constructor' && name !== 'prototype', 'reserved name');

/** `z.record` passes over an own `__proto__` in silence, so it is refused before. */
const NoPrototypeKey = z.transform((input: unknown, context) => {
  if (typeof input === 'object' && input !== null && Object.hasOwn(input, '__proto__')) {
    context.issues.push({ code: 'custom', input, message: 'reserved name' });
  }
  return input;
});

export const EventFields = NoPrototypeKey.pipe(
  z
    .record(FieldName, FieldValue)
    .refine((fields) => Object.keys(fields).length <= LIMITS.fieldsPerEvent, 'too many fields'),
);
export type EventFields = z.infer<typeof EventFields>;

/** One thing that happened on the endpoint, normalised. */
export const Event = z.strictObject({
  /** Unique on this endpoint. */
  eventId: Id,
  logsource: LogSource,
  /** The endpoint's wall clock when the sensor saw it. */
  time: WallTime,
  bootTime: BootTime.optional(),
  /** The acting process in the agent's process table: for process_creation, the process that started. */
  entityId: Id.optional(),
  parentEntityId: Id.optional(),
  fields: EventFields,
  /** Names of fields that were shortened to fit `LIMITS.fieldValue`. */
  truncated: z.array(z.string().max(LIMITS.fieldName)).max(LIMITS.fieldsPerEvent).optional(),
});
export type Event = z.infer<typeof Event>;
