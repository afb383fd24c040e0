import { LINE_BYTES } from './clean-text.ts';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export interface SplitLines {
  /** Without their line ends, as views of the buffer. */
  readonly lines: readonly Uint8Array[];
  /** Bytes that need not be seen again. */
  readonly consumed: number;
  /** Whether `consumed` ends within a line of which the rest is not wanted. */
  readonly midLine: boolean;
}

/**
 * Takes whole lines from the start of `bytes`, at most `maxLines`; what follows the last line end stays for
 * the next time. Of a line longer than `LINE_BYTES` the start is given and the rest passed over. NULs before
 * a line (a file emptied under a writer that does not append has them by the gigabyte) are passed over too.
 */
export function splitLines(bytes: Uint8Array, midLine: boolean, maxLines: number): SplitLines {
  const lines: Uint8Array[] = [];
  let position = 0;
  let isMidLine = midLine;
  while (position < bytes.length && lines.length < maxLines) {
    if (!isMidLine) while (position < bytes.length && bytes[position] === 0) position += 1;
    const end = bytes.indexOf(NEWLINE, position);
    if (isMidLine) {
      if (end < 0) return { lines, consumed: bytes.length, midLine: true };
      position = end + 1;
      isMidLine = false;
      continue;
    }
    const length = (end < 0 ? bytes.length : end) - position;
    if (length > LINE_BYTES) {
      lines.push(bytes.subarray(position, position + LINE_BYTES));
      position += LINE_BYTES;
      isMidLine = true;
      continue;
    }
    if (end < 0) break;
    const trimmed = end > position && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    if (trimmed > position) lines.push(bytes.subarray(position, trimmed));
    position = end + 1;
  }
  return { lines, consumed: position, midLine: isMidLine };
}

/** How many line ends there are. */
export function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
