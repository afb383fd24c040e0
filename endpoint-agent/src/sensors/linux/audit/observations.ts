import { posix } from 'node:path';
import { encodePath } from '../../../native/path-bytes.ts';
import type { Observation } from '../../sensor.ts';
import type { SocketNames } from '../native/socket-names.ts';
import { isAmbiguousJoined, joinArguments } from './arguments.ts';
import type { AuditEvent } from './event-assembler.ts';
import { type Fields, type Make, optional, text } from './fields.ts';
import { network, uringNetwork } from './network-observations.ts';
import { processAct } from './process-act-observations.ts';
import { decimal, hexadecimal, type RecordFields, stringBytes } from './record.ts';
import { READ_KEY } from './rules.ts';
import { imageState, scriptFile } from './script-file.ts';
import { meaningOf, meaningOfSocketcall, type SyscallMeaning } from './syscalls.ts';

/** What the translation needs to know of the machine. */
export interface AuditContext {
  userName(uid: number): string;
  /** Milliseconds since boot for a wall-clock time of the kernel's. */
  bootTimeOf(time: number): number;
  /** `tcp`, `udp` or another protocol of the socket behind the descriptor, while the process still has it. */
  socketProtocol(pid: number, fd: number): string | undefined;
  /** Both ends of an internet socket, while the process still has it. */
  socketNames(pid: number, fd: number): SocketNames | undefined;
}

/** An observation, and for a process start where its image can be found for hashing. */
export interface AuditObservation {
  readonly observation: Observation;
  readonly image?: ExecutedImage;
}

export interface ExecutedImage {
  readonly pid: number;
  /** As the kernel named it, in the form of `path-bytes.ts`. */
  readonly path: string;
  /** Inodes of the files that the call opened: program, interpreter, loader. Empty when unknown. */
  readonly inodes: readonly number[];
  /** Milliseconds since the epoch. */
  readonly executedAt: number;
}

/** `auid` and `ses` of a process that no login leads to. */
const UNSET = 4_294_967_295;
/** Beyond this the joined command line has to do; twice its length would crowd out everything else. */
const MAX_ARGUMENTS_CHARS = 8_192;

/** Undefined for events of foreign rules that no sensor of ours speaks of. */
export function toObservation(event: AuditEvent, context: AuditContext): AuditObservation | undefined {
  const call = event.syscall ?? event.uring;
  const pid = decimal(call?.get('pid'));
  if (!call || pid === undefined) return undefined;
  const base = baseFields(call, pid, context);
  const meaning = event.syscall ? meaningOfCall(event.syscall) : undefined;
  const make: Make = (logsource, fields) => ({
    observation: {
      logsource: { product: 'linux', ...logsource },
      time: event.time,
      bootTime: context.bootTimeOf(event.time),
      pid,
      ...(logsource.category === 'process_creation' ? optional('parentPid', decimal(call.get('ppid'))) : {}),
      fields,
    },
  });
  switch (meaning) {
    case 'exec':
      return event.argv || call.get('success') === 'yes' ? exec(event, base, make) : undefined;
    case 'connect':
    case 'send':
    case 'accept':
    case 'listen':
      return network(event, call, meaning, pid, base, context, make);
    case 'open':
      return read(event, call, base, make);
    case undefined:
      // A ring may be worked off within a system call that another rule matched, or without any.
      return event.uring ? uringNetwork(event, event.uring, base, make) : undefined;
    default:
      return processAct(event, call, meaning, base, context, make);
  }
}

/** What the call was about; undefined for calls of foreign rules. */
export function meaningOfCall(call: RecordFields): Exclude<SyscallMeaning, 'socketcall'> | undefined {
  const meaning = meaningOf(hexadecimal(call.get('arch')) ?? 0, decimal(call.get('syscall')) ?? -1);
  return meaning === 'socketcall' ? meaningOfSocketcall(hexadecimal(call.get('a0'))) : meaning;
}

function baseFields(call: RecordFields, pid: number, context: AuditContext): Fields {
  const uid = decimal(call.get('uid'));
  const euid = decimal(call.get('euid'));
  const loginUid = decimal(call.get('auid'));
  const session = decimal(call.get('ses'));
  return {
    ProcessId: pid,
    ...text('Image', call.get('exe')),
    ...(uid === undefined ? {} : { User: context.userName(uid) }),
    ...(euid === undefined || euid === uid ? {} : { EffectiveUser: context.userName(euid) }),
    ...(loginUid === undefined || loginUid === UNSET ? {} : { LogonUser: context.userName(loginUid) }),
    ...(session === undefined || session === UNSET ? {} : { LogonId: String(session) }),
  };
}

function exec(event: AuditEvent, base: Fields, make: Make): AuditObservation {
  const argv = event.argv?.values() ?? [];
  const commandLine = joinArguments(argv);
  const image = base['Image'];
  const directory = stringBytes(event.workingDirectory?.get('cwd'));
  const result = make(
    { category: 'process_creation' },
    {
      ...base,
      ...optional('ParentProcessId', decimal(event.syscall?.get('ppid'))),
      ...(argv.length > 0 ? { CommandLine: commandLine } : {}),
      // The exact vector, for those who need it, where the joined form is not enough.
      ...(commandLine.length <= MAX_ARGUMENTS_CHARS && isAmbiguousJoined(argv)
        ? { Arguments: JSON.stringify(argv) }
        : {}),
      ...(directory ? { CurrentDirectory: encodePath(directory) } : {}),
      ...optional('ScriptFile', scriptFile(event.paths, argv, directory && encodePath(directory))),
      ...imageState(image),
    },
  );
  if (typeof image !== 'string') return result;
  const inodes = event.paths.flatMap((path) => decimal(path.get('inode')) ?? []);
  const pid = Number(base['ProcessId']);
  return { ...result, image: { pid, path: image, inodes, executedAt: event.time } };
}

function read(event: AuditEvent, call: RecordFields, base: Fields, make: Make): AuditObservation | undefined {
  if (!keysOf(call).includes(READ_KEY)) return undefined;
  const record = event.paths.find((path) => path.get('nametype') === 'NORMAL') ?? event.paths.at(-1);
  const name = stringBytes(record?.get('name'));
  if (!name) return undefined;
  const directory = stringBytes(event.workingDirectory?.get('cwd'));
  const whole = encodePath(name);
  const absolute = whole.startsWith('/') || !directory ? whole : `${encodePath(directory)}/${whole}`;
  return make({ category: 'file_access' }, { ...base, TargetFilename: posix.normalize(absolute) });
}

/** Several keys are written as one string with 0x01 between them, and so in hexadecimal. */
function keysOf(call: RecordFields): string[] {
  return stringBytes(call.get('key'))?.toString('utf8').split('\u0001') ?? [];
}
