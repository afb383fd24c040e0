import { fileCalls } from '../../../native/files.ts';
import { errnoName } from '../../../native/libc.ts';

/** The kernel's own bounds for one file (XATTR_LIST_MAX, XATTR_SIZE_MAX), and ours for all values together. */
const LIST_BYTES = 65_536;
const VALUE_BYTES = 65_536;
const ALL_BYTES = 131_072;

/** Extended attributes, file capabilities and access lists among them: names and values in base64. */
export function readAttributes(fd: number): [string, string][] {
  const calls = fileCalls();
  const list = Buffer.alloc(LIST_BYTES);
  const length = calls.listAttributes(fd, list);
  if (length <= 0) return [];
  const attributes: [string, string][] = [];
  const value = Buffer.alloc(VALUE_BYTES);
  let total = 0;
  for (let from = 0; from < length; ) {
    const end = list.indexOf(0, from);
    const name = list.subarray(from, end < 0 ? length : end);
    from = (end < 0 ? length : end) + 1;
    const size = calls.getAttribute(fd, name, value);
    total += name.length + Math.max(0, size);
    if (size >= 0 && total <= ALL_BYTES) {
      attributes.push([name.toString('base64'), value.toString('base64', 0, size)]);
    }
  }
  return attributes;
}

/** Sets them all; returns a sentence on those that the filesystem would not take. */
export function writeAttributes(fd: number, attributes: readonly (readonly [string, string])[]): string | undefined {
  const refused = attributes.flatMap(([name, value]) => {
    const set = fileCalls().setAttribute(fd, Buffer.from(name, 'base64'), Buffer.from(value, 'base64'));
    return set < 0 ? [`${Buffer.from(name, 'base64').toString('utf8')} (${errnoName(set)})`] : [];
  });
  return refused.length === 0 ? undefined : `extended attributes not restored: ${refused.join(', ').slice(0, 500)}`;
}
