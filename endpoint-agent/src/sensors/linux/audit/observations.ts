import { posix } from 'node:path';
import type { EventCategory, EventFields } from '@yagura/protocol';
import { encodePath } from '../../../native/path-bytes.ts';
import type { Observation } from '../../sensor.ts';
import { isAmbiguousJoined, joinArguments } from './arguments.ts';
import type { AuditEvent } from './event-assembler.ts';
import { decimal, hexadecimal, type RecordFields, stringBytes } from './record.ts';
import { READ_KEY } from './rules.ts';
import { decodeSocketAddress } from './socket-address.ts';
import { meaningOf } from './syscalls.ts';

/** What the translation needs to know of the machine. */
export interface AuditContext {
  userName(uid: number): string;
  /** Milliseconds since boot for a wall-clock time of the kernel's. */
  bootTimeOf(time: number): number;
  /** `tcp`, `udp` or another protocol of the socket behind the descriptor, while the process still has it. */
  socketProtocol(pid: number, fd: number): string | undefined;
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

type Fields = Record<string, EventFields[string]>;

/** `auid` and `ses` of a process that no login leads to. */
const UNSET = 4_294_967_295;
/** What connect answers for streams only: EINPROGRESS, ECONNREFUSED, ETIMEDOUT, ECONNRESET. */
const TCP_ONLY_RESULTS: ReadonlySet<number> = new Set([-115, -111, -110, -104]);
/** Beyond this the joined command line has to do; twice its length would crowd out everything else. */
const MAX_ARGUMENTS_CHARS = 8_192;
/** Repeated calls on a socket that is connecting or connected: EALREADY, EISCONN. */
const REPEATED_CONNECT: ReadonlySet<number> = new Set([-114, -106]);
const PTRACE_REQUESTS = new Map([
  [16, 'PTRACE_ATTACH'],
  [0x4206, 'PTRACE_SEIZE'],
]);

/** Undefined for events of foreign rules that no sensor of ours speaks of. */
export function toObservation(event: AuditEvent, context: AuditContext): AuditObservation | undefined {
  const call = event.syscall;
  const pid = decimal(call?.get('pid'));
  const arch = hexadecimal(call?.get('arch'));
  const number = decimal(call?.get('syscall'));
  if (!call || pid === undefined || arch === undefined || number === undefined) return undefined;
  const base = baseFields(call, pid, context);
  const make = (category: EventCategory, fields: Fields): AuditObservation => ({
    observation: {
      logsource: { product: 'linux', category },
      time: event.time,
      bootTime: context.bootTimeOf(event.time),
      pid,
      ...(category === 'process_creation' ? optional('parentPid', decimal(call.get('ppid'))) : {}),
      fields,
    },
  });
  switch (meaningOf(arch, number)) {
    case 'exec':
      return event.argv || call.get('success') === 'yes' ? exec(event, base, make) : undefined;
    case 'connect':
    case 'socketcall':
      return connect(event, call, pid, base, context, make);
    case 'ptrace': {
      const request = PTRACE_REQUESTS.get(hexadecimal(call.get('a0')) ?? -1);
      return request ? make('process_access', access(event, request, hexadecimal(call.get('a1')), base)) : undefined;
    }
    case 'write_memory':
      return make('process_access', access(event, 'PROCESS_VM_WRITEV', hexadecimal(call.get('a0')), base));
    case 'load_module':
      return make('driver_load', { ...base, ...text('ImageLoaded', event.module?.get('name')) });
    case 'open':
      return read(event, call, base, make);
    default:
      return undefined;
  }
}

type Make = (category: EventCategory, fields: Fields) => AuditObservation;

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
  const result = make('process_creation', {
    ...base,
    ...optional('ParentProcessId', decimal(event.syscall?.get('ppid'))),
    ...(argv.length > 0 ? { CommandLine: commandLine } : {}),
    // The exact vector, for those who need it, where the joined form is not enough.
    ...(commandLine.length <= MAX_ARGUMENTS_CHARS && isAmbiguousJoined(argv)
      ? { Arguments: JSON.stringify(argv) }
      : {}),
    ...text('CurrentDirectory', event.workingDirectory?.get('cwd')),
  });
  if (typeof image !== 'string') return result;
  const inodes = event.paths.flatMap((path) => decimal(path.get('inode')) ?? []);
  const pid = Number(base['ProcessId']);
  return { ...result, image: { pid, path: image, inodes, executedAt: event.time } };
}

function connect(
  event: AuditEvent,
  call: RecordFields,
  pid: number,
  base: Fields,
  context: AuditContext,
  make: Make,
): AuditObservation | undefined {
  const address = decodeSocketAddress(event.socketAddress?.get('saddr'));
  const result = decimal(call.get('exit')) ?? 0;
  if (!address || REPEATED_CONNECT.has(result)) return undefined;
  const fd = meaningIsDirect(call) ? hexadecimal(call.get('a0')) : undefined;
  // Only a stream can be under way or be refused at once; else the socket itself is asked.
  const protocol = TCP_ONLY_RESULTS.has(result)
    ? 'tcp'
    : fd === undefined
      ? undefined
      : context.socketProtocol(pid, fd);
  return make('network_connection', {
    ...base,
    DestinationIp: address.ip,
    DestinationPort: address.port,
    DestinationIsIpv6: address.ip.includes(':'),
    Initiated: 'true',
    ...optional('Protocol', protocol),
  });
}

/** False for the i386 socketcall, whose descriptor lies in the caller's memory. */
function meaningIsDirect(call: RecordFields): boolean {
  return meaningOf(hexadecimal(call.get('arch')) ?? 0, decimal(call.get('syscall')) ?? -1) === 'connect';
}

function access(event: AuditEvent, kind: string, target: number | undefined, base: Fields): Fields {
  const { Image, ProcessId, ...rest } = base;
  return {
    ...rest,
    ...optional('SourceImage', Image),
    ...optional('SourceProcessId', ProcessId),
    ...optional('TargetProcessId', decimal(event.object?.get('opid')) ?? target),
    GrantedAccess: kind,
  };
}

function read(event: AuditEvent, call: RecordFields, base: Fields, make: Make): AuditObservation | undefined {
  if (!keysOf(call).includes(READ_KEY)) return undefined;
  const record = event.paths.find((path) => path.get('nametype') === 'NORMAL') ?? event.paths.at(-1);
  const name = stringBytes(record?.get('name'));
  if (!name) return undefined;
  const directory = stringBytes(event.workingDirectory?.get('cwd'));
  const whole = encodePath(name);
  const absolute = whole.startsWith('/') || !directory ? whole : `${encodePath(directory)}/${whole}`;
  return make('file_access', { ...base, TargetFilename: posix.normalize(absolute) });
}

/** Several keys are written as one string with 0x01 between them, and so in hexadecimal. */
function keysOf(call: RecordFields): string[] {
  return stringBytes(call.get('key'))?.toString('utf8').split('\u0001') ?? [];
}

function text(name: string, raw: string | undefined): Fields {
  const bytes = stringBytes(raw);
  return bytes ? { [name]: encodePath(bytes) } : {};
}

function optional<T>(name: string, value: T | undefined): Record<string, T> {
  return value === undefined ? {} : { [name]: value };
}
