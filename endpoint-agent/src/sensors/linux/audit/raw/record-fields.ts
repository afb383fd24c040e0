import { posix } from 'node:path';
import { encodePath, encodeText } from '../../../../native/path-bytes.ts';
import type { ArgumentVector } from '../arguments.ts';
import type { Fields } from '../fields.ts';
import { type RecordFields, stringBytes } from '../record.ts';

/** The fields of a record that are wanted; `any` for all. */
export type WantedFields = readonly string[] | 'any';

/** Of one EXECVE record: arguments beyond these are in `CommandLine` only. */
const MAX_ARGUMENTS = 64;
const MAX_ARGUMENT_CHARS = 4_096;
const MAX_COMMAND_LINE_CHARS = 16_384;
const MAX_MESSAGE_FIELDS = 48;
const MAX_VALUE_CHARS = 4_096;

/** Strings of somebody else's choosing: quoted, or in hexadecimal. Everything else is written as it is meant. */
const UNTRUSTED: ReadonlySet<string> = new Set(['exe', 'comm', 'key', 'name', 'cwd', 'acct', 'cmd']);
/** No backslash, no empty part and none that begins with a dot. */
const PLAIN_NAME = /^"(?:\/[^"/\\.][^"/\\]*)+"$/;
/** What was typed on a terminal: passwords too. */
const KEYSTROKES = 'data';

export function isWanted(wanted: WantedFields, name: string): boolean {
  return wanted === 'any' || wanted.includes(name);
}

/** `SYSCALL` and `key` are what the caller makes of the call: its name, and the key that its rule stands for. */
export function syscallRecord(
  call: RecordFields,
  made: { readonly name: string | undefined; readonly key: string | undefined },
  wanted: WantedFields,
): Fields {
  const record: Fields = { type: 'SYSCALL' };
  for (const name of wanted === 'any' ? call.keys() : wanted) {
    const value = name === 'key' || name === 'SYSCALL' ? undefined : fieldValue(name, call.get(name));
    if (value !== undefined) record[name] = value;
  }
  if (made.name !== undefined && isWanted(wanted, 'SYSCALL')) record['SYSCALL'] = made.name;
  if (made.key !== undefined && isWanted(wanted, 'key')) record['key'] = made.key;
  return record;
}

/**
 * `a0`, `a1` ... as text. `CommandLine`, which auditd does not write, holds them joined, so that a keyword which
 * goes over two arguments is found.
 */
export function execveRecord(argv: ArgumentVector, wanted: WantedFields): Fields {
  const values = argv.values();
  const record: Fields = { type: 'EXECVE' };
  if (isWanted(wanted, 'argc')) record['argc'] = values.length;
  values.slice(0, MAX_ARGUMENTS).forEach((value, index) => {
    const name = `a${index}`;
    if (isWanted(wanted, name)) record[name] = value.slice(0, MAX_ARGUMENT_CHARS);
  });
  if (isWanted(wanted, 'CommandLine')) record['CommandLine'] = values.join(' ').slice(0, MAX_COMMAND_LINE_CHARS);
  return record;
}

/** `name` is made absolute: auditd writes it as the program gave it, with the directory in a record of its own. */
export function pathRecord(path: RecordFields, name: string, wanted: WantedFields): Fields {
  const record: Fields = { type: 'PATH', name };
  for (const field of wanted === 'any' ? path.keys() : wanted) {
    const value = field === 'name' ? undefined : fieldValue(field, path.get(field));
    if (value !== undefined) record[field] = value;
  }
  return record;
}

/** The absolute name of a PATH record; undefined when the kernel wrote none. */
export function absoluteName(path: RecordFields, cwd: RecordFields | undefined): string | undefined {
  const written = path.get('name');
  // Nearly all: absolute, in plain letters, nothing to put right.
  if (written !== undefined && PLAIN_NAME.test(written)) return written.slice(1, -1);
  const bytes = stringBytes(written);
  if (!bytes) return undefined;
  const name = encodePath(bytes);
  if (name.startsWith('/')) return posix.normalize(name);
  const directory = stringBytes(cwd?.get('cwd'));
  return directory && posix.normalize(`${encodePath(directory)}/${name}`);
}

/**
 * A message of a program: what the kernel says of the sender, then what is between `msg='` and the last quote.
 * The kernel's own fields stand, whatever the program says. Words without `=` belong to the value before them
 * (`op=adding user`).
 */
export function messageRecord(type: string, text: string, from: number): Fields {
  const record: Fields = { type };
  const at = text.indexOf("msg='", from);
  add(record, at === -1 ? text.slice(from) : text.slice(from, at));
  if (at === -1) return record;
  const end = text.lastIndexOf("'");
  add(record, text.slice(at + "msg='".length, end > at + 4 ? end : undefined));
  return record;
}

function add(record: Fields, text: string): void {
  const raw: [string, string][] = [];
  for (const word of wordsOf(text)) {
    const equals = word.indexOf('=');
    const last = raw.at(-1);
    if (equals > 0) raw.push([word.slice(0, equals), word.slice(equals + 1)]);
    else if (last) last[1] = `${last[1]} ${word}`;
    if (raw.length >= MAX_MESSAGE_FIELDS) break;
  }
  for (const [name, written] of raw) {
    const value = name === KEYSTROKES ? undefined : fieldValue(name, written);
    if (value !== undefined && !Object.hasOwn(record, name)) record[name] = value;
  }
}

/** A quoted value may hold spaces. */
function wordsOf(text: string): readonly string[] {
  return text.match(/[^\s="]+="[^"]*"|\S+/g) ?? [];
}

/** Absent for what the kernel or a program wrote as unknown. */
function fieldValue(name: string, raw: string | undefined): string | undefined {
  if (raw === undefined || raw === '' || raw === '?' || raw === '(null)') return undefined;
  if (raw.startsWith('"')) return encodeText(stringBytes(raw) ?? Buffer.alloc(0)).slice(0, MAX_VALUE_CHARS);
  const bytes = UNTRUSTED.has(name) ? stringBytes(raw) : undefined;
  return (bytes ? encodeText(bytes) : encodeText(Buffer.from(raw, 'latin1'))).slice(0, MAX_VALUE_CHARS);
}
