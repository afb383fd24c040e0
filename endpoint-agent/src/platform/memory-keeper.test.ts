import { expect, test } from 'vitest';
import type { Clock } from './clock.ts';
import { keepMemorySmall, type MemoryInUse } from './memory-keeper.ts';

const MB = 1_048_576;

function setUp() {
  let now = 0;
  const due: { at: number; task: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after: (milliseconds, task) => {
      const entry = { at: now + milliseconds, task };
      due.push(entry);
      return () => {
        const index = due.indexOf(entry);
        if (index >= 0) due.splice(index, 1);
      };
    },
  };
  let memory: MemoryInUse = { rss: 120 * MB, heapTotal: 60 * MB, heapUsed: 25 * MB };
  const calls: string[] = [];
  const end = keepMemorySmall({
    clock,
    read: () => memory,
    collect: () => {
      calls.push('collect');
      memory = { ...memory, heapTotal: memory.heapUsed };
    },
    trim: () => {
      calls.push('trim');
      memory = { ...memory, rss: 60 * MB + memory.heapTotal };
    },
  });
  const pass = (milliseconds: number): void => {
    const until = now + milliseconds;
    for (;;) {
      const next = due.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > until) break;
      due.splice(due.indexOf(next), 1);
      now = next.at;
      next.task();
    }
    now = until;
  };
  return { calls, pass, end, use: (change: Partial<MemoryInUse>) => (memory = { ...memory, ...change }), due };
}

test('gives memory back once the start is over, and collects before it trims', () => {
  const { calls, pass } = setUp();
  pass(19_999);
  expect(calls).toEqual([]);
  pass(1);
  expect(calls).toEqual(['collect', 'trim']);
});

test('while nothing grows nothing is collected, however long it runs', () => {
  const { calls, pass } = setUp();
  pass(86_400_000);
  expect(calls).toEqual(['collect', 'trim']);
});

test('after a burst the memory goes back, that of V8 and that of the C library alike', () => {
  const { calls, pass, use } = setUp();
  pass(20_000);
  use({ heapTotal: 50 * MB });
  pass(300_000);
  expect(calls).toHaveLength(4);
  use({ rss: 110 * MB });
  pass(300_000);
  expect(calls).toHaveLength(6);
});

test('memory that is truly in use is not collected again and again', () => {
  const { calls, pass, use } = setUp();
  pass(20_000);
  use({ rss: 140 * MB, heapTotal: 82 * MB, heapUsed: 80 * MB });
  pass(3_000_000);
  expect(calls.filter((call) => call === 'collect').length).toBeLessThanOrEqual(2);
});

test('ends without leaving a timer', () => {
  const { pass, end, due } = setUp();
  pass(20_000);
  end();
  expect(due).toEqual([]);
});
