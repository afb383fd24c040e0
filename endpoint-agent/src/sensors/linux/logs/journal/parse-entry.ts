import type { LogRecord, Writer } from '../record.ts';
import { cleanText, decodeLine, LINE_BYTES } from '../text/clean-text.ts';

/** One entry as `journalctl -o json` prints it (systemd's JOURNAL_EXPORT_FORMATS, "Journal JSON Format"). */
export interface JournalEntry {
  readonly cursor: string;
  readonly bootId?: string;
  readonly transport?: string;
  readonly record: LogRecord;
}

/** Fields that we ask for; journalctl adds those with two underscores and the boot's id itself. */
export const JOURNAL_FIELDS = [
  'MESSAGE',
  'SYSLOG_IDENTIFIER',
  'SYSLOG_FACILITY',
  '_TRANSPORT',
  '_BOOT_ID',
  '_PID',
  '_UID',
  '_COMM',
  '_EXE',
] as const;

const MAX_NAME = 256;
const NUMBER = /^\d{1,16}$/;

/** An entry without cursor, time or message is none. Never throws on any text. */
export function parseJournalEntry(json: string): JournalEntry | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const fields = new Map<string, unknown>(Object.entries(parsed));
  const cursor = nameOf(fields.get('__CURSOR'), 1_024);
  const time = numberOf(fields.get('__REALTIME_TIMESTAMP'));
  const message = textOf(fields.get('MESSAGE'));
  if (cursor === undefined || time === undefined) return undefined;
  const monotonic = numberOf(fields.get('__MONOTONIC_TIMESTAMP'));
  const bootId = nameOf(fields.get('_BOOT_ID'));
  const transport = nameOf(fields.get('_TRANSPORT'));
  const facility = numberOf(fields.get('SYSLOG_FACILITY'));
  const program = nameOf(fields.get('SYSLOG_IDENTIFIER'));
  const writer = writerOf(fields);
  return {
    cursor,
    ...(bootId === undefined ? {} : { bootId }),
    ...(transport === undefined ? {} : { transport }),
    record: {
      time: Math.floor(time / 1_000),
      resolution: 1,
      ...(monotonic === undefined ? {} : { bootTime: monotonic / 1_000 }),
      ...(program === undefined ? {} : { program }),
      ...(facility === undefined ? {} : { facility }),
      message: message ?? '',
      writer,
    },
  };
}

/** The kernel's own lines have no process. */
function writerOf(fields: ReadonlyMap<string, unknown>): Writer {
  const pid = numberOf(fields.get('_PID'));
  const uid = numberOf(fields.get('_UID'));
  const comm = nameOf(fields.get('_COMM'));
  const exe = nameOf(fields.get('_EXE'), 4_096);
  return {
    ...(pid === undefined ? {} : { pid }),
    ...(uid === undefined ? {} : { uid }),
    ...(comm === undefined ? {} : { comm }),
    ...(exe === undefined ? {} : { exe }),
  };
}

/** Text; bytes that are no UTF-8 as numbers; of several values (a field given twice) the first. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return cleanText(value.slice(0, LINE_BYTES));
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const values: readonly unknown[] = value;
  if (!values.every((item) => typeof item === 'number')) return textOf(values[0]);
  return decodeLine(Uint8Array.from(values.slice(0, LINE_BYTES)));
}

function nameOf(value: unknown, limit = MAX_NAME): string | undefined {
  const text = textOf(value)?.slice(0, limit);
  return text === '' ? undefined : text;
}

function numberOf(value: unknown): number | undefined {
  const text = textOf(value);
  if (text === undefined || !NUMBER.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : undefined;
}
