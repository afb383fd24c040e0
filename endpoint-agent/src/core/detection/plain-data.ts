/** Checks of values that come from JSON. Core has no schema library; the protocol's schemas are for the wire. */
export type PlainRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is PlainRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A record with these keys and at most those. */
export function hasKeys(
  value: unknown,
  required: readonly string[],
  optional: readonly string[] = [],
): value is PlainRecord {
  if (!isRecord(value)) return false;
  const keys = Object.keys(value);
  return (
    required.every((key) => Object.hasOwn(value, key)) &&
    keys.every((key) => required.includes(key) || optional.includes(key))
  );
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

export function isIntegerFrom(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

export function isListOf<T>(value: unknown, most: number, check: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.length <= most && value.every(check);
}

/** The value is absent, or passes. */
export function isOptional(value: unknown, check: (value: unknown) => boolean): boolean {
  return value === undefined || check(value);
}
