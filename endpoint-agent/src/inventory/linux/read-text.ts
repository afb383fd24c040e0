import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { encodePath, encodeText } from '../../native/path-bytes.ts';

const DEFAULT_BYTES = 1_048_576;

/** The text of a file, at most `limit` bytes of it; empty when it is not there or not ours to read. */
export function readText(path: string, limit = DEFAULT_BYTES): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const parts: Buffer[] = [];
    let left = limit;
    while (left > 0) {
      const part = Buffer.allocUnsafe(Math.min(left, 65_536));
      const length = readSync(fd, part);
      if (length === 0) break;
      parts.push(part.subarray(0, length));
      left -= length;
    }
    return encodeText(Buffer.concat(parts));
  } catch {
    return ''; // Some files of /sys answer with an error instead of a value.
  } finally {
    closeSync(fd);
  }
}

/** One value of /sys or /proc: without the line feed at its end; undefined when empty. */
export function readValue(path: string): string | undefined {
  return readText(path, 4_096).trim() || undefined;
}

export function readNumber(path: string): number | undefined {
  const value = readValue(path);
  return value !== undefined && /^-?\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** Names in a directory, in order; none when it is not there. */
export function namesIn(path: string): string[] {
  try {
    return readdirSync(path, { encoding: 'buffer' }).map(encodePath).sort();
  } catch {
    return [];
  }
}

/** The last component of what a link points to. */
export function linkName(path: string): string | undefined {
  try {
    return readlinkSync(path).split('/').at(-1);
  } catch {
    return undefined;
  }
}
