import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ARCH } from '../constants.ts';
import { abisOf, numbersOf } from '../syscalls.ts';
import { AFFORDABLE_SYSCALLS } from './record-rules.ts';
import { syscallName, syscallNumber } from './syscall-names.ts';

const HEADERS = [
  ['/usr/include/x86_64-linux-gnu/asm/unistd_64.h', ARCH.X86_64],
  ['/usr/include/x86_64-linux-gnu/asm/unistd_32.h', ARCH.I386],
] as const;

describe.each(HEADERS)('%s', (path, arch) => {
  const missing = existsSync(path) ? '' : ' (skipped: not installed)';
  test.skipIf(missing !== '')(`names every call as we do${missing}`, () => {
    const defined = [...readFileSync(path, 'utf8').matchAll(/#define __NR_(\w+)\s+(\d+)/g)];
    expect(defined.length).toBeGreaterThan(300);
    // Newer headers know calls that came later.
    const known = defined.filter(([, , number]) => Number(number) <= 450);
    expect(known.filter(([, name, number]) => syscallName(arch, Number(number)) !== name)).toEqual([]);
  });
});

/** Calls that an ABI never had; programs on 64-bit ARM use mknodat. */
const NEVER_HAD: ReadonlyMap<number, readonly string[]> = new Map([
  [ARCH.AARCH64, ['mknod']],
  [ARCH.I386, ['kexec_file_load']],
]);

test.each(['x64', 'arm64'])('every call that the sensor or a rule asks for on %s has a name', (machine) => {
  for (const abi of abisOf(machine)) {
    for (const meaning of ['exec', 'connect', 'listen', 'ptrace', 'load_module'] as const) {
      for (const number of numbersOf(abi, meaning)) expect(syscallName(abi.arch, number), meaning).toBeDefined();
    }
    const unnamed = AFFORDABLE_SYSCALLS.filter((name) => syscallNumber(abi.arch, name) === undefined);
    expect(unnamed).toEqual(NEVER_HAD.get(abi.arch) ?? []);
  }
});

test('unknown ABIs and numbers have no name', () => {
  expect(syscallName(1, 59)).toBeUndefined();
  expect(syscallName(ARCH.X86_64, -1)).toBeUndefined();
  expect(syscallName(ARCH.X86_64, 400)).toBeUndefined();
  expect(syscallNumber(ARCH.X86_64, '__proto__')).toBeUndefined();
});
