import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import { expect, test } from 'vitest';
import { steerAllocator } from './allocator.ts';
import { libcSymbols } from './libc.ts';

const isGlibc =
  process.platform === 'linux' &&
  (process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime !==
    undefined;

function residentBytes(): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1_024;
}

test.skipIf(!isGlibc)('free memory that the C library holds goes back to the kernel (skipped without glibc)', () => {
  const lib = libcSymbols();
  const malloc: (size: number) => unknown = lib.func('void *malloc(ulong size)');
  const free: (block: unknown) => void = lib.func('void free(void *block)');
  const memset: (block: unknown, value: number, size: number) => unknown = lib.func(
    'void *memset(void *block, int value, ulong size)',
  );
  const allocator = steerAllocator();
  if (!allocator) throw new Error('glibc has malloc_trim');
  // Below the threshold of mmap, so that free() keeps them; the last one keeps the top from being cut by itself.
  const blocks = Array.from({ length: 1_024 }, () => {
    const block = malloc(65_536);
    memset(block, 1, 65_536);
    return block;
  });
  const last = malloc(65_536);
  for (const block of blocks) free(block);
  const before = residentBytes();
  allocator.trim();
  expect(before - residentBytes()).toBeGreaterThan(32 * 1_048_576);
  free(last);
});

test.skipIf(process.platform !== 'linux')('a C library without these calls is left alone (skipped off Linux)', () => {
  const without = {
    func: () => {
      throw new Error('no symbol');
    },
  } as unknown as ReturnType<typeof koffi.load>;
  expect(steerAllocator(without)).toBeUndefined();
});
