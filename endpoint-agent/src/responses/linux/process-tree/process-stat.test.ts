import { expect, test } from 'vitest';
import { parseProcessStat } from './process-stat.ts';

const REST = 'S 10 20 30 34816 20 4194304 1 2 3 4 5 6 7 8 20 0 3 0 98765 1000 2000';

test.each([
  ['plain', 'bash'],
  ['a blank', 'tmux: server'],
  ['parentheses that imitate the end', 'x) R 1 1 1 0 ('],
  ['a line feed', 'a\nb'],
  ['nothing', ''],
])('a process whose name is %s is read as what it is', (_what, name) => {
  expect(parseProcessStat(`4242 (${name}) ${REST}`)).toEqual({
    pid: 4242,
    state: 'S',
    parentPid: 10,
    groupId: 20,
    sessionId: 30,
    isKernelThread: false,
    threads: 3,
    startTicks: 98_765,
  });
});

test('a kernel thread is told by its flag', () => {
  expect(parseProcessStat(`2 (kthreadd) S 0 0 0 0 -1 2129984 ${'0 '.repeat(12)}25`)?.isKernelThread).toBe(true);
});

test.each(['', '12', '12 (cut', '12 (cut) S 1 2', 'x (y) S 1 2 3 4 5 6 7'])('%o is no process', (text) => {
  expect(parseProcessStat(text)).toBeUndefined();
});
