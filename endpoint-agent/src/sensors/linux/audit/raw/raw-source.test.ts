import type { EventFields } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { type AuditLine, execLines, pathLine, syscallLine } from '../../../../../../test/fakes/auditd-records.ts';
import type { Observation } from '../../../sensor.ts';
import { RECORD } from '../constants.ts';
import { EventAssembler } from '../event-assembler.ts';
import type { AuditRule } from '../rule.ts';
import { abisOf } from '../syscalls.ts';
import type { AuditDemand } from './audit-demand.ts';
import { RawRecords } from './raw-records.ts';
import { RawSource } from './raw-source.ts';

const DEMAND: AuditDemand = {
  records: { SYSCALL: 'any', EXECVE: 'any', PATH: 'any', ADD_USER: 'any' },
  syscalls: ['sysinfo', 'sendto'],
  anySyscall: true,
  names: ['/etc/issue'],
};

class Stage {
  now = 0;
  serial = 0;
  readonly seen: Observation[] = [];
  readonly rules: (readonly AuditRule[])[] = [];
  readonly source = new RawSource({
    records: new RawRecords([]),
    abis: abisOf('x64'),
    emit: (observation) => this.seen.push(observation),
    setRules: (rules) => this.rules.push(rules),
    bootTimeOf: (time) => time - 1_795_551_000_000,
    monotonic: () => this.now,
  });

  /** The records that go with the event's own observation. */
  take(isObserved: boolean, ...lines: readonly AuditLine[]): readonly EventFields[] {
    this.serial += 1;
    let made: readonly EventFields[] = [];
    const assembler = new EventAssembler((event) => {
      made = this.source.of(event, isObserved);
    });
    for (const [type, body] of [...lines, [RECORD.EOE, ''] as const]) {
      assembler.add(type, `audit(1795551447.398:${this.serial}): ${body}`, 0);
    }
    return made;
  }
}

function stage(demand?: AuditDemand): Stage {
  const made = new Stage();
  if (demand) made.source.demand(demand);
  return made;
}

describe('without a rule for the raw log', () => {
  test('nothing is made of anything', () => {
    const { source, seen, ...rest } = stage();
    expect(stage().take(true, ...execLines(['id']))).toEqual([]);
    expect(stage().take(false, syscallLine({ syscall: 99 }))).toEqual([]);
    source.message(1114, `audit(1795551447.398:9): pid=1 uid=0 msg='op=x res=success'`);
    expect([seen, rest.rules]).toEqual([[], []]);
  });
});

describe('with rules', () => {
  test('what has an observation of its own takes its records along, all else becomes one', () => {
    const { take, seen, ...rest } = bound(stage(DEMAND));
    expect(take(true, ...execLines(['cat', 'x'])).map(({ type }) => type)).toEqual(['SYSCALL', 'EXECVE']);
    expect(seen).toEqual([]);
    const read = syscallLine({ syscall: 257, key: '"yagura-raw"' });
    expect(take(false, read, [RECORD.CWD, 'cwd="/etc"'], pathLine(0, 'issue', 'NORMAL'))).toEqual([]);
    expect(seen.map(({ fields: { type } }) => type)).toEqual(['SYSCALL', 'PATH']);
    expect(seen[1]).toMatchObject({
      logsource: { product: 'linux', service: 'auditd' },
      pid: 4_711,
      time: 1_795_551_447_398,
      bootTime: 447_398,
      fields: { name: '/etc/issue' },
    });
    expect(rest.rules).toHaveLength(1);
  });

  test('a message of a program, by its sender', () => {
    const { source, seen } = stage(DEMAND);
    source.message(1114, `audit(1795551447.398:9): pid=77 uid=0 msg='op=add-user acct="x" res=success'`);
    source.message(1112, `audit(1795551447.398:9): pid=77 uid=0 msg='op=login acct="x" res=success'`);
    source.message(1114, 'no record');
    expect(seen.map(({ pid, fields }) => [pid, fields['type'], fields['op']])).toEqual([[77, 'ADD_USER', 'add-user']]);
  });

  test('calls that come by the thousand only for a rule that names them', () => {
    const { take } = bound(stage(DEMAND));
    const types = (syscall: number) => take(true, syscallLine({ syscall })).length;
    expect([types(44), types(43), types(42), types(101)]).toEqual([1, 0, 1, 1]);
  });

  test('the key: somebody else’s as it is, ours as the well-known configuration has it', () => {
    const { take } = bound(stage(DEMAND));
    const keyOf = (...lines: readonly AuditLine[]) => take(true, ...lines)[0]?.['key'];
    expect(keyOf(syscallLine({ syscall: 90, key: '"perm_mod"' }))).toBe('perm_mod');
    expect(keyOf(...execLines(['id']))).toBeUndefined();
    expect(keyOf(...execLines(['wget'], { exe: '/usr/bin/wget' }))).toBe('susp_activity');
    // By the name it was started by, where the program behind it has another one.
    const link = execLines(['nc'], { exe: '/usr/bin/nc.openbsd' }).filter(([type]) => type !== RECORD.PATH);
    expect(keyOf(...link, pathLine(0, '/bin/nc', 'NORMAL'))).toBe('susp_activity');
    expect(keyOf(...execLines(['wget'], { exe: '/usr/bin/wget', success: 'no' }))).toBeUndefined();
    const connect = (a2: string) => syscallLine({ syscall: 42, arguments: ['3', '7f', a2, '0'] });
    expect([keyOf(connect('10')), keyOf(connect('1c'))]).toEqual(['network_connect_4', undefined]);
  });
});

describe('never in the way', () => {
  test('a system call that all processes together make too often leaves the kernel’s rules for a minute', () => {
    const made = stage(DEMAND);
    const numbers = () => made.rules.at(-1)?.flatMap(({ syscalls = [] }) => syscalls) ?? [];
    expect(numbers()).toContain(99);
    for (let count = 0; count < 2_001; count += 1) made.take(false, syscallLine({ syscall: 99 }));
    expect(numbers()).not.toContain(99);
    expect(made.source.leftOut).toEqual(['sysinfo']);
    made.now = 59_999;
    made.source.tick();
    expect(numbers()).not.toContain(99);
    made.now = 60_000;
    made.source.tick();
    expect(numbers()).toContain(99);
    expect(made.source.leftOut).toEqual([]);
  });

  test('more records than a second may have are left out and counted', () => {
    const made = stage(DEMAND);
    for (let count = 0; count < 1_500; count += 1) made.take(false, syscallLine({ syscall: 90, key: '"theirs"' }));
    expect([made.seen.length, made.source.shed]).toEqual([1_000, 500]);
    made.now = 1_000;
    made.take(false, syscallLine({ syscall: 90, key: '"theirs"' }));
    expect([made.seen.length, made.source.shed]).toEqual([1_001, 500]);
  });
});

function bound(made: Stage) {
  return { take: made.take.bind(made), seen: made.seen, rules: made.rules };
}
