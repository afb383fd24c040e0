import { EVENT_CATEGORIES } from '../event/event.ts';
import { LIMITS } from '../limits.ts';
import { PLATFORMS } from '../vocabulary.ts';
import type { Item } from './batch.ts';

/**
 * The ordinary telemetry item, checked without the schema library: by far the most of what a console
 * receives, at an order of magnitude less CPU (`npm run bench -- encoding`). The schema stays the law:
 * whatever this accepts `Item` accepts, and a fuzz test holds the two together.
 */
const ID = /^[A-Za-z0-9._:-]+$/;
const FIELD_NAME = /^[A-Za-z][A-Za-z0-9_.:-]*$/;
const CATEGORIES: ReadonlySet<unknown> = new Set(EVENT_CATEGORIES);
const PRODUCTS: ReadonlySet<unknown> = new Set(PLATFORMS);
const LATEST_WALL_TIME = 8_640_000_000_000_000;
const LATEST_BOOT_TIME = 1e13;

/** True only for a valid item with an event. False means nothing: ask `Item`. */
export function isTelemetryItem(value: unknown): value is Item {
  if (!isRecord(value)) return false;
  let body: unknown;
  let known = 0;
  for (const key in value) {
    const entry = value[key];
    if (key === 'sequence' ? isWhole(entry, 1, Number.MAX_SAFE_INTEGER) : key === 'spooledAt' && isWallTime(entry))
      known += 1;
    else if (key === 'body') body = entry;
    else return false;
  }
  return known === 2 && isRecord(body) && hasOnlyTypeAndEvent(body) && isEvent(body['event']);
}

function hasOnlyTypeAndEvent(body: Readonly<Record<string, unknown>>): boolean {
  for (const key in body) if (key !== 'type' && key !== 'event') return false;
  return body['type'] === 'event';
}

function isEvent(event: unknown): boolean {
  if (!isRecord(event)) return false;
  let required = 0;
  for (const key in event) {
    const entry = event[key];
    switch (key) {
      case 'eventId':
        required += 1;
        if (!isId(entry)) return false;
        break;
      case 'entityId':
      case 'parentEntityId':
        if (!isId(entry)) return false;
        break;
      case 'time':
        required += 1;
        if (!isWallTime(entry)) return false;
        break;
      case 'bootTime':
        if (typeof entry !== 'number' || !(entry >= 0 && entry <= LATEST_BOOT_TIME)) return false;
        break;
      case 'logsource':
        required += 1;
        if (!isLogSource(entry)) return false;
        break;
      case 'fields':
        required += 1;
        if (!areFields(entry)) return false;
        break;
      default:
        // Also `truncated`, which is rare enough for the schema.
        return false;
    }
  }
  return required === 4;
}

function isLogSource(source: unknown): boolean {
  if (!isRecord(source) || !PRODUCTS.has(source['product'])) return false;
  for (const key in source) {
    const entry = source[key];
    if (key === 'product') continue;
    if (key === 'category' && CATEGORIES.has(entry)) continue;
    if (key === 'service' && typeof entry === 'string' && entry.length > 0 && entry.length <= LIMITS.shortText)
      continue;
    return false;
  }
  return true;
}

function areFields(fields: unknown): boolean {
  if (!isRecord(fields)) return false;
  let count = 0;
  for (const name in fields) {
    count += 1;
    if (name.length > LIMITS.fieldName || !FIELD_NAME.test(name) || name === 'constructor' || name === 'prototype')
      return false;
    const value = fields[name];
    if (
      typeof value === 'string'
        ? value.length > LIMITS.fieldValue
        : typeof value === 'number'
          ? !Number.isFinite(value)
          : typeof value !== 'boolean'
    ) {
      return false;
    }
  }
  return count <= LIMITS.fieldsPerEvent;
}

/** A plain object as JSON makes it: then `for in` sees exactly its own keys, `__proto__` among them. */
function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && value.length <= LIMITS.id && ID.test(value);
}

function isWallTime(value: unknown): boolean {
  return isWhole(value, 0, LATEST_WALL_TIME);
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}
