import { ARCH } from './constants.ts';

/** What a system call of interest means, whatever its number on this ABI. */
export type SyscallMeaning = 'exec' | 'connect' | 'socketcall' | 'ptrace' | 'write_memory' | 'load_module' | 'open';

/**
 * Numbers per ABI from `asm/unistd_64.h`, `unistd_32.h` and the arm tables. The x32 ABI (bit 30 set on
 * x86-64) lies beyond the kernel's rule bitmap and cannot be audited by number; kernels of the big
 * distributions do not build it. `write_memory` is process_vm_writev.
 */
const X86_64: Readonly<Record<number, SyscallMeaning>> = {
  2: 'open',
  42: 'connect',
  59: 'exec',
  101: 'ptrace',
  175: 'load_module',
  257: 'open',
  311: 'write_memory',
  313: 'load_module',
  322: 'exec',
  437: 'open',
};
const I386: Readonly<Record<number, SyscallMeaning>> = {
  5: 'open',
  11: 'exec',
  26: 'ptrace',
  102: 'socketcall',
  128: 'load_module',
  295: 'open',
  348: 'write_memory',
  350: 'load_module',
  358: 'exec',
  362: 'connect',
  437: 'open',
};
const AARCH64: Readonly<Record<number, SyscallMeaning>> = {
  56: 'open',
  105: 'load_module',
  117: 'ptrace',
  203: 'connect',
  221: 'exec',
  271: 'write_memory',
  273: 'load_module',
  281: 'exec',
  437: 'open',
};
const ARM: Readonly<Record<number, SyscallMeaning>> = {
  5: 'open',
  11: 'exec',
  26: 'ptrace',
  128: 'load_module',
  283: 'connect',
  322: 'open',
  377: 'write_memory',
  379: 'load_module',
  387: 'exec',
  437: 'open',
};

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
