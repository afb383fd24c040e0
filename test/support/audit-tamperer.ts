/**
 * A process of its own that does to the kernel's audit, or to another process's file marks, what an attacker
 * with root would: `node audit-tamperer.ts ACT [PID]`. Prints the kernel's answer.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { libcSymbols } from '../../endpoint-agent/src/native/libc.ts';
import {
  ACTION_ALWAYS,
  ACTION_NEVER,
  FIELD,
  LIST_EXCLUDE,
  LIST_EXIT,
  LIST_PREPEND,
  LIST_TASK,
  RECORD,
  STATUS_BACKLOG_LIMIT,
  STATUS_ENABLED,
  STATUS_RATE_LIMIT,
} from '../../endpoint-agent/src/sensors/linux/audit/constants.ts';
import { openAuditControl } from '../../endpoint-agent/src/sensors/linux/audit/control.ts';
import { isOurs } from '../../endpoint-agent/src/sensors/linux/audit/rules.ts';

const [act = '', target] = process.argv.slice(2);
const opened = openAuditControl();
if (typeof opened === 'number') throw new Error(`audit: ${opened}`);
const control = opened;

const FAN_MARK_FLUSH_FILESYSTEM = 0x80 | 0x100;
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;

/** Steals the fanotify descriptor of another process and flushes its marks. */
function flushMarks(pid: number): number {
  const lib = libcSymbols();
  const syscall: (number: number, a: number, b: number, c: number) => number = lib.func(
    'long syscall(long number, long a, long b, long c)',
  );
  const mark: (fd: number, flags: number, mask: bigint, directory: number, path: null) => number = lib.func(
    'int fanotify_mark(int fd, uint flags, uint64_t mask, int directory, const void *path)',
  );
  const fd = readdirSync(`/proc/${pid}/fdinfo`).find((name) =>
    readFileSync(`/proc/${pid}/fdinfo/${name}`, 'latin1').includes('fanotify sdev:'),
  );
  if (fd === undefined) return -1;
  const stolen = syscall(SYS_PIDFD_GETFD, syscall(SYS_PIDFD_OPEN, pid, 0, 0), Number(fd), 0);
  return mark(stolen, FAN_MARK_FLUSH_FILESYSTEM, 0n, -100, null);
}

const ACTS: Readonly<Record<string, () => number>> = {
  'delete-rules': () => {
    const rules = control.rules();
    if (typeof rules === 'number') return rules;
    return Math.min(...rules.filter(isOurs).map((rule) => control.deleteRule(rule)));
  },
  disable: () => control.set(STATUS_ENABLED, { enabled: 0 }),
  overrule: () => control.addRule({ list: LIST_EXIT | LIST_PREPEND, action: ACTION_NEVER, fields: [] }),
  'hide-tasks': () => control.addRule({ list: LIST_TASK, action: ACTION_NEVER, fields: [] }),
  exclude: () =>
    control.addRule({
      list: LIST_EXCLUDE,
      action: ACTION_ALWAYS,
      fields: [{ field: FIELD.MSGTYPE, value: RECORD.EXECVE }],
    }),
  weaken: () => control.set(STATUS_BACKLOG_LIMIT, { backlogLimit: 4_000 }),
  'limit-rate': () => control.set(STATUS_RATE_LIMIT, { rateLimit: 1 }),
  'flush-marks': () => flushMarks(Number(target)),
};
const perform = ACTS[act];
if (!perform) throw new Error(`unknown act ${act}`);
process.stdout.write(`${perform()}\n`);
