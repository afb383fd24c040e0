/**
 * Audit records as the kernel writes them: `audit(SECONDS.MILLIS:SERIAL): name=value name="text" name=HEX`.
 * A value that could be misread (space, quote, control, non-ASCII) is written in upper-case hexadecimal
 * without quotes, so that neither a space nor a quote can be smuggled into a record.
 */
export interface RecordHead {
  /** Identifies the event that several records belong to; unique until the next boot. */
  readonly serial: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Where the fields begin in the text. */
  readonly bodyAt: number;
}

const HEAD = /^audit\((\d{1,12})\.(\d{3}):(\d{1,10})\): ?/;

/** Undefined when the text is no audit record. */
export function parseHead(text: string): RecordHead | undefined {
  const match = HEAD.exec(text);
  if (!match) return undefined;
  return { serial: Number(match[3]), time: Number(match[1]) * 1000 + Number(match[2]), bodyAt: match[0].length };
}

/** The `uid` of a SYSCALL or URINGOP record, without looking at its other fields: only numbers stand before it. */
export function uidOf(text: string, from: number): number | undefined {
  const at = text.indexOf(' uid=', from);
  const uid = at < 0 ? Number.NaN : Number.parseInt(text.slice(at + 5, at + 16), 10);
  return Number.isNaN(uid) ? undefined : uid;
}

export type RecordFields = ReadonlyMap<string, string>;

/** Raw values by name; the first of two equal names stands, since what follows may be quoted from elsewhere. */
export function parseFields(text: string, from: number): RecordFields {
  const fields = new Map<string, string>();
  for (const [name, value] of fieldsOf(text, from)) if (!fields.has(name)) fields.set(name, value);
  return fields;
}

/** Name and raw value of each field, in order. Pieces without `=` are skipped. */
export function* fieldsOf(text: string, from: number): Generator<readonly [string, string]> {
  let at = from;
  while (at < text.length) {
    const space = text.indexOf(' ', at);
    const end = space === -1 ? text.length : space;
    const equals = text.indexOf('=', at);
    if (equals > at && equals < end) yield [text.slice(at, equals), text.slice(equals + 1, trimEnd(text, equals, end))];
    at = end + 1;
  }
}

/** Some kernels end a record with a newline or a NUL. */
function trimEnd(text: string, from: number, end: number): number {
  let at = end;
  while (at > from + 1 && text.charCodeAt(at - 1) <= 0x20) at -= 1;
  return at;
}

/** The bytes of an untrusted string: quoted, or hexadecimal. Undefined for `(null)` and what is neither. */
export function stringBytes(raw: string | undefined): Buffer | undefined {
  if (raw === undefined || raw === '(null)' || raw === '(none)' || raw === '') return undefined;
  if (raw.startsWith('"')) return Buffer.from(raw.endsWith('"') ? raw.slice(1, -1) : raw.slice(1), 'latin1');
  return isHex(raw) ? Buffer.from(raw, 'hex') : undefined;
}

/** A decimal, optionally negative number. */
export function decimal(raw: string | undefined): number | undefined {
  return raw !== undefined && /^-?\d{1,15}$/.test(raw) ? Number(raw) : undefined;
}

/** A number in hexadecimal, such as `arch` and the arguments `a0` to `a3`; beyond 2^53 it loses precision. */
export function hexadecimal(raw: string | undefined): number | undefined {
  return raw !== undefined && /^[0-9a-f]{1,16}$/i.test(raw) ? Number.parseInt(raw, 16) : undefined;
}

function isHex(raw: string): boolean {
  return raw.length % 2 === 0 && /^[0-9A-F]+$/i.test(raw);
}
