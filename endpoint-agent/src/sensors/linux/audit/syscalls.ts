import { ARCH } from './constants.ts';

/** What a system call of interest means, whatever its number on this ABI. */
export type SyscallMeaning =
  | 'exec'
  | 'connect'
  | 'send'
  | 'accept'
  | 'listen'
  | 'socketcall'
  | 'ptrace'
  | 'write_memory'
  | 'load_module'
  | 'open'
  | 'signal'
  | 'signal_thread'
  | 'mount'
  | 'unmount'
  | 'move_mount'
  | 'unshare'
  | 'setns'
  | 'clone'
  | 'set_user'
  | 'set_user_effective'
  | 'set_capabilities';

/**
 * Numbers per ABI from `asm/unistd_64.h`, `unistd_32.h` and the arm tables. The x32 ABI (bit 30 set on
 * x86-64) lies beyond the kernel's rule bitmap and cannot be audited by number; kernels of the big
 * distributions do not build it. `write_memory` is process_vm_writev; `signal` is kill, tkill and
 * pidfd_send_signal (the signal is the second argument), `signal_thread` tgkill (the third); `set_user_effective`
 * is setreuid and setresuid (the effective user is the second argument).
 */
const X86_64: Readonly<Record<number, SyscallMeaning>> = {
  2: 'open',
  42: 'connect',
  43: 'accept',
  44: 'send',
  46: 'send',
  50: 'listen',
  56: 'clone',
  59: 'exec',
  62: 'signal',
  101: 'ptrace',
  105: 'set_user',
  113: 'set_user_effective',
  117: 'set_user_effective',
  126: 'set_capabilities',
  165: 'mount',
  166: 'unmount',
  175: 'load_module',
  200: 'signal',
  234: 'signal_thread',
  257: 'open',
  272: 'unshare',
  288: 'accept',
  307: 'send',
  308: 'setns',
  311: 'write_memory',
  313: 'load_module',
  322: 'exec',
  424: 'signal',
  429: 'move_mount',
  437: 'open',
};
const I386: Readonly<Record<number, SyscallMeaning>> = {
  5: 'open',
  11: 'exec',
  21: 'mount',
  22: 'unmount',
  26: 'ptrace',
  37: 'signal',
  52: 'unmount',
  102: 'socketcall',
  120: 'clone',
  128: 'load_module',
  185: 'set_capabilities',
  203: 'set_user_effective',
  208: 'set_user_effective',
  213: 'set_user',
  238: 'signal',
  270: 'signal_thread',
  295: 'open',
  310: 'unshare',
  345: 'send',
  346: 'setns',
  348: 'write_memory',
  350: 'load_module',
  358: 'exec',
  362: 'connect',
  363: 'listen',
  364: 'accept',
  369: 'send',
  370: 'send',
  424: 'signal',
  429: 'move_mount',
  437: 'open',
};
const AARCH64: Readonly<Record<number, SyscallMeaning>> = {
  39: 'unmount',
  40: 'mount',
  56: 'open',
  91: 'set_capabilities',
  97: 'unshare',
  105: 'load_module',
  117: 'ptrace',
  129: 'signal',
  130: 'signal',
  131: 'signal_thread',
  145: 'set_user_effective',
  146: 'set_user',
  147: 'set_user_effective',
  201: 'listen',
  202: 'accept',
  203: 'connect',
  206: 'send',
  211: 'send',
  220: 'clone',
  221: 'exec',
  242: 'accept',
  268: 'setns',
  269: 'send',
  271: 'write_memory',
  273: 'load_module',
  281: 'exec',
  424: 'signal',
  429: 'move_mount',
  437: 'open',
};
const ARM: Readonly<Record<number, SyscallMeaning>> = {
  5: 'open',
  11: 'exec',
  21: 'mount',
  26: 'ptrace',
  37: 'signal',
  52: 'unmount',
  120: 'clone',
  128: 'load_module',
  185: 'set_capabilities',
  203: 'set_user_effective',
  208: 'set_user_effective',
  213: 'set_user',
  238: 'signal',
  268: 'signal_thread',
  283: 'connect',
  284: 'listen',
  285: 'accept',
  290: 'send',
  296: 'send',
  322: 'open',
  337: 'unshare',
  366: 'accept',
  374: 'send',
  375: 'setns',
  377: 'write_memory',
  379: 'load_module',
  387: 'exec',
  424: 'signal',
  429: 'move_mount',
  437: 'open',
};

/** Numbers of `linux/net.h`, the first argument of the 32-bit x86 ABI's one call for all of sockets. */
export const SOCKETCALL = {
  connect: 3,
  listen: 4,
  accept: 5,
  sendto: 11,
  sendmsg: 16,
  accept4: 18,
  sendmmsg: 20,
} as const;

const SOCKETCALL_MEANINGS: ReadonlyMap<number, 'connect' | 'listen' | 'accept' | 'send'> = new Map([
  [SOCKETCALL.connect, 'connect'],
  [SOCKETCALL.listen, 'listen'],
  [SOCKETCALL.accept, 'accept'],
  [SOCKETCALL.accept4, 'accept'],
  [SOCKETCALL.sendto, 'send'],
  [SOCKETCALL.sendmsg, 'send'],
  [SOCKETCALL.sendmmsg, 'send'],
]);

/** What a socketcall with this first argument is about. */
export function meaningOfSocketcall(call: number | undefined): 'connect' | 'listen' | 'accept' | 'send' | undefined {
  return call === undefined ? undefined : SOCKETCALL_MEANINGS.get(call);
}

export interface Abi {
  readonly arch: number;
  readonly syscalls: Readonly<Record<number, SyscallMeaning>>;
}

const ABIS: Readonly<Record<string, readonly Abi[]>> = {
  x64: [
    { arch: ARCH.X86_64, syscalls: X86_64 },
    { arch: ARCH.I386, syscalls: I386 },
  ],
  arm64: [
    { arch: ARCH.AARCH64, syscalls: AARCH64 },
    { arch: ARCH.ARM, syscalls: ARM },
  ],
};

/** The 64- and 32-bit ABIs of Node's `process.arch`; empty for one that the agent does not know. */
export function abisOf(nodeArch: string): readonly Abi[] {
  return ABIS[nodeArch] ?? [];
}

const BY_ARCH = new Map(Object.values(ABIS).flatMap((abis) => abis.map((abi) => [abi.arch, abi.syscalls] as const)));

export function meaningOf(arch: number, syscall: number): SyscallMeaning | undefined {
  return BY_ARCH.get(arch)?.[syscall];
}

export function numbersOf(abi: Abi, meaning: SyscallMeaning): number[] {
  return Object.entries(abi.syscalls)
    .filter(([, candidate]) => candidate === meaning)
    .map(([number]) => Number(number));
}
