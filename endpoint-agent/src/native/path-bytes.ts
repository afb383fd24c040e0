import { isUtf8 } from 'node:buffer';

/**
 * Linux names are bytes; events carry strings. The form used everywhere in the agent:
 *
 * - valid UTF-8 stands as it is, so that rules match what people see;
 * - a byte that is no part of valid UTF-8, and in paths every control character (newline included),
 *   is written `\xNN` with two lower-case hexadecimal digits;
 * - a literal backslash that would read as such an escape is written `\x5c` itself.
 *
 * `decodePath` is the exact inverse of both functions: what a sensor reported is the file that a response opens.
 */
export function encodePath(bytes: Uint8Array): string {
  return encode(bytes, true);
}

/** As `encodePath`, but control characters other than NUL stay: command lines are text of several lines. */
export function encodeText(bytes: Uint8Array): string {
  return encode(bytes, false);
}

/** The bytes that `encodePath` or `encodeText` was given. Strings from elsewhere decode as UTF-8. */
export function decodePath(text: string): Buffer {
  if (!text.includes('\\x')) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  let from = 0;
  for (const match of text.matchAll(ESCAPE)) {
    parts.push(Buffer.from(text.slice(from, match.index), 'utf8'), Buffer.from(match[0].slice(2), 'hex'));
    from = match.index + match[0].length;
  }
  parts.push(Buffer.from(text.slice(from), 'utf8'));
  return Buffer.concat(parts);
}

const ESCAPE = /\\x[0-9a-f]{2}/g;
const LITERAL_ESCAPE = /\\(?=x[0-9a-f]{2})/g;
const CONTROL = /\p{Cc}/gu;

function encode(bytes: Uint8Array, isPath: boolean): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return escapeValid(buffer.toString('utf8'), isPath);
  let out = '';
  let at = 0;
  while (at < buffer.length) {
    const end = validPrefixEnd(buffer, at);
    if (end > at) out += buffer.toString('utf8', at, end);
    if (end < buffer.length) {
      // Marked with a private sentinel until the valid text around it has been escaped.
      out += String.fromCharCode(0xd800 + (buffer[end] ?? 0));
    }
    at = end + 1;
  }
  return escapeValid(out, isPath).replace(INVALID_MARK, (mark) => escapeByte(mark.charCodeAt(0) - 0xd800));
}

// A lone high surrogate of D880-D8FF cannot come out of valid UTF-8, so it can stand for an invalid byte.
const INVALID_MARK = /[\ud880-\ud8ff](?![\udc00-\udfff])/g;

function escapeValid(text: string, isPath: boolean): string {
  const escaped = text.includes('\\x') ? text.replace(LITERAL_ESCAPE, '\\x5c') : text;
  if (!isPath) return escaped.replaceAll('\0', escapeByte(0));
  // The C1 controls are two bytes in UTF-8; each is escaped.
  return escaped.replace(CONTROL, (char) => [...Buffer.from(char)].map(escapeByte).join(''));
}

function escapeByte(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/** The end of the longest run of complete, valid UTF-8 sequences that begins at `from`. */
function validPrefixEnd(buffer: Buffer, from: number): number {
  let at = from;
  while (at < buffer.length) {
    const lead = buffer[at] ?? 0;
    const length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (at + length > buffer.length || !isUtf8(buffer.subarray(at, at + length))) return at;
    at += length;
  }
  return at;
}
