import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import type { EventFields } from '@yagura/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AUDITD_CASES } from '../../../test/fakes/auditd-records.ts';
import { absent, corpusSources } from '../../../test/fakes/public-test-data.ts';
import { type CaptureProbe, compile, NO_CC, NO_KERNEL, startCapture } from '../../../test/support/capture-probe.ts';
import { eventually } from '../../../test/support/wait.ts';
import { createSigmaEvaluator } from '../core/index.ts';
import { ARCH } from '../sensors/linux/audit/constants.ts';
import { openAuditControl } from '../sensors/linux/audit/control.ts';
import { AUDITD_SERVICE, type AuditDemand, NO_DEMAND } from '../sensors/linux/audit/raw/audit-demand.ts';
import { MESSAGE_TYPE_NAMES, MESSAGE_TYPE_NUMBERS, messageTypeName } from '../sensors/linux/audit/raw/message-types.ts';
import { AFFORDABLE_SYSCALLS } from '../sensors/linux/audit/raw/record-rules.ts';
import { syscallNumber } from '../sensors/linux/audit/raw/syscall-names.ts';
import { isRaw } from '../sensors/linux/audit/rules.ts';
import type { Observation } from '../sensors/sensor.ts';
import { auditDemandOf } from './audit-demand.ts';

const NOBODY = 65_534;
const NATIVE = process.arch === 'arm64' ? ARCH.AARCH64 : ARCH.X86_64;
const MESSENGER = join(import.meta.dirname, '../../../test/support/audit-message-child.ts');
const CALLER = readFileSync(join(import.meta.dirname, '../../../test/support/syscall-program.c'), 'utf8');

/** Everything that a rule could ask for. */
const EVERYTHING: AuditDemand = {
  records: Object.fromEntries(['SYSCALL', 'EXECVE', 'PATH', ...MESSAGE_TYPE_NAMES].map((type) => [type, 'any'])),
  syscalls: [...AFFORDABLE_SYSCALLS, 'socket'],
  anySyscall: true,
  names: ['/proc/version', '/etc/issue', '/etc/login.defs', '.hidden', '/var/run/'],
};

/** Rules that see more than a program's arguments: what the tests here did makes them match. */
const REAL_ACTS = [
  'bpfdoor_file_accessed',
  'clean_disable_dmesg_logs_via_syslog',
  'create_account',
  'disable_system_firewall',
  'hidden_binary_execution',
  'load_module_insmod',
  'network_service_scanning',
  'split_file_into_pieces',
  'susp_c2_commands',
  'susp_discovery_sysinfo_syscall',
  'susp_exe_folders',
  'susp_special_file_creation_via_mknod_syscall',
  'system_info_discovery2',
  'web_rce',
  'exploit_cve_2026_31431_af_alg_socket_creation',
]
  // Not every machine has kmod where the rule seeks it.
  .filter((name) => name !== 'load_module_insmod' || existsSync('/usr/bin/kmod'))
  .map((name) => `lnx_auditd_${name}.yml`);

function recordsOf({ logsource, fields, records }: Observation): readonly EventFields[] {
  return logsource.service === AUDITD_SERVICE ? [fields] : (records?.fields ?? []);
}

function ownRules(): number {
  using control = openControl();
  const rules = control.rules();
  return typeof rules === 'number' ? rules : rules.filter(isRaw).length;
}

function openControl() {
  const control = openAuditControl();
  if (typeof control === 'number') throw new Error(`audit: ${control}`);
  return control;
}

