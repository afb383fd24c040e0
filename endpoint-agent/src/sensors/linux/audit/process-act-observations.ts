import { encodePath } from '../../../native/path-bytes.ts';
import type { AuditEvent } from './event-assembler.ts';
import { type Fields, type Make, optional, text } from './fields.ts';
import type { AuditContext, AuditObservation } from './observations.ts';
import { decimal, hexadecimal, type RecordFields, stringBytes } from './record.ts';
import type { SyscallMeaning } from './syscalls.ts';

/**
 * `logsource.service` of what a process does to its own standing: mounts, namespaces, user and capabilities.
 * `EventType` says what; Sigma has no category for it.
 */
export const STANDING_SERVICE = 'process_standing';

type ProcessAct = Exclude<SyscallMeaning, 'exec' | 'connect' | 'send' | 'accept' | 'listen' | 'socketcall' | 'open'>;

const PTRACE_REQUESTS = new Map([
  [16, 'PTRACE_ATTACH'],
  [0x4206, 'PTRACE_SEIZE'],
]);
const SIGNALS = new Map([
  [9, 'SIGKILL'],
  [19, 'SIGSTOP'],
]);
const MS_BIND = 0x1000;
const MS_REMOUNT = 0x20;
const MS_MOVE = 0x2000;

/** Flags of clone(2), unshare(2) and setns(2). */
const NAMESPACES: readonly (readonly [bit: number, name: string])[] = [
  [0x00020000, 'mount'],
  [0x02000000, 'cgroup'],
  [0x04000000, 'uts'],
  [0x08000000, 'ipc'],
  [0x10000000, 'user'],
  [0x20000000, 'pid'],
  [0x40000000, 'network'],
];

/** What a process does to another one, to the kernel or to its own standing. */
export function processAct(
  event: AuditEvent,
  call: RecordFields,
  meaning: ProcessAct,
  base: Fields,
  context: AuditContext,
  make: Make,
): AuditObservation | undefined {
  const argument = (name: string) => hexadecimal(call.get(name)) ?? 0;
  const standing = (eventType: string, fields: Fields) =>
    make({ service: STANDING_SERVICE }, { ...base, EventType: eventType, ...fields });
  switch (meaning) {
    case 'ptrace': {
      const request = PTRACE_REQUESTS.get(argument('a0'));
      return request ? make({ category: 'process_access' }, access(event, request, argument('a1'), base)) : undefined;
    }
    case 'write_memory':
      return make({ category: 'process_access' }, access(event, 'PROCESS_VM_WRITEV', argument('a0'), base));
    case 'signal':
    case 'signal_thread': {
      const signal = SIGNALS.get(argument(meaning === 'signal' ? 'a1' : 'a2'));
      const target = decimal(event.object?.get('opid'));
      if (!signal || target === undefined || target === base['ProcessId']) return undefined;
      return make({ category: 'process_access' }, access(event, signal, undefined, base));
    }
    case 'load_module':
      return make({ category: 'driver_load' }, { ...base, ...text('ImageLoaded', event.module?.get('name')) });
    case 'mount': {
      const flags = argument('a3');
      const kind = flags & MS_REMOUNT ? 'remount' : flags & MS_MOVE ? 'move' : flags & MS_BIND ? 'bind' : 'mount';
      return standing('mount', { MountKind: kind, ...mounted(event) });
    }
    case 'move_mount':
      return standing('mount', { MountKind: 'move', ...mounted(event) });
    case 'unmount':
      return standing('unmount', mounted(event));
    case 'unshare':
    case 'clone':
      return standing(meaning === 'clone' ? 'clone_into_namespaces' : 'unshare', namespaces(argument('a0')));
    case 'setns':
      return standing('setns', namespaces(argument('a1')));
    case 'set_user':
    case 'set_user_effective': {
      const user = decimal(call.get('euid'));
      return standing('set_user', optional('NewUser', user === undefined ? undefined : context.userName(user)));
    }
    case 'set_capabilities': {
      const effective = event.capabilities?.get('cap_pe');
      // Root has them all, and gives some up.
      if (decimal(call.get('euid')) === 0 || effective === undefined || /^0*$/.test(effective)) return undefined;
      return standing('set_capabilities', { Capabilities: effective });
    }
  }
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

/** The last directory that the call named is where it was mounted. */
function mounted(event: AuditEvent): Fields {
  const names = event.paths.flatMap((path) => stringBytes(path.get('name')) ?? []).map(encodePath);
  return optional('TargetFilename', names.at(-1));
}

function namespaces(flags: number): Fields {
  const names = NAMESPACES.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  // setns may leave it to the descriptor which kind it is.
  return names.length === 0 ? {} : { Namespaces: names.join(' ') };
}
