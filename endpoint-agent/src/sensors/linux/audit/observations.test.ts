import { describe, expect, test } from 'vitest';
import { RECORD } from './constants.ts';
import { EventAssembler } from './event-assembler.ts';
import { type AuditContext, type AuditObservation, toObservation } from './observations.ts';

const context: AuditContext = {
  userName: (uid) => (uid === 0 ? 'root' : `u${uid}`),
  bootTimeOf: (time) => time - 1_795_551_000_000,
  socketProtocol: (pid, fd) => (pid === 42 && fd === 3 ? 'udp' : undefined),
  socketNames: (pid, fd) =>
    pid === 42 && fd === 9
      ? { local: { ip: '192.0.2.7', port: 22 }, peer: { ip: '198.51.100.2', port: 51_000 } }
      : undefined,
};

const IDS = 'ppid=7 pid=42 auid=1000 uid=1000 euid=0 ses=3 exe="/usr/bin/x" key="yagura"';
const NO_LOGIN = 'ppid=7 pid=42 auid=4294967295 uid=0 euid=0 ses=4294967295 exe="/usr/bin/x"';

function observe(...records: (readonly [number, string])[]): AuditObservation | undefined {
  let result: AuditObservation | undefined;
  const assembler = new EventAssembler((event) => {
    result = toObservation(event, context);
  });
  for (const [type, body] of [...records, [RECORD.EOE, ''] as const]) {
    assembler.add(type, `audit(1795551447.398:9): ${body}`, 0);
  }
  assembler.sweep(10_000);
  return result;
}

const syscall = (number: number, more: string, ids = IDS, arch = 'c000003e') =>
  [RECORD.SYSCALL, `arch=${arch} syscall=${number} success=yes ${more} ${ids}`] as const;
const ipv4 = [RECORD.SOCKADDR, 'saddr=0200115C7F0000010000000000000000'] as const;

describe('audit events in the terms of rules', () => {
  test('a process start under a login, by a program with another effective user', () => {
    const result = observe(
      syscall(59, 'exit=0'),
      [RECORD.EXECVE, 'argc=1 a0="x"'],
      [RECORD.CWD, 'cwd=2F746D702F6120622F'],
      [RECORD.PATH, 'item=0 name="/usr/bin/x" inode=11 dev=fe:00'],
      [RECORD.PATH, 'item=1 name="/lib/ld.so" inode=12 dev=fe:00'],
    );
    expect(result?.observation).toEqual({
      logsource: { product: 'linux', category: 'process_creation' },
      time: 1_795_551_447_398,
      bootTime: 447_398,
      pid: 42,
      parentPid: 7,
      fields: {
        ProcessId: 42,
        ParentProcessId: 7,
        Image: '/usr/bin/x',
        CommandLine: 'x',
        CurrentDirectory: '/tmp/a b/',
        User: 'u1000',
        EffectiveUser: 'root',
        LogonUser: 'u1000',
        LogonId: '3',
      },
    });
    expect(result?.image).toEqual({ pid: 42, path: '/usr/bin/x', inodes: [11, 12], executedAt: 1_795_551_447_398 });
  });

  test('what is not set is absent, not a number that means nothing', () => {
    const { fields } =
      observe(syscall(59, 'exit=0', NO_LOGIN), [RECORD.EXECVE, 'argc=1 a0="x"'])?.observation ?? none();
    expect(Object.keys(fields).sort()).toEqual(['CommandLine', 'Image', 'ParentProcessId', 'ProcessId', 'User']);
  });

  test.each([
    ['under way', 42, 'exit=-115 a0=9', 'tcp'],
    ['refused', 42, 'exit=-111 a0=9', 'tcp'],
    ['done: the socket is asked', 42, 'exit=0 a0=3', 'udp'],
    ['done, and the process is gone', 42, 'exit=0 a0=4', undefined],
  ])('a connection %s', (_, number, more, protocol) => {
    const { fields } = observe(syscall(number, more), ipv4)?.observation ?? none();
    expect(fields).toMatchObject({ DestinationIp: '127.0.0.1', DestinationPort: 4_444, Initiated: 'true' });
    expect(fields['Protocol']).toBe(protocol);
  });

  test('asking again about the same connection is none', () => {
    for (const code of [-114, -106]) expect(observe(syscall(42, `exit=${code} a0=3`), ipv4)).toBeUndefined();
  });

  test('a connection to a Unix socket is none', () => {
    expect(observe(syscall(42, 'exit=0 a0=3'), [RECORD.SOCKADDR, 'saddr=01002F72756E2F78'])).toBeUndefined();
  });

  test('a 32-bit connection by socketcall; its descriptor is not in the record', () => {
    const { fields } = observe(syscall(102, 'exit=0 a0=3', IDS, '40000003'), ipv4)?.observation ?? none();
    expect(fields['DestinationPort']).toBe(4_444);
    expect(fields['Protocol']).toBeUndefined();
  });

  test.each([
    ['attach', 101, 'a0=10 a1=63', 'PTRACE_ATTACH', 99],
    ['seize', 101, 'a0=4206 a1=63', 'PTRACE_SEIZE', 99],
    ['write', 311, 'a0=63', 'PROCESS_VM_WRITEV', 99],
  ])('access to another process: %s', (_, number, more, kind, target) => {
    const { observation } = observe(syscall(number, more)) ?? none();
    expect(observation.logsource.category).toBe('process_access');
    expect(observation.fields).toMatchObject({
      SourceProcessId: 42,
      SourceImage: '/usr/bin/x',
      TargetProcessId: target,
      GrantedAccess: kind,
    });
    expect(observation.fields['Image']).toBeUndefined();
  });

  test('a loaded module by its name', () => {
    const { observation } = observe(syscall(313, 'exit=0'), [RECORD.KERN_MODULE, 'name="rootkit"']) ?? none();
    expect(observation).toMatchObject({ logsource: { category: 'driver_load' }, fields: { ImageLoaded: 'rootkit' } });
  });

  test('a read of a watched file, whether our key stands alone or among others', () => {
    const path = [RECORD.PATH, 'item=0 name="../shadow" inode=5 nametype=NORMAL'] as const;
    const cwd = [RECORD.CWD, 'cwd="/etc/ssh"'] as const;
    for (const key of ['"yagura-read"', Buffer.from('other\u0001yagura-read').toString('hex').toUpperCase()]) {
      const { observation } = observe(syscall(257, `key=${key}`, NO_LOGIN), cwd, path) ?? none();
      expect(observation).toMatchObject({
        logsource: { category: 'file_access' },
        fields: { TargetFilename: '/etc/shadow' },
      });
    }
    expect(observe(syscall(257, 'key="other"', NO_LOGIN), cwd, path)).toBeUndefined();
  });

  test('events of foreign rules about other system calls are none of ours', () => {
    expect(observe(syscall(82, 'exit=0'))).toBeUndefined();
    expect(observe([RECORD.CWD, 'cwd="/"'])).toBeUndefined();
  });
});

function none(): never {
  throw new Error('there was no observation');
}
