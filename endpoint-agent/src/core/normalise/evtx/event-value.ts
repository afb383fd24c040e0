import { type ByteCursor, decodeUtf16 } from './byte-cursor.ts';

export type EventValue = string | number | boolean | readonly (string | number | boolean)[];

/** Type of a value that is itself binary XML. */
export const BINARY_XML_TYPE = 0x21;
const ARRAY = 0x80;
/** Bytes of one element of an array, for the types that Windows puts into arrays. */
const ELEMENT_BYTES: ReadonlyMap<number, number> = new Map([
  [3, 1],
  [4, 1],
  [5, 2],
  [6, 2],
  [7, 4],
  [8, 4],
  [9, 8],
  [10, 8],
  [11, 4],
  [12, 8],
  [13, 4],
  [15, 16],
  [17, 8],
  [18, 16],
  [20, 4],
  [21, 8],
]);
/** 100-nanosecond intervals between 1601 and 1970. */
const FILETIME_EPOCH = 116_444_736_000_000_000n;

/**
 * Reads a substitution value of the given type and size; undefined for null and for types that cannot be text.
 * Numbers beyond 2^53 are given as text.
 */
export function readEventValue(cursor: ByteCursor, type: number, size: number): EventValue | undefined {
  const end = cursor.position + size;
  const value = type & ARRAY ? readArray(cursor, type & ~ARRAY, size) : readScalar(cursor, type, size);
  cursor.position = end;
  return value;
}

function readArray(cursor: ByteCursor, type: number, size: number): EventValue | undefined {
  if (type === 1) {
    const texts = cursor.utf16(size >> 1).split('\0');
    if (texts.at(-1) === '') texts.pop();
    return texts;
  }
  const bytes = ELEMENT_BYTES.get(type);
  if (bytes === undefined) return undefined;
  const values: (string | number | boolean)[] = [];
  for (let left = size; left >= bytes; left -= bytes) {
    const value = readScalar(cursor, type, bytes);
    if (value !== undefined) values.push(value);
  }
  return values;
}

function readScalar(cursor: ByteCursor, type: number, size: number): string | number | boolean | undefined {
  switch (type) {
    case 1:
      return cursor.utf16(size >> 1).replace(/\0+$/, '');
    case 2:
      return String.fromCharCode(...cursor.bytes(size)).replace(/\0+$/, '');
    case 3:
      return (cursor.u8() << 24) >> 24;
    case 4:
      return cursor.u8();
    case 5:
      return (cursor.u16() << 16) >> 16;
    case 6:
      return cursor.u16();
    case 7:
      return cursor.u32() | 0;
    case 8:
      return cursor.u32();
    case 9:
      return exact(BigInt.asIntN(64, cursor.u64()));
    case 10:
      return exact(cursor.u64());
    case 11:
    case 12:
      return readFloat(cursor.bytes(size));
    case 13:
      return cursor.u32() !== 0;
    case 14:
      return hex(cursor.bytes(size)).toUpperCase();
    case 15:
      return guidText(cursor);
    case 16:
    case 20:
    case 21:
      return `0x${(size === 4 ? BigInt(cursor.u32()) : cursor.u64()).toString(16)}`;
    case 17:
      return filetimeText(cursor.u64());
    case 18:
      return systemTimeText(cursor);
    case 19:
      return sidText(cursor, size);
    default:
      return undefined;
  }
}

function exact(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function readFloat(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength === 4) return view.getFloat32(0, true);
  return bytes.byteLength === 8 ? view.getFloat64(0, true) : undefined;
}

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Without braces, in capitals. */
export function guidText(cursor: ByteCursor): string {
  const head = [cursor.u32().toString(16).padStart(8, '0')];
  for (let i = 0; i < 2; i += 1) head.push(cursor.u16().toString(16).padStart(4, '0'));
  const tail = hex(cursor.bytes(8));
  return `${head.join('-')}-${tail.slice(0, 4)}-${tail.slice(4)}`.toUpperCase();
}

/** ISO 8601 with microseconds; empty when the time lies outside what a date can say. */
export function filetimeText(filetime: bigint): string {
  const microseconds = (filetime - FILETIME_EPOCH) / 10n;
  const date = new Date(Number(microseconds / 1000n));
  if (Number.isNaN(date.getTime())) return '';
  return `${date.toISOString().slice(0, 19)}.${(((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n).toString().padStart(6, '0')}Z`;
}

function systemTimeText(cursor: ByteCursor): string {
  const [year = 0, month = 0, , day = 0, hour = 0, minute = 0, second = 0, millisecond = 0] = Array.from(
    { length: 8 },
    () => cursor.u16(),
  );
  const digits = (value: number, length: number): string => String(value).padStart(length, '0');
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}T${digits(hour, 2)}:${digits(minute, 2)}:${digits(second, 2)}.${digits(millisecond, 3)}Z`;
}

function sidText(cursor: ByteCursor, size: number): string | undefined {
  if (size < 8) return undefined;
  const revision = cursor.u8();
  const count = cursor.u8();
  const authority = cursor.bytes(6).reduce((sum, byte) => sum * 256 + byte, 0);
  if (size < 8 + count * 4) return undefined;
  const parts = Array.from({ length: count }, () => cursor.u32());
  return ['S', revision, authority, ...parts].join('-');
}

/** Text of a value type that stands in the XML itself. */
export function readInlineText(cursor: ByteCursor): string {
  return decodeUtf16(cursor.bytes(cursor.u16() * 2));
}
