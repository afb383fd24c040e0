import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MOUNT_NAMESPACE_LIMITS, MountNamespaces } from './mount-namespaces.ts';
import { mountName } from './mounts.ts';

let proc: string;
beforeEach(() => {
  proc = mkdtempSync('/tmp/yagura-proc-');
  run('self', 1, '/');
});
afterEach(() => rmSync(proc, { recursive: true, force: true }));

/** A process as /proc shows it: in this namespace, which has this mounted. */
function run(pid: number | 'self', namespace: number, ...mountPoints: string[]): void {
  const folder = join(proc, String(pid));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'ns'), { recursive: true });
  symlinkSync(`mnt:[${namespace}]`, join(folder, 'ns', 'mnt'));
  const lines = mountPoints.map((point, index) => `1 1 0:${namespace * 10 + index} / ${point} rw - tmpfs t rw\n`);
  writeFileSync(join(folder, 'mountinfo'), lines.join(''));
}

const names = (namespaces: MountNamespaces) => namespaces.mounts.flat().map(mountName);

test('each foreign namespace once, through one of its processes; the own one not at all', () => {
  run(10, 1, '/');
  run(11, 5, '/tmp', '/srv');
  run(12, 5, '/tmp', '/srv');
  run(13, 6, '/opt');
  const namespaces = new MountNamespaces(proc);
  expect(namespaces.refresh(0)).toBe(true);
  expect(names(namespaces)).toEqual([
    '/tmp in mount namespace 5',
    '/srv in mount namespace 5',
    '/opt in mount namespace 6',
  ]);
  expect([namespaces.memberOf(5), namespaces.memberOf(6), namespaces.memberOf(1)]).toEqual([11, 13, undefined]);
});

test('a namespace goes with its last process, and is reached through another one when the first ends', () => {
  run(11, 5, '/tmp');
  run(12, 5, '/tmp');
  const namespaces = new MountNamespaces(proc);
  namespaces.refresh(0);
  rmSync(join(proc, '11'), { recursive: true });
  expect(namespaces.memberOf(5)).toBe(12);
  expect(namespaces.refresh(10_000)).toBe(false);
  expect(namespaces.memberOf(5)).toBe(12);
  rmSync(join(proc, '12'), { recursive: true });
  expect(namespaces.refresh(20_000)).toBe(true);
  expect(namespaces.mounts).toEqual([]);
});

test('what is told of is looked at at once, everything else when it is due', () => {
  const namespaces = new MountNamespaces(proc);
  namespaces.refresh(0);
  run(20, 7, '/a');
  expect(namespaces.refresh(1)).toBe(false);
  namespaces.note(20, false);
  expect([namespaces.hinted, namespaces.refresh(2), names(namespaces).length]).toEqual([true, true, 1]);
  run(20, 7, '/a', '/b');
  namespaces.note(20, false);
  expect(namespaces.refresh(3)).toBe(false);
  namespaces.note(20, true);
  expect([namespaces.refresh(4), names(namespaces).length]).toEqual([true, 2]);
  run(20, 7, '/a', '/b', '/c');
  namespaces.refresh(10_000);
  expect(names(namespaces)).toHaveLength(2);
  namespaces.refresh(40_000);
  expect(names(namespaces)).toHaveLength(3);
  namespaces.note(999, true);
  expect(namespaces.refresh(40_001)).toBe(false);
});

test('a program that mounts and is gone at once: by what was known of it, else by a walk soon', () => {
  run(20, 7, '/a');
  const namespaces = new MountNamespaces(proc);
  namespaces.refresh(0);
  run(20, 7, '/a', '/b');
  namespaces.note(21, false, 7);
  namespaces.note(21, true);
  expect([namespaces.refresh(1), names(namespaces).length]).toEqual([true, 2]);
  run(20, 7, '/a', '/b', '/c');
  namespaces.note(22, true);
  expect(namespaces.refresh(2)).toBe(false);
  expect([namespaces.refresh(2_001), names(namespaces).length]).toEqual([true, 3]);
  expect(namespaces.refresh(4_002)).toBe(false);
});

test('as many namespaces as are bearable, and the count of the processes in the others', () => {
  for (let pid = 10; pid < 20; pid += 1) run(pid, pid, '/x');
  const namespaces = new MountNamespaces(proc, { ...MOUNT_NAMESPACE_LIMITS, namespaces: 4 });
  namespaces.refresh(0);
  expect([namespaces.mounts.length, namespaces.leftOut]).toEqual([4, 6]);
  namespaces.note(19, true);
  namespaces.refresh(1);
  expect(namespaces.mounts).toHaveLength(4);
});

test('a process that moved on while it was looked at counts for neither', () => {
  run(11, 5, '/tmp');
  const namespaces = new MountNamespaces(proc);
  namespaces.note(11, true);
  rmSync(join(proc, '11', 'mountinfo'));
  namespaces.refresh(0);
  expect(namespaces.mounts).toEqual([]);
});
