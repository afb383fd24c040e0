import type { LibraryHandle } from 'koffi';
import { libcSymbols } from './libc.ts';

/** glibc's malloc, as far as a process that lives for months has to steer it. */
export interface Allocator {
  /** malloc_trim(3): gives free pages of every arena back to the kernel. 1 to 10 ms for a heap of 30 MB. */
  trim(): void;
}

/** From malloc.h. */
const M_ARENA_MAX = -8;
/**
 * V8's compiler threads, the pool of libuv and our workers would each get an arena of their own, whose free
 * memory serves nobody else: measured, 10 to 25 MB.
 */
const ARENAS = 2;

/** Bounds the arenas of this process from now on. Undefined where the C library has no such calls (musl). */
export function steerAllocator(lib: LibraryHandle = libcSymbols()): Allocator | undefined {
  try {
    const mallopt: (parameter: number, value: number) => number = lib.func('int mallopt(int parameter, int value)');
    const trim: (pad: number) => number = lib.func('int malloc_trim(ulong pad)');
    mallopt(M_ARENA_MAX, ARENAS);
    return { trim: () => void trim(0) };
  } catch {
    return undefined;
  }
}
