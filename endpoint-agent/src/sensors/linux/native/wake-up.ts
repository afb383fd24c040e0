import { libc, libcSymbols, orErrno } from '../../../native/libc.ts';

const EFD_CLOEXEC_NONBLOCK = 0o2000000 | 0o4000;
const COUNT_BYTES = 8;

let eventfd: ((initial: number, flags: number) => number) | undefined;

/** A descriptor that one thread waits on and another one rings; `-errno` when there is none to be had. */
export function createWakeUp(): number {
  eventfd ??= libcSymbols().func('int eventfd(uint initial, int flags)');
  return orErrno(eventfd(0, EFD_CLOEXEC_NONBLOCK));
}

export function ringWakeUp(fd: number): void {
  const one = Buffer.alloc(COUNT_BYTES);
  one.writeUInt32LE(1, 0);
  libc().write(fd, one);
}

/** Takes the ring, so that the descriptor is quiet again. */
export function hearWakeUp(fd: number): void {
  libc().read(fd, Buffer.alloc(COUNT_BYTES));
}
