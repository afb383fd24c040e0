/** What proves the rows of docs/coverage.md, and what nobody sees. Titles are those of tests that exist. */

import { MESSAGE_TYPE_NAMES } from '../endpoint-agent/src/sensors/linux/audit/raw/message-types.ts';

const SENSORS = 'endpoint-agent/src/sensors/linux';
const AUDIT = `${SENSORS}/audit/audit-capture.kernel.test.ts`;
const NETWORK = `${SENSORS}/audit/network-capture.kernel.test.ts`;
const PROCESS = `${SENSORS}/audit/process-capture.kernel.test.ts`;
const TAMPERING = `${SENSORS}/audit/tampering.kernel.test.ts`;
const DNS = `${SENSORS}/network/network-source.kernel.test.ts`;
const FILES = `${SENSORS}/fanotify/file-capture.kernel.test.ts`;
const ATTRIBUTES = `${SENSORS}/fanotify/attributes.kernel.test.ts`;
const FILESYSTEMS = `${SENSORS}/fanotify/filesystems.kernel.test.ts`;
const NAMESPACES = `${SENSORS}/fanotify/namespaces.kernel.test.ts`;
const LOGS = `${SENSORS}/logs/create-log-sensor.test.ts`;
const LOG_FIELDS = `${SENSORS}/logs/rules.test.ts`;
const REAL_LOGS = `${SENSORS}/logs/real-programs.kernel.test.ts`;
const JOURNAL = `${SENSORS}/logs/journal/journald.kernel.test.ts`;
const RAW = 'endpoint-agent/src/service/auditd-rules.kernel.test.ts';
const RAW_TEXT = 'endpoint-agent/src/service/auditd-rules.test.ts';
const PERSISTENCE = `${SENSORS}/persistence/persistence.kernel.test.ts`;

export interface Proof {
  readonly file: string;
  /** As it stands in the source, with its placeholders. */
  readonly title: string;
}

export interface ProvenEvent {
  readonly sensor: string;
  /** Category or service; `*` for every one that has no row of its own. */
  readonly event: string;
  readonly how: string;
  readonly on: string;
  readonly proofs: readonly Proof[];
}

const KERNEL = 'Linux 6.18, x86-64';
/** In a virtual machine, by the same programs; in no test run. */
const BY_HAND = 'Linux 6.1 of Debian 12 by hand';
const proofs = (file: string, ...titles: readonly string[]): Proof[] => titles.map((title) => ({ file, title }));

