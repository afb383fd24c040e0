import { describe, expect, test } from 'vitest';
import type { Observation } from '../sensors/sensor.ts';
import { createProcessTable, FORK_SERVICE, type LiveProcessTable } from './create-process-table.ts';
import type { ProcFacts, ProcReader } from './read-proc.ts';

const BOOT = 1_000_000;

/** A machine whose processes the test starts and ends, with a wall clock that may jump. */
class Machine implements ProcReader {
  readonly processes = new Map<number, ProcFacts>();
  bootTime = 10_000;
  wallOffset = BOOT;
  reads = 0;

  list = () => [...this.processes.keys()];
  read = (pid: number) => {
    this.reads += 1;
    return this.processes.get(pid);
  };
  startTicks = (pid: number) => this.processes.get(pid)?.startTicks;
  run(pid: number, parentPid: number, image?: string): void {
    const startTicks = Math.floor(this.bootTime / 10);
    const described = image === undefined ? {} : { image, commandLine: image, uid: 0 };
    this.processes.set(pid, { pid, parentPid, startTicks, ...described });
  }
  table(maxRecords?: number, bootId = 'boot-1'): LiveProcessTable {
    return createProcessTable({
      clock: { now: () => this.bootTime + this.wallOffset },
      bootId,
      readProc: this,
      bootTime: () => this.bootTime,
      userName: (uid) => `user-${uid}`,
      ...(maxRecords === undefined ? {} : { maxRecords }),
    });
  }
  #seen(logsource: Observation['logsource'], pid: number, more: Partial<Observation>): Observation {
    return { logsource, time: this.bootTime + this.wallOffset, bootTime: this.bootTime, pid, fields: {}, ...more };
  }
  fork = (pid: number, parentPid: number, startTicks?: number) =>
    this.#seen({ product: 'linux', service: FORK_SERVICE }, pid, {
      parentPid,
      fields: startTicks === undefined ? {} : { StartTicks: startTicks },
    });
  exec = (pid: number, parentPid: number, image: string) =>
    this.#seen({ product: 'linux', category: 'process_creation' }, pid, {
      parentPid,
      fields: { Image: image, CommandLine: `${image} --run`, User: 'root' },
    });
  exit = (pid: number) => this.#seen({ product: 'linux', category: 'process_termination' }, pid, { exitCode: 0 });
}

function machineWithInit(): Machine {
  const machine = new Machine();
  machine.run(1, 0, '/sbin/init');
  machine.run(100, 1, '/bin/sh');
  machine.bootTime = 50_000;
  return machine;
}

