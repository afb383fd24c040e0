import { ACTION_NEVER, FIELD, LIST_EXIT, LIST_PREPEND, LIST_URING, OPERATOR_ANY_BIT, PERM_READ } from './constants.ts';
import { type AuditRule, always, type ListedRule, type RuleField } from './rule.ts';
import { type Abi, numbersOf, SOCKETCALL, type SyscallMeaning } from './syscalls.ts';

/** The keys that mark a rule as ours; exactly the rules that carry one of them are removed. */
export const RULE_KEY = 'yagura';
export const READ_KEY = 'yagura-read';
/** Of the rules that only public rules for the raw log need. */
export const RAW_KEY = 'yagura-raw';
/** Of the rules by which one process's datagrams are passed over for a while. */
export const MUTE_KEY = 'yagura-mute';

/** A file or directory whose reads are reported. */
export interface WatchedPath {
  readonly path: string;
  readonly kind: 'file' | 'directory';
}

const AF_INET = 2;
const AF_INET6 = 10;
const PTRACE_ATTACH = 16;
const PTRACE_SEIZE = 0x4206;
const SIGKILL = 9;
const SIGSTOP = 19;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
export const NEW_NAMESPACES = 0x7e020000;
/** Numbers of `linux/io_uring.h`: SENDMSG, CONNECT, SEND. */
const URING_NETWORK = [9, 16, 26];

const equal = (field: number, value: number): RuleField => ({ field, value });
const succeeded = equal(FIELD.SUCCESS, 1);
const internet = [AF_INET, AF_INET6].map((value) => equal(FIELD.SADDR_FAM, value));

/**
 * Every rule that the audit sensor wants, for both ABIs. They stand before foreign ones: the first match
 * decides, and a foreign `never` would hide what it matches. Rules without a system call's number are
 * evaluated on every system call, so none of ours is.
 *
 * PROCTITLE records, which repeat the command line shortened, are not excluded: a rule of the exclude list
 * matches nothing once it carries a key, and without one it could not be told from somebody else's.
 */
export function sensorRules(abis: readonly Abi[], watched: readonly WatchedPath[]): AuditRule[] {
  return [...abis.flatMap((abi) => [...callRules(abi), ...watchRules(abi, watched)]), ...uringRules()];
}

/** Calls of which every successful one is of interest. */
const WHEN_SUCCESSFUL: readonly SyscallMeaning[] = [
  'exec',
  'accept',
  'listen',
  'load_module',
  'mount',
  'unmount',
  'move_mount',
  'setns',
  'set_capabilities',
];

/**
 * Calls that are asked for in the same way share a rule: every system call of the machine walks the list, and
 * the kernel takes some milliseconds to take one out.
 */
function callRules(abi: Abi): AuditRule[] {
  const rule = (meanings: readonly SyscallMeaning[], ...fields: RuleField[]): AuditRule[] => {
    const syscalls = meanings.flatMap((meaning) => numbersOf(abi, meaning));
    return syscalls.length === 0 ? [] : [ours(LIST_EXIT, syscalls, [equal(FIELD.ARCH, abi.arch), ...fields])];
  };
  return [
    ...rule(WHEN_SUCCESSFUL, succeeded),
    // Only a call that names an address matches: what is written to a connected socket passes.
    ...internet.flatMap((family) => rule(['connect', 'send', 'socketcall'], family)),
    ...[SOCKETCALL.accept, SOCKETCALL.accept4, SOCKETCALL.listen].flatMap((call) =>
      rule(['socketcall'], equal(FIELD.ARG0, call), succeeded),
    ),
    ...[PTRACE_ATTACH, PTRACE_SEIZE].flatMap((request) => rule(['ptrace'], equal(FIELD.ARG0, request))),
    ...rule(['write_memory']),
    ...[SIGKILL, SIGSTOP].flatMap((signal) => [
      ...rule(['signal'], equal(FIELD.ARG1, signal), succeeded),
      ...rule(['signal_thread'], equal(FIELD.ARG2, signal), succeeded),
    ]),
    ...rule(['unshare', 'clone'], succeeded, anyOf(FIELD.ARG0, NEW_NAMESPACES)),
    ...rule(['set_user'], succeeded, equal(FIELD.ARG0, 0)),
    ...rule(['set_user_effective'], succeeded, equal(FIELD.ARG1, 0)),
  ];
}

function watchRules(abi: Abi, watched: readonly WatchedPath[]): AuditRule[] {
  return watched.map(({ path, kind }) =>
    always(LIST_EXIT | LIST_PREPEND, numbersOf(abi, 'open'), [
      equal(FIELD.ARCH, abi.arch),
      { field: kind === 'file' ? FIELD.WATCH : FIELD.DIR, value: path },
      equal(FIELD.PERM, PERM_READ),
      { field: FIELD.KEY, value: READ_KEY },
    ]),
  );
}

/** What is asked of the kernel through a ring passes no system call of its own. Linux 5.16. */
function uringRules(): AuditRule[] {
  return internet.map((family) => ({ ...ours(LIST_URING, URING_NETWORK, [family]), optional: true }));
}

function ours(list: number, syscalls: readonly number[], fields: readonly RuleField[]): AuditRule {
  return always(list | LIST_PREPEND, syscalls, [...fields, { field: FIELD.KEY, value: RULE_KEY }]);
}

function anyOf(field: number, value: number): RuleField {
  return { field, value, operator: OPERATOR_ANY_BIT };
}

/**
 * Passes over what one process sends to addresses and the connections it takes: a server that answers
 * thousands of datagrams a second is known after the first hundreds, and each record costs it time.
 */
export function muteRules(abis: readonly Abi[], pid: number): AuditRule[] {
  return abis.flatMap((abi) => {
    const syscalls = [...numbersOf(abi, 'send'), ...numbersOf(abi, 'accept')];
    const fields = [equal(FIELD.ARCH, abi.arch), equal(FIELD.PID, pid), { field: FIELD.KEY, value: MUTE_KEY }];
    return syscalls.length === 0
      ? []
      : [{ list: LIST_EXIT | LIST_PREPEND, action: ACTION_NEVER, syscalls, fields } satisfies AuditRule];
  });
}

const OUR_KEYS: ReadonlySet<string> = new Set([RULE_KEY, READ_KEY, RAW_KEY, MUTE_KEY]);

export function isOurKey(key: string): boolean {
  return OUR_KEYS.has(key);
}

export function isOurs(rule: ListedRule): boolean {
  return rule.key !== undefined && isOurKey(rule.key);
}

/** One of those that come and go with the rules that are loaded. */
export function isRaw(rule: ListedRule): boolean {
  return rule.key === RAW_KEY;
}

export function isMute(rule: ListedRule): boolean {
  return rule.key === MUTE_KEY;
}
