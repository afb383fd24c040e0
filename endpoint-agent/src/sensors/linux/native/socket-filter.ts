import koffi from 'koffi';
import { libcSymbols, orErrno } from '../../../native/libc.ts';

/** struct sock_filter: code, jump if true, jump if false, operand. Words are loaded in network byte order. */
export type BpfInstruction = readonly [code: number, jt: number, jf: number, k: number];

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const INSTRUCTION_BYTES = 8;
const SOCK_FPROG_BYTES = 16;

type Attach = (
  fd: number,
  level: number,
  option: number,
  program: { readonly len: number; readonly filter: Uint8Array },
  length: number,
) => number;
let attach: Attach | undefined;

/** Lets the kernel drop what the classic BPF program refuses, before it is queued. Zero or `-errno`. */
export function attachFilter(fd: number, program: readonly BpfInstruction[]): number {
  if (!attach) {
    koffi.struct('yagura_sock_fprog', { len: 'uint16', filter: 'const void *' });
    attach = libcSymbols().func(
      'int setsockopt(int fd, int level, int option, const yagura_sock_fprog *program, uint length)',
    ) as Attach;
  }
  const filter = Buffer.alloc(program.length * INSTRUCTION_BYTES);
  program.forEach(([code, jt, jf, k], index) => {
    filter.writeUInt16LE(code, index * INSTRUCTION_BYTES);
    filter.writeUInt8(jt, index * INSTRUCTION_BYTES + 2);
    filter.writeUInt8(jf, index * INSTRUCTION_BYTES + 3);
    filter.writeUInt32LE(k, index * INSTRUCTION_BYTES + 4);
  });
  return orErrno(attach(fd, SOL_SOCKET, SO_ATTACH_FILTER, { len: program.length, filter }, SOCK_FPROG_BYTES));
}
