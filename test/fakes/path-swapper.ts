/**
 * Swaps two names as fast as it can until it is ended. Arguments: `exchange` and two paths (RENAME_EXCHANGE), or
 * `bind`, a folder and where it is mounted and unmounted again. Prints `swapping` when it starts.
 */
import { AT_FDCWD, libcSymbols } from '../../endpoint-agent/src/native/libc.ts';

const [kind = '', first = '', second = ''] = process.argv.slice(2);
const lib = libcSymbols();
const exchange: (n: number, a: number, from: string, b: number, to: string, flags: number) => number = lib.func(
  'long syscall(long n, long a, str from, long b, str to, long flags)',
);
const mount: (source: string, target: string, type: null, flags: number, data: null) => number = lib.func(
  'int mount(str source, str target, void *type, ulong flags, void *data)',
);
const unmount: (target: string, flags: number) => number = lib.func('int umount2(str target, int flags)');

const RENAME_EXCHANGE = 2;
const MS_BIND = 4_096;
const MNT_DETACH = 2;
const SYS_RENAMEAT2 = process.arch === 'arm64' ? 276 : 316;

process.stdout.write('swapping\n');
// Ends with its starter at the latest: nobody else would end it.
for (let round = 0; process.ppid !== 1 || round % 1_024 !== 0; round += 1) {
  if (kind === 'exchange') {
    exchange(SYS_RENAMEAT2, AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE);
  } else {
    mount(first, second, null, MS_BIND, null);
    unmount(second, MNT_DETACH);
  }
}
