import { expect, test } from 'vitest';
import { AttributeGate } from './attribute-gate.ts';

const LIMITS = { burst: 2, windowMs: 10_000, gatherMs: 1_000, processes: 2 };

test('a burst is told singly, the rest as one with its count and folder', () => {
  const gate = new AttributeGate(LIMITS);
  const paths = ['/srv/a/1', '/srv/a/2', '/srv/a/3', '/srv/a/b/4', '/srv/c/5'];
  expect(paths.map((path, at) => gate.admit(7, path, at))).toEqual([true, true, false, false, false]);
  expect(gate.take(900)).toEqual([]);
  expect(gate.gathering).toBe(true);
  expect(gate.take(1_002)).toEqual([{ pid: 7, folder: '/srv', count: 3, at: 2 }]);
  expect(gate.gathering).toBe(false);
  expect(gate.admit(7, '/srv/x', 10_001)).toBe(true);
});

test('one process does not use up the burst of another', () => {
  const gate = new AttributeGate(LIMITS);
  for (let at = 0; at < 10; at += 1) gate.admit(1, '/a', at);
  expect(gate.admit(2, '/b', 10)).toBe(true);
});

test('a process that is forgotten for want of room takes nothing with it', () => {
  const gate = new AttributeGate(LIMITS);
  for (let at = 0; at < 5; at += 1) gate.admit(1, '/top', at);
  gate.admit(2, '/a', 6);
  gate.admit(3, '/a', 7);
  expect(gate.take(8)).toEqual([{ pid: 1, folder: '/', count: 3, at: 2 }]);
  expect(gate.gathering).toBe(false);
});

test('folders of two namespaces are never made one', () => {
  const gate = new AttributeGate(LIMITS);
  for (let at = 0; at < 3; at += 1) gate.admit(1, '/x/f', at);
  gate.admit(1, '/x/f', 4, 99);
  expect(gate.take(0, true)).toEqual([
    { pid: 1, folder: '/x', count: 1, at: 2 },
    { pid: 1, folder: '/x', count: 1, at: 4, mountNamespace: 99 },
  ]);
});
