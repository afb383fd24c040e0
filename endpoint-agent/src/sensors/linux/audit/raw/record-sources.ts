import type { SensorDeclaration } from '../../../sensor.ts';
import { AUDITD_SERVICE } from './audit-demand.ts';
import { MESSAGE_TYPE_NAMES } from './message-types.ts';
import { AF_ALG, AFFORDABLE_SYSCALLS } from './record-rules.ts';
import { WELL_KNOWN_KEYS } from './well-known-keys.ts';

type RecordSource = NonNullable<SensorDeclaration['services']>[number];

const ARGUMENTS = Array.from({ length: 64 }, (_, index) => `a${index}`);

/** Fields of a SYSCALL record; `SYSCALL` is the call's name, as auditd adds it to what the kernel writes. */
const SYSCALL_FIELDS = (
  'type arch syscall SYSCALL success exit a0 a1 a2 a3 items ppid pid auid uid gid euid suid fsuid egid ' +
  'sgid fsgid tty ses comm exe key'
).split(' ');
const MESSAGE_FIELDS =
  'type pid uid auid ses op acct id exe hostname addr terminal res unit comm cmd cwd major minor'.split(' ');

/** Calls whose records come with what the sensor reports anyway, whenever they succeed. */
const OBSERVED_SYSCALLS = ['execve', 'execveat', 'connect', 'listen'];

/** Absent, or one of those that the agent writes; others need a rule of the administrator's that sets them. */
const KEYS = ['', ...WELL_KNOWN_KEYS];

/** What the audit and file sensors make of Sigma's `auditd` log source, by type of record. */
export const RECORD_SOURCES: readonly RecordSource[] = [
  source({ type: ['EXECVE'] }, ['type', 'argc', ...ARGUMENTS, 'CommandLine']),
  source({ type: ['SYSCALL'], SYSCALL: [...OBSERVED_SYSCALLS, ...AFFORDABLE_SYSCALLS], key: KEYS }, SYSCALL_FIELDS),
  source({ type: ['SYSCALL'], SYSCALL: ['socket'], a0: [AF_ALG.toString(16)], key: KEYS }, SYSCALL_FIELDS),
  source({ type: ['PATH'] }, ['type', 'name', 'nametype']),
  source({ type: MESSAGE_TYPE_NAMES }, MESSAGE_FIELDS),
];

function source(values: Readonly<Record<string, readonly string[]>>, fields: readonly string[]): RecordSource {
  return { service: AUDITD_SERVICE, values, fields };
}