export const PROVEN: readonly ProvenEvent[] = [
  {
    sensor: 'linux-audit',
    event: 'process_creation',
    how: 'real programs by execve, execveat, thread, vfork, double fork, memfd; 64 and 32 bit',
    on: `${KERNEL}. ${BY_HAND}`,
    proofs: [
      ...proofs(
        AUDIT,
        'a process start has its whole context',
        'a command line of 200 KB arrives whole',
        'newlines, Japanese and invalid UTF-8 in arguments survive',
        'a process whose parent is gone keeps the parent that forked it',
        'execveat of a descriptor',
        '32-bit system calls',
      ),
      ...proofs(
        PROCESS,
        'a program started by %s',
        'a program that lies in memory only',
        'a program whose file was removed before it started',
        'a script, by its first line and by hand',
        'a process in other namespaces',
        'a fork bomb of one user, within a bound, evicts nobody: every start of root is seen',
      ),
      ...proofs(`${SENSORS}/audit/process-context.test.ts`, '%j is in %j'),
    ],
  },
  {
    sensor: 'linux-audit',
    event: 'network_connection',
    how: 'C programs for each way: connect, sendto, sendmsg, sendmmsg, TCP Fast Open, io_uring, accept, accept4; loopback and a network namespace',
    on: `${KERNEL}. ${BY_HAND}: each 64-bit way`,
    proofs: [
      ...proofs(
        NETWORK,
        '%s to %s',
        '%s on %s, with its peer and direction',
        'in a network namespace of its own',
        'five hundred datagrams to one peer are two events',
        '32-bit programs through their one call for sockets',
      ),
      ...proofs(AUDIT, 'a connection to %s'),
    ],
  },
  {
    sensor: 'linux-audit',
    event: 'process_access',
    how: 'C programs: ptrace attach and seize, process_vm_writev, kill, tgkill, pidfd_send_signal',
    on: KERNEL,
    proofs: [
      ...proofs(AUDIT, 'attaching to another process'),
      ...proofs(PROCESS, '%s', 'ending its own child is its own affair'),
    ],
  },
  {
    sensor: 'linux-audit',
    event: 'driver_load',
    how: '`modprobe` loads a module where one lies ready for the running kernel, else the test is skipped; records as kernels write them',
    on: 'Linux 6.1 of Debian 12, x86-64, in a virtual machine by hand; recorded text elsewhere',
    proofs: [
      ...proofs(
        `${SENSORS}/audit/module-load.kernel.test.ts`,
        'a module that modprobe loads, by its name and with who loaded it',
      ),
      ...proofs(`${SENSORS}/audit/observations.test.ts`, 'a loaded module by its name'),
    ],
  },
  {
    sensor: 'linux-audit',
    event: 'file_access',
    how: 'a shell reads a watched file by a relative path',
    on: `${KERNEL}, tmpfs or ext4`,
    proofs: proofs(AUDIT, 'a read of a watched file, by a relative path'),
  },
  {
    sensor: 'linux-audit',
    event: 'process_standing',
    how: 'C programs: unshare, clone, setns, mount, bind mount, unmount, set-user-id program, capset',
    on: KERNEL,
    proofs: proofs(
      PROCESS,
      '%s',
      'mounts, in a namespace that the program made',
      'a user who becomes root by a call of its own',
      'capabilities that a user makes effective',
    ),
  },
  {
    sensor: 'linux-audit',
    event: 'listening_socket',
    how: 'a C program that calls listen',
    on: KERNEL,
    proofs: proofs(NETWORK, 'a socket that begins to wait for connections'),
  },
  {
    sensor: 'linux-audit',
    event: 'sensor_tamper',
    how: 'another process removes rules, switches audit off, hides tasks, excludes records, limits rates, steals the connection; `-e 2` against a fake of the kernel',
    on: KERNEL,
    proofs: [
      ...proofs(
        TAMPERING,
        '%s: %s, with the process that did it',
        'a rule that hides what it matches is moved behind ours and stays',
        'a rule that hides every new process is taken out',
        'a stolen audit connection: we listen beside the thief, and take it back when he is gone',
        'a sensor that new processes are hidden from is blind within a minute, and recovers by itself',
      ),
      ...proofs(
        `${SENSORS}/audit/audit-session.test.ts`,
        'audit that is locked at the start is said at once, and nothing is tried',
      ),
    ],
  },
  {
    sensor: 'linux-audit',
    event: 'auditd EXECVE',
    how: 'programs under the names that public rules know, with arguments of every kind',
    on: KERNEL,
    proofs: proofs(
      RAW,
      'a program start: its arguments decoded, its call by name, its files',
      'what public rules say of programs that run under their names',
      'without a rule that asks for them there are none, and the kernel has no rule for them',
    ),
  },
  {
    sensor: 'linux-audit',
    event: 'auditd SYSCALL',
    how: 'C programs make each of the calls, some in vain',
    on: KERNEL,
    proofs: [
      ...proofs(
        RAW,
        'rare system calls by their names, also those that fail',
        'a connection with its key, and a listening socket',
        'the well-known key of a program that rules know by it',
      ),
      ...proofs(RAW_TEXT, '$rule: $act'),
    ],
  },
  {
    sensor: 'linux-audit',
    event: 'auditd PATH',
    how: 'shells make, write, rename and remove files; programs read watched ones',
    on: `${KERNEL}; no machine with DMI or magic SysRq was at hand`,
    proofs: [
      ...proofs(
        RAW,
        'a file that is made, written, renamed and removed, by both names of its directory',
        'a read of %s, by a relative path',
      ),
      ...proofs(RAW_TEXT, '$rule: $category of $fields.TargetFilename'),
    ],
  },
  {
    sensor: 'linux-audit',
    event: `auditd USER_AUTH and ${MESSAGE_TYPE_NAMES.length - 1} more`,
    how: 'the real useradd; a program that writes each type as PAM and systemd do; `TTY` and `USER_TTY` as recorded text only',
    on: KERNEL,
    proofs: [
      ...proofs(RAW, 'the real useradd says that it adds a user', 'a message of every type that a program may write'),
      ...proofs(RAW_TEXT, '$rule: $act'),
    ],
  },
  {
    sensor: 'linux-processes',
    event: 'process_termination',
    how: 'real programs that end by themselves and by signals',
    on: `${KERNEL}. ${BY_HAND}`,
    proofs: [...proofs(AUDIT, 'exit codes and signals'), ...proofs(PROCESS, 'exit code and how long it ran')],
  },
  {
    sensor: 'linux-files',
    event: 'file_change',
    how: 'C programs for each call: chmod, fchmod, chown, lchown, utimensat, setxattr, removexattr; set-user-id bits and capabilities; `chmod -R` over 10,000 files',
    on: `${KERNEL}; ext4`,
    proofs: proofs(
      ATTRIBUTES,
      '%s, with the process and what it made of the file',
      'a file that lets its starter act as its owner or group is told apart',
      'a rule of ours finds a copy that makes root of whoever runs it, whatever gave it the bit',
      'a file that is given capabilities',
      'the mode of a directory, under the directory’s own path',
      'who makes a file and finishes it is told once, unless it gives rights to others',
      'ten thousand files changed by one process are few events, with their count',
      'a removed link is no change of attributes',
    ),
  },
  {
    sensor: 'linux-files',
    event: 'sensor_tamper',
    how: 'another process takes our descriptor and flushes its marks',
    on: KERNEL,
    proofs: proofs(TAMPERING, 'marks of fanotify that somebody flushed are set again'),
  },
  {
    sensor: 'linux-files',
    event: '*',
    how: 'shells create, write, rename and delete, also on filesystems of private mount namespaces and in a container; a walk after an overflow',
    on: `${KERNEL}; ext4, xfs, btrfs and its subvolumes, tmpfs and overlayfs; filesystems mounted later, in private namespaces, in a sandbox of bubblewrap. ${BY_HAND}: ext4, xfs, btrfs and its subvolumes, tmpfs, writes to overlays`,
    proofs: [
      ...proofs(
        FILES,
        'create, write, rename and delete on %s',
        'a write to a file that was there is told from a new one',
        'names with newlines, invalid UTF-8 and right-to-left marks come back as the bytes they are',
        'after a directory was renamed its files have the new path',
        'a filesystem mounted later is watched, and can be unmounted',
        'an overflow of the queue is counted',
      ),
      ...proofs(
        FILESYSTEMS,
        'create, write, rename, change of mode and delete, each with its process',
        'a subvolume that is made later, inside',
      ),
      ...proofs(
        NAMESPACES,
        'a %s that is mounted in a private namespace is watched at once',
        'a filesystem of a private namespace can be unmounted, and goes with its last process',
        'a container: its start, its file and its connection, each told of with it',
        'an overlay whose writes go where nobody reaches is named',
        'a sandbox of bubblewrap',
        'a file that is written while the queue overflows is found afterwards',
      ),
      ...proofs(
        `${SENSORS}/fanotify/overlay-writes.kernel.test.ts`,
        'a new file, one of the layer below and one that was written before, by their path in the upper layer',
        'where the layer is out of reach, by the path in its own namespace',
      ),
    ],
  },
  {
    sensor: 'linux-network',
    event: 'dns_query',
    how: 'a resolver asks a name server on loopback',
    on: `${KERNEL}. ${BY_HAND}`,
    proofs: proofs(
      DNS,
      'a query has its name, its type and the process that asked',
      'a process that is gone at once is found by the time, when it was the only one',
    ),
  },
  {
    sensor: 'linux-network',
    event: 'listening_socket',
    how: 'a datagram service that begins and ends',
    on: KERNEL,
    proofs: proofs(DNS, 'a datagram service that begins and ends is a difference, with its process'),
  },
  ...(
    [
      ['auth', 'useradd and su: an account that is made, and a session in its name'],
      ['sshd', 'sshd: a login by key, and one of nobody that it knows'],
      ['sudo', 'sudo: what was done in whose name, and what was refused'],
      ['syslog', 'logger: a line for the system log, and one of the facility of cron'],
      ['clamav', 'clamd: a file with a signature that it knows'],
      ['postgresql', 'PostgreSQL: a password that is wrong'],
    ] as const
  ).map(([event, title]) => ({
    sensor: 'linux-logs',
    event,
    how: 'the real program (Debian 12), through a real rsyslogd where it logs to the system log; lines as these programs write them; a real journald; real rotations',
    on: KERNEL,
    proofs: [
      ...proofs(REAL_LOGS, title),
      ...proofs(LOGS, 'lines of every kind of log become events with their service, soon after they are written'),
      ...proofs(LOG_FIELDS, 'fills no field that it does not declare'),
      ...proofs(JOURNAL, 'entries become events, with the writer whom the kernel names'),
    ],
  })),
  {
    sensor: 'linux-logs',
    event: '*',
    how: 'lines as these programs write them; **the programs themselves were not run**',
    on: 'recorded text',
    proofs: [
      ...proofs(LOGS, 'lines of every kind of log become events with their service, soon after they are written'),
      ...proofs(LOG_FIELDS, 'fills no field that it does not declare'),
      ...proofs(JOURNAL, 'entries become events, with the writer whom the kernel names'),
    ],
  },
  {
    sensor: 'linux-persistence',
    event: 'persistence',
    how: 'shells, an editor and rm change places where things start',
    on: `${KERNEL}, ext4 or tmpfs`,
    proofs: proofs(
      PERSISTENCE,
      'a job written by a shell, changed by an editor in place, removed by rm',
      'the process table knows the writer by the same id as its other events',
    ),
  },
];