describe.skipIf(NO_KERNEL)(`raw audit records of real acts${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`, () => {
  let probe: CaptureProbe;

  beforeAll(async () => {
    probe = await startCapture();
    chmodSync(probe.folder, 0o755);
  });
  afterAll(() => probe[Symbol.asyncDispose]());

  const find = (what: string, fits: (fields: EventFields) => boolean) =>
    eventually(what, () => probe.seen.flatMap(recordsOf).find(fits));
  const demand = async (wanted: AuditDemand, rules: (count: number) => boolean) => {
    probe.demand(wanted);
    await eventually('the kernel has the rules', () => (rules(ownRules()) ? true : undefined));
  };

  test('without a rule that asks for them there are none, and the kernel has no rule for them', async () => {
    await demand(NO_DEMAND, (count) => count === 0);
    spawnSync('/bin/true', ['before-any-demand']);
    await probe.find('process_creation', ({ fields }) => fields['CommandLine'] === '/bin/true before-any-demand');
    expect(probe.seen.flatMap(recordsOf)).toEqual([]);
    await demand(EVERYTHING, (count) => count > 0);
  });

  test('a program start: its arguments decoded, its call by name, its files', async () => {
    spawnSync('/bin/true', ['-t', 'two words', '日本', 'raw-exec-mark'], { argv0: 'xclip', uid: NOBODY, gid: NOBODY });
    const start = await probe.find('process_creation', ({ fields }) =>
      String(fields['CommandLine']).endsWith('raw-exec-mark'),
    );
    const [call, exec] = recordsOf(start);
    expect(exec).toMatchObject({ type: 'EXECVE', argc: 5, a0: 'xclip', a1: '-t', a2: 'two words', a3: '日本' });
    expect(call).toMatchObject({ type: 'SYSCALL', SYSCALL: 'execve', comm: 'true', euid: '65534', success: 'yes' });
    expect(call).toMatchObject({ exe: String(start.fields['Image']), pid: String(start.pid) });
    // It is of an act that has an event of its own: none is made of the records.
    expect(probe.seen.filter(({ logsource, pid }) => logsource.service && pid === start.pid)).toEqual([]);
  });

  test('the well-known key of a program that rules know by it', async () => {
    const copy = join(probe.folder, 'wget');
    copyFileSync('/bin/true', copy);
    spawnSync(copy, ['not-the-system-one']);
    const other = await find('wget elsewhere', ({ type, exe }) => type === 'SYSCALL' && exe === copy);
    expect(other['key']).toBeUndefined();
    spawnSync('/usr/bin/base64', ['--version']);
    const known = await find('base64', ({ type, exe }) => type === 'SYSCALL' && exe === '/usr/bin/base64');
    expect(known['key']).toBe('susp_activity');
  });

  test.skipIf(NO_CC)(
    `rare system calls by their names, also those that fail${NO_CC ? ` (${NO_CC})` : ''}`,
    async () => {
      const caller = compile(probe.folder, 'caller', CALLER) ?? '';
      const words = AFFORDABLE_SYSCALLS.flatMap((name) => {
        const number = syscallNumber(NATIVE, name);
        const first = name === 'personality' ? '0x40000' : name === 'syslog' ? '5' : '-1';
        return number === undefined ? [] : [String(number), first, '-1', '-1'];
      });
      const socket = syscallNumber(NATIVE, 'socket');
      const sockets = ['38', '2'].flatMap((family) => [String(socket), family, '1', '0']);
      expect(spawnSync(caller, [...words, ...sockets], { uid: NOBODY, gid: NOBODY }).status).toBe(0);
      const own = (fields: EventFields) => fields['type'] === 'SYSCALL' && fields['exe'] === caller;
      await find('the last call', (fields) => own(fields) && fields['SYSCALL'] === 'socket');
      const calls = probe.seen.flatMap(recordsOf).filter(own);
      const names = new Set(calls.map(({ SYSCALL }) => SYSCALL));
      expect(
        AFFORDABLE_SYSCALLS.filter((name) => syscallNumber(NATIVE, name) !== undefined && !names.has(name)),
      ).toEqual([]);
      const of = (name: string) => calls.filter(({ SYSCALL }) => SYSCALL === name).map(({ a0 }) => a0);
      expect([of('personality'), of('syslog'), of('socket')]).toEqual([['40000'], ['5'], ['26']]);
    },
  );

  test.skipIf(NO_CC)(`a connection with its key, and a listening socket${NO_CC ? ` (${NO_CC})` : ''}`, async () => {
    const caller = compile(
      probe.folder,
      'nc',
      `#include <arpa/inet.h>
       #include <stdlib.h>
       #include <sys/socket.h>
       int main(int c,char**v){struct sockaddr_in a={AF_INET,htons(atoi(v[1]))};a.sin_addr.s_addr=htonl(0x7f000001);
       int l=socket(AF_INET,SOCK_STREAM,0);listen(l,1);
       return connect(socket(AF_INET,SOCK_STREAM,0),(void*)&a,sizeof a);}`,
    );
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    const port = typeof bound === 'object' && bound ? bound.port : 0;
    expect(spawnSync(caller ?? '', [String(port)]).status).toBe(0);
    server.close();
    const of = (name: string) => (fields: EventFields) => fields['exe'] === caller && fields['SYSCALL'] === name;
    expect(await find('connect', of('connect'))).toMatchObject({ a2: '10', key: 'network_connect_4' });
    expect(await find('listen', of('listen'))).toMatchObject({ success: 'yes' });
  });

  test.each(['/proc/version', '/etc/issue', '/etc/login.defs'])('a read of %s, by a relative path', async (path) => {
    spawnSync('/bin/cat', [basename(path)], { cwd: join(path, '..') });
    expect(await find(path, ({ type, name }) => type === 'PATH' && name === path)).toMatchObject({
      nametype: 'NORMAL',
    });
  });

  test('a file that is made, written, renamed and removed, by both names of its directory', async () => {
    const hidden = join(probe.folder, '.hidden');
    const script = `: > ${hidden}; echo x >> ${hidden}; mv ${hidden} ${hidden}2; rm ${hidden}2; : > /run/haldrund.pid; rm /run/haldrund.pid`;
    spawnSync('/bin/sh', ['-c', script]);
    const made = [
      [hidden, 'CREATE'],
      [hidden, 'DELETE'],
      [`${hidden}2`, 'CREATE'],
      [`${hidden}2`, 'DELETE'],
      ['/var/run/haldrund.pid', 'CREATE'],
    ];
    for (const [name, nametype] of made) {
      expect(
        await find(`${name} ${nametype}`, (fields) => fields['name'] === name && fields['nametype'] === nametype),
      ).toEqual({ type: 'PATH', name, nametype });
    }
  });

  test('a message of every type that a program may write', async () => {
    const text = `unit=ufw op=test acct="hanako" exe="/usr/sbin/x" hostname=? addr=? terminal=pts/0 res=success`;
    // The kernel takes USER_TTY only from a process whose terminal is watched.
    const numbers = MESSAGE_TYPE_NUMBERS.filter((number) => messageTypeName(number) !== 'USER_TTY');
    const words = numbers.flatMap((type) => [String(type), text]);
    const child = spawnSync(process.execPath, [MESSENGER, ...words], { encoding: 'utf8' });
    expect(child.status, child.stderr).toBe(0);
    for (const number of numbers) {
      const type = messageTypeName(number);
      const made = await find(String(type), (fields) => fields['type'] === type && fields['pid'] === String(child.pid));
      expect(made).toMatchObject({ uid: '0', acct: 'hanako', exe: '/usr/sbin/x', terminal: 'pts/0', res: 'success' });
    }
  });

  test('the real useradd says that it adds a user', async ({ skip }) => {
    const root = join(probe.folder, 'root');
    mkdirSync(join(root, 'etc'), { recursive: true });
    for (const name of ['passwd', 'shadow', 'group', 'gshadow', 'subuid', 'subgid'])
      writeFileSync(join(root, 'etc', name), '');
    const { status, error } = spawnSync('/usr/sbin/useradd', ['--prefix', root, '--no-create-home', 'yagura-made'], {
      stdio: 'ignore',
    });
    if (error || status !== 0) return skip('useradd cannot add a user below another root here');
    const made = await find('ADD_USER', ({ type, exe }) => type === 'ADD_USER' && exe === '/usr/sbin/useradd');
    expect(made).toMatchObject({ res: 'success' });
  });

  const missing = absent('sigma-rules');
  test.skipIf(missing !== '')(`what public rules say of programs that run under their names${missing}`, async () => {
    const evaluator = createSigmaEvaluator(corpusSources().filter(({ text }) => /service:\s*auditd/.test(text)));
    await demand(auditDemandOf(evaluator.rules), (count) => count > 0);
    const starts = AUDITD_CASES.filter(({ argv, rule }) => argv && !REAL_ACTS.includes(rule));
    for (const { argv = [] } of starts) spawnSync('/bin/true', argv.slice(1), { argv0: argv[0] });
    spawnSync('split', ['--version']);
    spawnSync('/usr/sbin/insmod', ['/nowhere/yagura.ko']);
    spawnSync('/bin/true', [], { uid: 33, gid: 33 });
    const expected = [...new Set([...starts.map(({ rule }) => rule), ...REAL_ACTS])];
    await eventually('every rule has matched', () => {
      const logsource = { product: 'linux', service: AUDITD_SERVICE } as const;
      const matches = probe.seen
        .flatMap(recordsOf)
        .flatMap((fields) => evaluator.evaluate({ eventId: 'e', logsource, time: 1, fields }));
      const ids = new Set(matches.map(({ rule }) => rule.ruleId));
      const matched = evaluator.rules.filter(({ facts }) => ids.has(facts.ruleId));
      const files = new Set(matched.map(({ place }) => basename(place.file)));
      return expected.every((rule) => files.has(rule)) || undefined;
    });
    expect(expected.length).toBeGreaterThan(40);
  });

  test('nothing of this was lost; afterwards the kernel has none of these rules', async () => {
    expect(probe.healthOf('linux-audit')).toMatchObject({ state: 'active', lost: 0 });
    await demand(NO_DEMAND, (count) => count === 0);
    rmSync(join(probe.folder, 'wget'), { force: true });
  });
});