describe('the process table', () => {
  test('knows what runs when it starts, with its parents', () => {
    const machine = machineWithInit();
    const table = machine.table();
    const shell = table.byPid(100);
    expect(shell).toMatchObject({
      pid: 100,
      image: '/bin/sh',
      user: 'user-0',
      startTicks: 1_000,
      startedAt: BOOT + 10_000,
    });
    expect(table.ancestors(shell?.entityId ?? '', 10).map(({ pid }) => pid)).toEqual([1]);
    expect(table.size).toBe(2);
  });

  test('a start that is told before its birth needs no look at the process but for when it was born', () => {
    const machine = machineWithInit();
    const table = machine.table();
    machine.run(200, 100, '/bin/true');
    const birth = machine.fork(200, 100, 5_000);
    machine.bootTime += 2;
    const { reads } = machine;
    const started = table.apply(machine.exec(200, 100, '/bin/true'));
    expect(machine.reads).toBe(reads);
    expect(started).toMatchObject({ parentPid: 100, startTicks: 5_000, startedAt: BOOT + 50_000, image: '/bin/true' });
    expect(table.apply(birth)?.entityId).toBe(started?.entityId);
    // The same after a restart of the agent.
    expect(machine.table().byPid(200)?.entityId).toBe(started?.entityId);
  });

  test('a start whose pid has another owner by now is not taken for that one', () => {
    const machine = machineWithInit();
    const table = machine.table();
    const exec = machine.exec(200, 100, '/bin/true');
    machine.bootTime += 5_000;
    machine.run(200, 1, '/usr/bin/cron');
    const started = table.apply(exec);
    expect(started?.startTicks).toBeUndefined();
    machine.bootTime += 1;
    table.apply(machine.fork(200, 1, 5_500));
    expect(table.byPid(200)?.entityId).not.toBe(started?.entityId);
  });

  test('an id is the same after a restart of the agent, and another after a restart of the machine', () => {
    const machine = machineWithInit();
    const id = machine.table().byPid(100)?.entityId;
    expect(machine.table().byPid(100)?.entityId).toBe(id);
    expect(machine.table(undefined, 'boot-2').byPid(100)?.entityId).not.toBe(id);
    expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  test('a fork is what its parent is, until it becomes something else under the same id', () => {
    const machine = machineWithInit();
    const table = machine.table();
    const forked = table.apply(machine.fork(200, 100, 5_000));
    expect(forked).toMatchObject({ pid: 200, parentPid: 100, image: '/bin/sh', startTicks: 5_000 });
    machine.bootTime += 3;
    const running = table.apply(machine.exec(200, 100, '/usr/bin/curl'));
    expect(running).toMatchObject({ entityId: forked?.entityId, image: '/usr/bin/curl', user: 'root' });
    expect(running?.parentEntityId).toBe(table.byPid(100)?.entityId);
  });

  test('an id from the fork is the one that /proc gives later', () => {
    const machine = machineWithInit();
    const table = machine.table();
    machine.run(200, 100, '/bin/sh');
    const forked = table.apply(machine.fork(200, 100, 5_000));
    expect(machine.table().byPid(200)?.entityId).toBe(forked?.entityId);
  });

  test('an exec that is heard of before its fork is the same process, with the parent that forked it', () => {
    const machine = machineWithInit();
    const table = machine.table();
    const fork = machine.fork(200, 100);
    machine.bootTime += 5;
    // By now the parent is gone and init has taken its place.
    const first = table.apply(machine.exec(200, 1, '/bin/ls'));
    const second = table.apply(fork);
    expect(second?.entityId).toBe(first?.entityId);
    expect(second?.parentPid).toBe(100);
  });

  test('an exec that is heard of after its exit belongs to the process that ended', () => {
    const machine = machineWithInit();
    const table = machine.table();
    const forked = table.apply(machine.fork(200, 100));
    machine.bootTime += 2;
    const exec = machine.exec(200, 100, '/bin/ls');
    machine.bootTime += 2;
    table.apply(machine.exit(200));
    machine.bootTime += 20;
    const late = table.apply(exec);
    expect(late).toMatchObject({ entityId: forked?.entityId, image: '/bin/ls', endedAt: expect.any(Number) });
    expect(table.byPid(200)).toBeUndefined();
  });

  test('a pid that is used again is another process; each event finds its own', () => {
    const machine = machineWithInit();
    const table = machine.table();
    const first = table.apply(machine.fork(200, 100));
    machine.bootTime += 1_000;
    const lateExit = machine.exit(200);
    machine.bootTime += 1_000;
    const second = table.apply(machine.fork(200, 1));
    expect(second?.entityId).not.toBe(first?.entityId);
    table.apply(lateExit);
    expect(table.byPid(200)?.entityId).toBe(second?.entityId);
    expect(table.get(first?.entityId ?? '')?.endedAt).toBe(lateExit.time);
    const between = { time: lateExit.time - 500, bootTime: (lateExit.bootTime ?? 0) - 500 };
    expect(table.at(200, between)?.entityId).toBe(first?.entityId);
  });

  test('a wall clock that jumps an hour back misleads nothing', () => {
    const machine = machineWithInit();
    const table = machine.table();
    const forked = table.apply(machine.fork(200, 100));
    machine.wallOffset -= 3_600_000;
    machine.bootTime += 10;
    expect(table.apply(machine.exec(200, 100, '/bin/ls'))?.entityId).toBe(forked?.entityId);
    machine.wallOffset += 7_200_000;
    machine.bootTime += 10;
    expect(table.apply(machine.exit(200))?.entityId).toBe(forked?.entityId);
    expect(table.byPid(200)).toBeUndefined();
  });

  test('descendants are the live ones, parents first, through ended ones in between', () => {
    const machine = machineWithInit();
    const table = machine.table();
    for (const [pid, parent] of [
      [200, 100],
      [201, 200],
      [202, 201],
      [203, 200],
      [300, 1],
    ] as const) {
      machine.bootTime += 1;
      table.apply(machine.fork(pid, parent));
    }
    table.apply(machine.exit(201));
    const shell = table.byPid(100)?.entityId ?? '';
    expect(table.descendants(shell).map(({ pid }) => pid)).toEqual([200, 203, 202]);
  });

  test('applying the same observation again changes nothing', () => {
    const machine = machineWithInit();
    const table = machine.table();
    const first = machine.exec(200, 100, '/bin/one');
    const record = table.apply(first);
    machine.bootTime += 1;
    table.apply(machine.exec(200, 100, '/bin/two'));
    expect(table.apply(first)).toEqual(record);
    expect(table.byPid(200)?.image).toBe('/bin/two');
  });

  test('the system is read once for a process that it was not told of, and not for one that is gone', () => {
    const machine = machineWithInit();
    const table = machine.table();
    machine.run(500, 100, '/bin/late');
    const before = machine.reads;
    expect(table.byPid(500)?.image).toBe('/bin/late');
    expect(table.byPid(500)?.image).toBe('/bin/late');
    expect(machine.reads - before).toBe(1);
    expect(table.byPid(999)).toBeUndefined();
  });

  test('reconciling ends what is gone, adds what is new and notices a pid used again', () => {
    const machine = machineWithInit();
    const table = machine.table();
    const shell = table.byPid(100)?.entityId ?? '';
    machine.processes.delete(100);
    machine.run(600, 1, '/bin/new');
    expect(table.reconcile()).toBe(2);
    expect(table.get(shell)?.endedAt).toBeDefined();
    const before = table.byPid(600)?.entityId;
    machine.bootTime += 5_000;
    machine.run(600, 1, '/bin/other');
    expect(table.reconcile()).toBe(1);
    expect(table.byPid(600)).toMatchObject({ image: '/bin/other' });
    expect(table.byPid(600)?.entityId).not.toBe(before);
    expect(table.reconcile()).toBe(0);
  });

  test('never more records than allowed: ended ones go first, those with running children last', () => {
    const machine = machineWithInit();
    const table = machine.table(50);
    const parent = table.apply(machine.fork(200, 100))?.entityId ?? '';
    const child = table.apply(machine.fork(201, 200))?.entityId ?? '';
    table.apply(machine.exit(200));
    for (let pid = 1_000; pid < 3_000; pid += 1) {
      machine.bootTime += 1;
      table.apply(machine.fork(pid, 1));
      table.apply(machine.exit(pid));
    }
    expect(table.size).toBeLessThanOrEqual(50);
    expect(table.evicted).toBeGreaterThan(1_900);
    expect(table.get(child)?.parentEntityId).toBe(parent);
    expect(table.get(parent)?.image).toBe('/bin/sh');
    expect(table.byPid(1)?.image).toBe('/sbin/init');
  });

  test('command lines without end do not fill the memory', () => {
    const machine = machineWithInit();
    const table = machine.table(100_000);
    const line = 'x'.repeat(30_000);
    for (let pid = 1_000; pid < 6_000; pid += 1) {
      const exec = machine.exec(pid, 1, '/bin/x');
      table.apply({ ...exec, fields: { ...exec.fields, CommandLine: line } });
      table.apply(machine.exit(pid));
      machine.bootTime += 1;
    }
    expect(table.size * 8_192).toBeLessThan(2 * 16 * 1024 * 1024);
    expect(table.evicted).toBeGreaterThan(0);
  });

  test('a random history, replayed in a slightly wrong order, keeps its invariants', () => {
    let state = 7;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const machine = machineWithInit();
    const table = machine.table(200);
    const late: Observation[] = [];
    for (let step = 0; step < 20_000; step += 1) {
      machine.bootTime += random(3);
      const pid = 1_000 + random(100);
      const kind = random(3);
      const observation =
        kind === 0
          ? machine.fork(pid, 1 + random(2) * 99)
          : kind === 1
            ? machine.exec(pid, 100, '/x')
            : machine.exit(pid);
      if (random(10) === 0) late.push(observation);
      else table.apply(observation);
      if (late.length > 5) for (const one of late.splice(0)) table.apply(one);
      expect(table.size).toBeLessThanOrEqual(200);
      const record = table.byPid(pid);
      if (!record) continue;
      expect(record.endedAt).toBeUndefined();
      expect(table.ancestors(record.entityId, 1_000).length).toBeLessThan(200);
      expect(table.descendants(record.entityId).some(({ entityId }) => entityId === record.entityId)).toBe(false);
    }
  });
});