export const NOT_SEEN: readonly string[] = [
  'What the agent’s own process does: the kernel records nothing of the process that reads audit.',
  'What processes do themselves that were born before audit was first switched on in this boot: the kernel keeps no audit context for them; their children are seen. `linux-audit` names them (`processes_older_than_audit`). With `audit=1` on the kernel’s command line there are none; Debian 12 does not switch audit on by itself.',
  'Programs of the x32 ABI (kernels of the big distributions do not build it).',
  'Namespaces that a process gets by `clone3`, whose flags lie in its memory; `unshare`, `setns` and `clone` are seen.',
  'The peer of a connection that its taker has closed again within some milliseconds, and of one taken through an io_uring.',
  'The protocol of a socket that was closed within some milliseconds, and of one used by a 32-bit x86 program through `socketcall` or by any through an io_uring.',
  'What is sent over a socket that is connected already: the connect is seen, not each write. Content of network traffic.',
  'Single datagrams and taken connections of a process with more than 2,000 of them within five seconds: it is passed over for a minute, and the sensor names it.',
  'DNS over TCP, TLS and HTTPS, answers to queries, and queries within other network namespaces until they leave through this one. Where two processes ask one server at the same moment and are gone at once, a query has no process.',
  'Services on datagram sockets in other network namespaces, and those that live shorter than 15 seconds. `listen` is seen everywhere at once.',
  'Processes that were born while a foreign rule `never,task` stood: audit does not know them for all their life. A rule that comes while the agent runs is taken out again; one that was there before is reported and left.',
  'Who tampered with audit, where a foreign `never` rule hides the call itself, and who took marks of fanotify away.',
  'Signals other than SIGKILL and SIGSTOP, and those to a process of the sender’s own descent.',
  'The hash of a file that was changed in the very millisecond of its start by a process that has ended.',
  'Reads of files other than the watched credential files and, for rules that name them, what tells of the system (`/proc/version`, `/etc/*release` and a few more).',
  'Raw audit records under a key that neither the agent nor the administrator sets, of system calls that a machine makes all day (`open`, `mprotect`, `socket` other than AF_ALG), and what is typed on a terminal.',
  'Which attribute of a file changed, and what it was before: the kernel tells that one did, and the sensor looks at the file then. A call that sets the time of the last write alone. Single files among more than 5,000 changes a second, and beyond the first 32 of one process in ten seconds, unless the file gives its owner’s rights: they are one event with their count.',
  'A set-user-id bit that a file is created with, until the file runs (`process_standing`).',
  'Writes through memory mappings until the file is closed; files on filesystems without fanotify, and in other mount namespaces those on network and user-space filesystems and on overlays whose upper directory nobody can reach (`doctor` lists them as not marked).',
  'Files on a filesystem of another mount namespace that its maker hides beneath a second mount, or from the process through which the sensor looks (by `chroot`), and on a copy of a disk that is mounted beside the original (`doctor` lists the copy).',
  'Who wrote a file in the moments between the mounting of a filesystem in another namespace and its mark, or while the queue overflowed: the file is found by looking (`FoundBy`), its writer is not.',
  'On kernels before 6.7, writes to files of a container’s overlay whose upper directory cannot be found are named by their path in the container alone.',
  'Processes of other kernels (virtual machines). Containers are seen, since they share the kernel.',
  'Without root: processes that live shorter than the polling interval, all connections, all files but the persistence places.',
  'arm64: the tables of system calls are written and checked for shape; nothing was run there.',
];
