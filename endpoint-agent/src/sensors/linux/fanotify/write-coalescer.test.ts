import { expect, test } from 'vitest';
import { DirectoryCache, isBelow } from './directory-cache.ts';
import { type FileAct, WriteCoalescer } from './write-coalescer.ts';

function act(kind: FileAct['kind'], path: string, at: number, more: Partial<FileAct> = {}): FileAct {
  return { kind, path, pid: 1, at, created: false, written: false, count: 1, ...more };
}

function coalescer(
  limits = { holdMs: 15, quietMs: 1_000, maxQuiet: 100, maxHeld: 1_000 },
  ownerOf = (_pid: number): string => '',
) {
  const seen: FileAct[] = [];
  return { seen, coalescer: new WriteCoalescer((one) => seen.push(one), limits, ownerOf) };
}

test('creating and writing a file is one act, handed on after the hold', () => {
  const { seen, coalescer: line } = coalescer();
  line.add(act('file_event', '/a', 0, { created: true }));
  line.add(act('file_event', '/a', 5, { written: true }));
  line.flush(14);
  expect(seen).toEqual([]);
  line.flush(15);
  expect(seen).toMatchObject([{ path: '/a', created: true, written: true, count: 2 }]);
});

test('what follows within a second is one more, with its count; then it begins anew', () => {
  const { seen, coalescer: line } = coalescer();
  for (let at = 0; at < 500; at += 1) {
    line.add(act('file_event', '/log', at, { written: true }));
    line.flush(at);
  }
  line.flush(2_000);
  line.flush(2_000);
  expect(seen.map(({ count }) => count)).toEqual([16, 484]);
  line.add(act('file_event', '/log', 9_000, { written: true }));
  line.flush(9_015);
  expect(seen).toHaveLength(3);
});

test('writes by different processes, or to different paths, stay apart', () => {
  const { seen, coalescer: line } = coalescer();
  line.add(act('file_event', '/a', 0, { written: true }));
  line.add(act('file_event', '/a', 0, { written: true, pid: 2 }));
  line.add(act('file_event', '/b', 0, { written: true }));
  line.flush(20);
  expect(seen).toHaveLength(3);
});

test('attributes that a process gives its own new file belong to its making; those of other files do not', () => {
  const { seen, coalescer: line } = coalescer();
  line.add(act('file_event', '/new', 0, { created: true }));
  line.add(act('file_change', '/new', 1));
  line.add(act('file_change', '/new', 1, { pid: 2 }));
  line.add(act('file_event', '/old', 2, { written: true }));
  line.add(act('file_change', '/old', 3));
  line.flush(30);
  line.add(act('file_change', '/new', 500));
  line.drain(600);
  const changes = seen.filter(({ kind }) => kind === 'file_change');
  expect(changes.map(({ path, pid, ofOwnFile }) => [path, pid, ofOwnFile === true])).toEqual([
    ['/new', 1, true],
    ['/new', 2, false],
    ['/old', 1, false],
    ['/new', 1, true],
  ]);
});

test('many changes of the attributes of one file are few acts, and never one with its writes', () => {
  const { seen, coalescer: line } = coalescer();
  for (let at = 0; at < 500; at += 1) {
    line.add(act('file_change', '/a', at));
    line.add(act('file_event', '/a', at, { written: true }));
    line.flush(at);
  }
  line.drain(2_000);
  expect(seen.map(({ kind, count }) => [kind, count])).toEqual([
    ['file_change', 16],
    ['file_event', 16],
    ['file_change', 484],
    ['file_event', 484],
  ]);
});

test('a write that was gathered comes before the rename of its file', () => {
  const { seen, coalescer: line } = coalescer();
  line.add(act('file_event', '/a', 0, { created: true }));
  line.flush(20);
  line.add(act('file_event', '/a', 30, { written: true }));
  line.add(act('file_rename', '/b', 31, { renamedFrom: '/a' }));
  line.add(act('file_delete', '/a', 32));
  line.flush(60);
  expect(seen.map(({ kind }) => kind).slice(0, 2)).toEqual(['file_event', 'file_rename']);
  line.drain(60);
  expect(seen.reduce((sum, { count }) => sum + count, 0)).toBe(4);
});

test('no act is forgotten, whatever the bound and the order', () => {
  let state = 3;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const { seen, coalescer: line } = coalescer({ holdMs: 15, quietMs: 100, maxQuiet: 5, maxHeld: 1_000 });
  let now = 0;
  for (let step = 0; step < 20_000; step += 1) {
    now += random(4);
    const kind = (['file_event', 'file_event', 'file_rename', 'file_delete'] as const)[random(4)] ?? 'file_event';
    line.add(act(kind, `/${random(30)}`, now, { written: true }));
    if (random(5) === 0) line.flush(now);
  }
  line.drain(now);
  expect(line.held).toBe(0);
  expect(seen.reduce((sum, { count }) => sum + count, 0)).toBe(20_000);
});

test('the path cache holds no more than it may, and forgets what lies below a name', () => {
  const cache = new DirectoryCache(10, (path) => isBelow(path, ['/own']));
  for (let index = 0; index < 100; index += 1) cache.set(`k${index}`, `/d${index}`);
  expect(cache.size).toBe(10);
  expect(cache.get('k99')?.path).toBe('/d99');
  expect(cache.set('own', '/own/sub').ignored).toBe(true);
  expect(cache.set('other', '/owner').ignored).toBe(false);
  cache.set('below', '/moved/a/b');
  cache.set('beside', '/moved-not');
  cache.forgetBelow(['/moved', '/elsewhere']);
  expect([cache.get('below'), cache.get('beside')?.path]).toEqual([undefined, '/moved-not']);
  cache.clear();
  expect(cache.size).toBe(0);
});

test('users take turns, and when too many wait the one who has most of them loses', () => {
  const limits = { holdMs: 0, quietMs: 1_000, maxQuiet: 100, maxHeld: 10 };
  const { seen, coalescer: line } = coalescer(limits, (pid) => (pid === 1 ? 'flood' : 'other'));
  for (let at = 0; at < 30; at += 1) line.add(act('file_delete', `/flood-${at}`, 0));
  expect([line.held, line.lost]).toEqual([10, 20]);
  expect([line.refuses(1), line.refuses(2)]).toEqual([true, false]);
  for (let at = 0; at < 3; at += 1) line.add(act('file_delete', `/other-${at}`, 0, { pid: 2 }));
  expect([line.held, line.lost]).toEqual([10, 24]);
  let room = 6;
  line.flush(0, () => room-- > 0);
  expect(seen.map(({ pid }) => pid)).toEqual([1, 2, 1, 2, 1, 2]);
});

test('an act that gave way is not waited for: the next one of its kind is told', () => {
  const limits = { holdMs: 15, quietMs: 1_000, maxQuiet: 100, maxHeld: 1 };
  const { seen, coalescer: line } = coalescer(limits);
  line.add(act('file_event', '/a', 0, { written: true }));
  line.add(act('file_event', '/b', 0, { written: true }));
  line.flush(20);
  line.add(act('file_event', '/b', 21, { written: true }));
  line.flush(40);
  expect(seen.map(({ path }) => path)).toEqual(['/a', '/b']);
});
