import { cString, libc, libcSymbols, orErrno } from '../../../native/libc.ts';

/** The mount API of Linux 5.2; the numbers are the same on every architecture. */
const SYS_FSOPEN = 430;
const SYS_FSCONFIG = 431;
const SYS_FSMOUNT = 432;
const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const SET_STRING = 1;
const CREATE = 6;

interface MountCalls {
  open(call: number, type: Uint8Array, flags: number): number;
  configure(
    call: number,
    fd: number,
    command: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    aux: number,
  ): number;
  mount(call: number, fd: number, flags: number, attributes: number): number;
}

let calls: MountCalls | undefined;

function bound(): MountCalls {
  if (calls) return calls;
  const lib = libcSymbols();
  calls = {
    open: lib.func('long syscall(long call, const void *type, uint flags)'),
    configure: lib.func('long syscall(long call, int fd, uint command, const void *key, const void *value, int aux)'),
    mount: lib.func('long syscall(long call, int fd, uint flags, uint attributes)'),
  };
  return calls;
}

/**
 * A mount of a filesystem in no namespace: nobody sees it, and it is gone with its descriptor. Returns the
 * descriptor or `-errno` (ENOSYS before Linux 5.2). While it is open the device is in use: close it soon.
 */
export function openDetachedMount(type: string, source: Uint8Array, options: Readonly<Record<string, string>>): number {
  const system = libc();
  const context = orErrno(bound().open(SYS_FSOPEN, cString(type), FSOPEN_CLOEXEC));
  if (context < 0) return context;
  try {
    const settings: [string, Uint8Array][] = [
      ['source', source],
      ...Object.entries(options).map(([key, value]): [string, Uint8Array] => [key, Buffer.from(value)]),
    ];
    for (const [key, value] of settings) {
      const set = orErrno(bound().configure(SYS_FSCONFIG, context, SET_STRING, cString(key), cString(value), 0));
      if (set < 0) return set;
    }
    const created = orErrno(bound().configure(SYS_FSCONFIG, context, CREATE, null, null, 0));
    return created < 0 ? created : orErrno(bound().mount(SYS_FSMOUNT, context, FSMOUNT_CLOEXEC, 0));
  } finally {
    system.close(context);
  }
}
