import { expect, test } from 'vitest';
import { type ProcessEntry, ProcessIndex } from './process-index.ts';

function entry(pid: number, parent: number | undefined, commandLine: string, user = 'u'): ProcessEntry {
  return {
    entityId: `e-${pid}`,
    pid,
    startTicks: pid,
    startedAt: pid,
    startedBoot: pid,
    parentEntityId: parent === undefined ? undefined : `e-${parent}`,
    parentPid: parent,
    image: '/bin/x',
    commandLine,
    user,
    endedAt: undefined,
    endedBoot: undefined,
  };
}

function machine(limits: { maxRecords: number; maxTextChars: number }): ProcessIndex {
  const index = new ProcessIndex(limits);
  for (const [pid, parent] of [
    [1, undefined],
    [10, 1],
    [11, 1],
    [20, 10],
  ] as const) {
    index.add(entry(pid, parent, 'service'));
  }
  return index;
}

test('running processes with long arguments displace one another, not the system', () => {
  const index = machine({ maxRecords: 1_000, maxTextChars: 20_000 });
  for (let pid = 100; pid < 160; pid += 1) index.add(entry(pid, 20, 'x'.repeat(4_000)));
  for (const pid of [1, 10, 11, 20]) expect(index.live(pid)?.entityId, `pid ${pid}`).toBe(`e-${pid}`);
  expect(index.evicted).toBeGreaterThan(50);
  index.add(entry(200, 20, '/tmp/attack'));
  expect(index.get('e-200')).toBeDefined();
  expect(index.descendants('e-20').map(({ pid }) => pid)).toContain(200);
});

test('more running processes than there is room for cost the latest, and ended ones before them', () => {
  const index = machine({ maxRecords: 10, maxTextChars: 1_000_000 });
  for (let pid = 100; pid < 160; pid += 1) index.add(entry(pid, 20, 'x'));
  for (const pid of [1, 10, 11, 20]) expect(index.live(pid), `pid ${pid}`).toBeDefined();
  expect(index.size).toBe(10);
  const ended = index.live(100);
  if (ended) index.end(ended, { time: 500, bootTime: 500 });
  index.add(entry(300, 20, 'x'));
  expect(index.get('e-100')).toBeUndefined();
  expect(index.get('e-300')).toBeDefined();
});

test('a fork bomb displaces its own, running and ended, not what others did', () => {
  const index = new ProcessIndex({ maxRecords: 100, maxTextChars: 1_000_000 });
  index.add(entry(1, undefined, 'init', 'root'));
  for (let pid = 10; pid < 30; pid += 1) index.add(entry(pid, 1, 'work', 'alice'));
  for (let pid = 10; pid < 20; pid += 1) {
    const ended = index.live(pid);
    if (ended) index.end(ended, { time: 40, bootTime: 40 });
  }
  for (let pid = 1_000; pid < 6_000; pid += 1) {
    index.add(entry(pid, 1, 'bomb', 'flood'));
    const bomb = index.live(pid);
    if (bomb && pid % 2 === 0) index.end(bomb, { time: pid, bootTime: pid });
  }
  index.add(entry(7_000, 1, 'attack', 'alice'));
  for (let pid = 7_001; pid < 7_500; pid += 1) index.add(entry(pid, 1, 'bomb', 'flood'));
  for (let pid = 10; pid < 30; pid += 1) expect(index.get(`e-${pid}`), `pid ${pid}`).toBeDefined();
  expect(index.live(1)?.commandLine).toBe('init');
  expect(index.live(7_000)?.commandLine).toBe('attack');
  expect(index.size).toBe(100);
});

test('a process that becomes another user’s counts for him', () => {
  const index = new ProcessIndex({ maxRecords: 4, maxTextChars: 1_000_000 });
  index.add(entry(1, undefined, 'init', 'root'));
  for (const pid of [2, 3, 4])
    index.describe(index.add(entry(pid, 1, 'login', 'root')), { image: '/x', commandLine: 'x', user: 'flood' });
  index.add(entry(5, 1, 'service', 'root'));
  expect([1, 5].map((pid) => index.live(pid)?.user)).toEqual(['root', 'root']);
  expect([index.size, index.evicted]).toEqual([4, 1]);
});
