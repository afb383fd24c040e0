import { globSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { FIELD, LIST_EXIT, LIST_PREPEND, PERM_ATTRIBUTE, PERM_READ, PERM_WRITE } from '../constants.ts';
import { type AuditRule, always } from '../rule.ts';
import { RAW_KEY } from '../rules.ts';
import type { Abi } from '../syscalls.ts';
import type { AuditDemand } from './audit-demand.ts';
import { syscallNumber } from './syscall-names.ts';

/**
 * System calls that are so rare on any machine that each of them may be recorded, when a rule names it. Together
 * they are one rule for each ABI; calls that a machine makes all day (open, mprotect, socket) are not among them.
 */
export const AFFORDABLE_SYSCALLS: readonly string[] = [
  'acct',
  'bpf',
  'chroot',
  'clock_settime',
  'delete_module',
  'kexec_file_load',
  'kexec_load',
  'memfd_create',
  'mknod',
  'mknodat',
  'open_by_handle_at',
  'perf_event_open',
  'personality',
  'pivot_root',
  'process_vm_readv',
  'setdomainname',
  'sethostname',
  'settimeofday',
  'sysinfo',
  'syslog',
  'userfaultfd',
];

/** Sockets are opened all day, those of the kernel's cipher interface hardly ever. */
export const AF_ALG = 38;

/** What tells somebody who has just come in where they are. Reading these is rare; /etc/os-release less so. */
const READ_PATHS = [
  '/sys/class/dmi/id/*',
  '/proc/version',
  '/proc/scsi/scsi',
  '/proc/ide/*/model',
  '/etc/issue',
  '/etc/*version',
  '/etc/*release',
  '/etc/login.defs',
  '/etc/security/pwquality.conf',
];
/** Files that no filesystem reports writes of. */
const WRITE_PATHS = ['/proc/sysrq-trigger', '/proc/sys/kernel/sysrq'];
const MAX_WATCHES = 48;

/** Directories of which distributions and old programs know two names. */
const SECOND_NAMES = ['/var/run', '/var/lock', '/bin', '/sbin', '/lib', '/lib64'];

/** Real name and second name of each that is a link on this machine. */
export function directoryAliases(): readonly (readonly [real: string, alias: string])[] {
  return SECOND_NAMES.flatMap((alias) => {
    try {
      return lstatSync(alias).isSymbolicLink() ? [[realpathSync(alias), alias] as const] : [];
    } catch {
      return []; // Not there: it has no second name.
    }
  });
}

export interface RecordRuleOptions {
  readonly demand: AuditDemand;
  readonly abis: readonly Abi[];
  /** Whether a rule can use the name of this file. */
  readonly wantsPath: (name: string) => boolean;
  /** Calls that came too often and are left out for a while. */
  readonly leftOut: ReadonlySet<string>;
}

/** The kernel rules, beside the sensor's own, that the loaded rules for the raw log need. */
export function recordRules({ demand, abis, wantsPath, leftOut }: RecordRuleOptions): readonly AuditRule[] {
  const named = new Set(demand.syscalls.map((name) => name.toLowerCase()));
  const asked = AFFORDABLE_SYSCALLS.filter((name) => named.has(name) && !leftOut.has(name));
  const calls = abis.flatMap(({ arch }) => {
    const numbersOf = (names: readonly string[]) => names.flatMap((name) => syscallNumber(arch, name) ?? []);
    const rare = numbersOf(asked);
    const socket = named.has('socket') ? numbersOf(['socket']) : [];
    return [
      ...(rare.length > 0 ? [rule(rare, [{ field: FIELD.ARCH, value: arch }])] : []),
      ...(socket.length > 0
        ? [
            rule(socket, [
              { field: FIELD.ARCH, value: arch },
              { field: FIELD.ARG0, value: AF_ALG },
            ]),
          ]
        : []),
    ];
  });
  const watch = (permissions: number) => (path: string) =>
    rule(undefined, [
      { field: FIELD.WATCH, value: path },
      { field: FIELD.PERM, value: permissions },
    ]);
  return [
    ...calls,
    ...present(READ_PATHS, wantsPath).map(watch(PERM_READ)),
    ...present(WRITE_PATHS, wantsPath).map(watch(PERM_WRITE | PERM_ATTRIBUTE)),
  ];
}

/** Optional: a kernel that refuses one of them shows that much less, and is no reason to be degraded. */
function rule(syscalls: readonly number[] | undefined, fields: AuditRule['fields']): AuditRule {
  const rule = always(LIST_EXIT | LIST_PREPEND, syscalls, [...fields, { field: FIELD.KEY, value: RAW_KEY }]);
  return { ...rule, optional: true };
}

function present(patterns: readonly string[], wantsPath: (name: string) => boolean): readonly string[] {
  const paths = patterns.flatMap((pattern) => globSync(pattern)).filter(wantsPath);
  return paths.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true).slice(0, MAX_WATCHES);
}
