import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CaptureProbe, compile, NO_CC, startCapture } from '../../../../../test/support/capture-probe.ts';
import type { Observation } from '../../sensor.ts';

const PROGRAM = readFileSync(new URL('../../../../../test/support/process-program.c', import.meta.url), 'utf8');
const NOBODY = 65_534;

describe.skipIf(NO_CC)(`what processes do is seen${NO_CC ? ` (${NO_CC})` : ''}`, () => {
  let probe: CaptureProbe;
  let program: string;
  let marks = 0;

  beforeAll(async () => {
    probe = await startCapture({ sources: ['linux-audit', 'linux-processes'] });
    program = compile(probe.folder, 'process-program', PROGRAM, ['-pthread']) ?? '';
    chmodSync(probe.folder, 0o755);
  });
  afterAll(async () => {
    await probe[Symbol.asyncDispose]();
  });

  const start = (line: string) =>
    probe.find('process_creation', ({ fields }) => String(fields['CommandLine']).endsWith(line));

  async function standing(pid: number, eventType: string): Promise<Observation> {
    const find = () => probe.seen.find((seen) => seen.pid === pid && seen.fields['EventType'] === eventType);
    await expect.poll(find, { timeout: 5_000 }).toBeDefined();
    const found = find();
    if (!found) throw new Error(eventType);
    return found;
  }

  test.each(['thread', 'vfork', 'double-fork'])('a program started by %s', async (way) => {
    const mark = `started-${++marks}`;
    const { pid } = spawnSync(program, [way, mark]);
    const { fields, pid: started } = await start(`true ${mark}`);
    expect(fields['CommandLine']).toBe(`true ${mark}`);
    if (way === 'thread') expect(started).toBe(pid);
    else expect(String(fields['ParentCommandLine'])).toBe(`${program} ${way} ${mark}`);
  });

  test('a program that lies in memory only', async () => {
    const mark = `memfd-${++marks}`;
    expect(spawnSync(program, ['memfd', mark]).status).toBe(0);
    const { fields } = await start(`true ${mark}`);
    expect(fields).toMatchObject({ Image: '/memfd:payload (deleted)', ImageState: 'memfd' });
  });

  test('a program whose file was removed before it started', async () => {
    const mark = `deleted-${++marks}`;
    const copy = join(probe.folder, 'removed');
    copyFileSync('/bin/true', copy);
    expect(spawnSync(program, ['deleted', mark, copy]).status).toBe(0);
    expect((await start(`true ${mark}`)).fields).toMatchObject({ Image: `${copy} (deleted)`, ImageState: 'deleted' });
  });

  test('a script, by its first line and by hand', async () => {
    const script = join(probe.folder, 'script.sh');
    writeFileSync(script, '#!/bin/sh -e\nexit 0\n', { mode: 0o755 });
    spawnSync('./script.sh', ['first'], { cwd: probe.folder });
    expect((await start('./script.sh first')).fields).toMatchObject({ ScriptFile: script });
    spawnSync('/bin/sh', ['script.sh', 'second'], { cwd: probe.folder });
    expect((await start('script.sh second')).fields).toMatchObject({ ScriptFile: script });
  });

  test('exit code and how long it ran', async () => {
    const { pid } = spawnSync('/bin/sh', ['-c', 'sleep 0.4; exit 7']);
    const { fields, exitCode } = await probe.find('process_termination', (seen) => seen.pid === pid);
    expect(exitCode).toBe(7);
    expect(fields['Duration']).toBeGreaterThanOrEqual(380);
    expect(fields['Duration']).toBeLessThan(5_000);
  });

  test('a process in other namespaces', async () => {
    const mark = `namespaced-${++marks}`;
    spawnSync('unshare', ['-mn', '/bin/sh', '-c', `/bin/true ${mark}; sleep 0.1`]);
    const { fields } = await start(`/bin/true ${mark}`);
    expect(fields['MountNamespace']).toEqual(expect.any(Number));
    expect(fields['NetworkNamespace']).toEqual(expect.any(Number));
    expect(fields).not.toHaveProperty('PidNamespace');
    expect(fields).not.toHaveProperty('ContainerId');
  });

  describe('upon another process', () => {
    let victim: ChildProcess;
    const access = (granted: string) =>
      probe.find(
        'process_access',
        ({ fields }) => fields['TargetProcessId'] === victim.pid && fields['GrantedAccess'] === granted,
      );
    test.each([
      ['kill', 'SIGKILL'],
      ['pidfd-kill', 'SIGKILL'],
      ['tgkill', 'SIGKILL'],
      ['seize', 'PTRACE_SEIZE'],
      ['write-memory', 'PROCESS_VM_WRITEV'],
    ])('%s', async (way, granted) => {
      victim = spawn('/bin/sleep', ['30'], { stdio: 'ignore' });
      try {
        expect(spawnSync(program, [way, String(victim.pid)]).status).toBe(0);
        const { fields } = await access(granted);
        expect(fields).toMatchObject({ SourceImage: program, TargetUser: 'root' });
        expect(String(fields['TargetImage'])).toMatch(/\/sleep$|\/coreutils$/);
      } finally {
        victim.kill('SIGKILL');
      }
    });

    test('ending its own child is its own affair', async () => {
      const { pid } = spawnSync(program, ['kill-child']);
      await probe.find('process_termination', (seen) => seen.pid === pid);
      expect(probe.seen.filter((seen) => seen.pid === pid && seen.logsource.category === 'process_access')).toEqual([]);
    });
  });

  test.each([
    ['unshare', 'unshare', { Namespaces: 'mount uts' }],
    ['clone', 'clone_into_namespaces', { Namespaces: 'pid' }],
    ['setns', 'setns', { Namespaces: 'uts' }],
  ])('%s', async (way, eventType, fields) => {
    const { pid, status } = spawnSync(program, [way]);
    expect(status).toBe(0);
    const seen = await standing(pid, eventType);
    expect(seen.logsource).toEqual({ product: 'linux', service: 'process_standing' });
    expect(seen.fields).toMatchObject({ Image: program, ...fields });
  });

  test('mounts, in a namespace that the program made', async () => {
    const folder = join(probe.folder, 'mounted on');
    mkdirSync(folder);
    const { pid, status } = spawnSync(program, ['mount', folder]);
    expect(status).toBe(0);
    await standing(pid, 'unmount');
    const mounts = probe.seen.filter((seen) => seen.pid === pid && seen.fields['EventType'] === 'mount');
    expect(mounts.map(({ fields }) => [fields['MountKind'], fields['TargetFilename']])).toEqual(
      expect.arrayContaining([
        ['mount', folder],
        ['bind', folder],
      ]),
    );
    rmdirSync(folder);
  });

  test('a user who becomes root by a call of its own', async () => {
    const owned = join(probe.folder, 'set-uid');
    copyFileSync(program, owned);
    chmodSync(owned, 0o4755);
    const child = spawnSync(owned, ['become-root'], { uid: NOBODY, gid: NOBODY });
    expect(child.status).toBe(0);
    const seen = await standing(child.pid, 'set_user');
    expect(seen.fields).toMatchObject({ Image: owned, NewUser: 'root' });
  });

  test('capabilities that a user makes effective', async () => {
    const child = spawnSync(program, ['raise-capabilities']);
    expect(child.status).toBe(0);
    const seen = await standing(child.pid, 'set_capabilities');
    expect(Number.parseInt(String(seen.fields['Capabilities']), 16)).toBe(1 << 13);
  });

  test('a fork bomb of one user, within a bound, evicts nobody: every start of root is seen', async () => {
    // At most 150 processes at a time and 4,000 in all, started by a user of its own.
    const bomb = 'i=0; while [ $i -lt 40 ]; do for j in $(seq 100); do /bin/true bomb & done; wait; i=$((i+1)); done';
    const child = spawn('/bin/sh', ['-c', `ulimit -u 150 2>/dev/null; ${bomb}`], {
      uid: NOBODY,
      gid: NOBODY,
      stdio: 'ignore',
    });
    const mine: string[] = [];
    while (child.exitCode === null && child.signalCode === null) {
      const mark = `amid-the-bomb-${mine.length}`;
      spawnSync('/bin/true', [mark]);
      mine.push(`/bin/true ${mark}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(mine.length).toBeGreaterThan(3);
    const lines = () => new Set(probe.seen.map(({ fields }) => fields['CommandLine']));
    await expect.poll(() => mine.filter((line) => !lines().has(line)), { timeout: 20_000, interval: 500 }).toEqual([]);
  }, 120_000);
});
