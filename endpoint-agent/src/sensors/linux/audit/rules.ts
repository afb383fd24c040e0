import { FIELD, LIST_EXIT, LIST_PREPEND, PERM_READ } from './constants.ts';
import { type AuditRule, always, type ListedRule, type RuleField } from './rule.ts';
import { type Abi, numbersOf } from './syscalls.ts';

/** The keys that mark a rule as ours; exactly the rules that carry one of them are removed. */
export const RULE_KEY = 'yagura';
export const READ_KEY = 'yagura-read';

/** A file or directory whose reads are reported. */
export interface WatchedPath {
  readonly path: string;
  readonly kind: 'file' | 'directory';
}

const AF_INET = 2;
const AF_INET6 = 10;
const SYS_CONNECT_OF_SOCKETCALL = 3;
const PTRACE_ATTACH = 16;
const PTRACE_SEIZE = 0x4206;

/**
 * Every rule that the audit sensor wants, for both ABIs. They stand before foreign ones: the first match
 * decides, and a foreign `never` would hide what it matches. Rules without a system call's number are
 * evaluated on every system call, so none of ours is.
 *
 * PROCTITLE records, which repeat the command line shortened, are not excluded: a rule of the exclude list
 * matches nothing once it carries a key, and without one it could not be told from somebody else's.
 */
export function sensorRules(abis: readonly Abi[], watched: readonly WatchedPath[]): AuditRule[] {
  return abis.flatMap((abi) => {
    const rule = (syscalls: readonly number[], ...fields: RuleField[]): AuditRule[] =>
      syscalls.length === 0
        ? []
        : [
            always(LIST_EXIT | LIST_PREPEND, syscalls, [
              { field: FIELD.ARCH, value: abi.arch },
              ...fields,
              { field: FIELD.KEY, value: RULE_KEY },
            ]),
          ];
    const connect = numbersOf(abi, 'connect');
    const socketcall = numbersOf(abi, 'socketcall');
    const internet = [AF_INET, AF_INET6].map((value) => ({ field: FIELD.SADDR_FAM, value }));
    return [
      ...rule(numbersOf(abi, 'exec'), { field: FIELD.SUCCESS, value: 1 }),
      ...internet.flatMap((family) => rule(connect, family)),
      ...internet.flatMap((family) =>
        rule(socketcall, { field: FIELD.ARG0, value: SYS_CONNECT_OF_SOCKETCALL }, family),
      ),
      ...[PTRACE_ATTACH, PTRACE_SEIZE].flatMap((request) =>
        rule(numbersOf(abi, 'ptrace'), { field: FIELD.ARG0, value: request }),
      ),
      ...rule(numbersOf(abi, 'write_memory')),
      ...rule(numbersOf(abi, 'load_module'), { field: FIELD.SUCCESS, value: 1 }),
      ...watched.map(({ path, kind }) =>
        always(LIST_EXIT | LIST_PREPEND, numbersOf(abi, 'open'), [
          { field: FIELD.ARCH, value: abi.arch },
          { field: kind === 'file' ? FIELD.WATCH : FIELD.DIR, value: path },
          { field: FIELD.PERM, value: PERM_READ },
          { field: FIELD.KEY, value: READ_KEY },
        ]),
      ),
    ];
  });
}

export function isOurs(rule: ListedRule): boolean {
  return rule.key === RULE_KEY || rule.key === READ_KEY;
}
