import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openAuditControl } from '../../endpoint-agent/src/sensors/linux/audit/control.ts';
import { freePort, type LocalInstallation, ROOT, startLocalInstallation } from '../support/local-installation.ts';
import { eventually } from '../support/wait.ts';

const root = process.getuid?.() === 0;
const NO_AGENT = { args: ['--no-agent'] };

/** What the launcher wrote about its processes. */
function processesOf(dataDir: string): readonly number[] {
  const file: unknown = JSON.parse(readFileSync(join(dataDir, 'installation.json'), 'utf8'));
  return z
    .object({ processes: z.array(z.object({ pid: z.number() })) })
    .parse(file)
    .processes.map(({ pid }) => pid);
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

/** Runs the launcher until it ends by itself. */
async function launch(args: readonly string[]): Promise<{ code: number | null; lines: readonly string[] }> {
  const child = spawn(process.execPath, [join(ROOT, 'scripts/local/main.ts'), ...args], {
    cwd: ROOT,
    env: { ...process.env, LANG: 'C', LC_ALL: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, lines: output.trim().split('\n') };
}

/** A command of `bin/`, as `npx` runs it. */
const command = (name: 'agent' | 'console', dataDir: string, ...args: readonly string[]) =>
  promisify(execFile)(process.execPath, [
    join(ROOT, name === 'agent' ? 'endpoint-agent' : 'console', 'bin', `yagura-${name}.mjs`),
    '--data-dir',
    dataDir,
    ...args,
  ]);

describe('npm start', () => {
  let folder: string;
  let dataDir: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'yagura-start-'));
    // Processes without root pass through to their own folders.
    chmodSync(folder, 0o711);
    dataDir = join(folder, 'データ 1');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('runs once per data folder, and its commands find it', async () => {
    await using first = await startLocalInstallation({ ...NO_AGENT, dataDir });
    const second = await launch(['--no-agent', '--data-dir', dataDir, '--port', String(await freePort())]);
    expect(second.code).toBe(1);
    expect(second.lines).toEqual([expect.stringMatching(/^Error \(already_running\): .*pid \d+, http/)]);
    expect(await (await fetch(first.origin)).text()).toContain('<!doctype html>');
    const { stdout } = await command('console', dataDir, 'admin', 'link', '--name', 'admin');
    expect(stdout.trim()).toMatch(new RegExp(`^${first.origin}/sign-in#\\S+$`));
  });

  test('leaves nothing running, and says who has a port', async () => {
    expect(processesOf(dataDir).filter(isAlive)).toEqual([]);
    expect(readdirSync(join(dataDir, 'run'))).toEqual([]);
    await using other = await startLocalInstallation({ ...NO_AGENT, dataDir: join(folder, 'other') });
    const { code, lines } = await launch(['--no-agent', '--data-dir', dataDir, '--port', new URL(other.origin).port]);
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^Error \(port_in_use\): .*--port/)]);
  });

  test('starts a process again that was killed', async () => {
    await using installation = await startLocalInstallation({ ...NO_AGENT, dataDir });
    const before = processesOf(dataDir);
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await eventually('both run again', () =>
      ['署名プロセス', '管理画面'].every((name) => installation.output().includes(`${name}は動いています`))
        ? true
        : undefined,
    );
    await eventually('the web answers', async () => {
      const response = await fetch(installation.origin).catch(() => undefined);
      return response?.ok === true ? true : undefined;
    });
    expect(processesOf(dataDir).filter((pid) => before.includes(pid))).toEqual([]);
  });

  test('a killed launcher takes its processes along, and the next start goes on with the data', async () => {
    const launcher = await startAndKill(dataDir);
    expect(launcher.signalCode).toBe('SIGKILL');
    const started = await startLocalInstallation({ ...NO_AGENT, dataDir });
    expect(await started.stop()).toBe(0);
  });

  test('stops in order when nobody reads its words any more', async () => {
    const installation = spawnLauncher(['--no-agent', '--data-dir', dataDir, ...(await ports())]);
    await printed(installation, /Ctrl-C/);
    const pids = processesOf(dataDir);
    installation.stdout?.destroy();
    installation.stderr?.destroy();
    installation.kill('SIGHUP');
    const [code] = (await once(installation, 'close')) as [number | null];
    expect(code).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(readdirSync(join(dataDir, 'run'))).toEqual([]);
  });

  test.skipIf(!root)(
    `as root leaves the console's data to the console's user${root ? '' : ' (needs root)'}`,
    async () => {
      await command('console', dataDir, 'audit', 'verify');
      const consoleDir = join(dataDir, 'console');
      const { uid } = statSync(consoleDir);
      expect(uid).not.toBe(0);
      for (const file of readdirSync(consoleDir))
        expect([file, statSync(join(consoleDir, file)).uid]).toEqual([file, uid]);
      expect(statSync(join(dataDir, 'signer', 'signer.db')).uid).not.toBe(uid);
    },
  );

  test.each([
    ['database_damaged', 'console/console.sqlite', (file: string) => writeFileSync(file, 'junk'.repeat(2_000))],
    ['state_damaged', 'signer/signer.db', (file: string) => truncateSync(file, 10_000)],
  ])('names damaged data on one line (%s)', async (code, file, damage) => {
    damage(join(dataDir, file));
    const result = await launch(['--no-agent', '--data-dir', dataDir, ...(await ports())]);
    expect(result.code).toBe(1);
    expect(result.lines.at(-1)).toMatch(new RegExp(`^Error \\(${code}\\): .*${file}`));
    expect(result.lines.join('\n')).not.toMatch(/^\s+at /m);
    rmSync(join(dataDir, file));
  });
});

describe.skipIf(!root)(`npm start with an agent${root ? '' : ' (needs root for audit)'}`, () => {
  let installation: LocalInstallation | undefined;
  afterAll(() => installation?.[Symbol.asyncDispose]());

  test('puts the audit state back, also after the agent was killed', async () => {
    const before = auditState();
    installation = await startLocalInstallation();
    const agent = processesOf(installation.dataDir).at(-1);
    expect(auditState()).not.toEqual(before);
    const { stdout } = await command('agent', installation.dataDir, 'status', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ pid: agent, uplink: { state: 'connected' } });
    process.kill(agent ?? 0, 'SIGKILL');
    await eventually(
      'the agent runs again',
      () => installation?.output().includes('エージェントは動いています') || undefined,
    );
    expect(await installation.stop()).toBe(0);
    expect(auditState()).toEqual(before);
  });
});

function auditState() {
  const opened = openAuditControl();
  if (typeof opened === 'number') throw new Error(`no audit: errno ${-opened}`);
  using control = opened;
  const status = control.status();
  const rules = control.rules();
  if (typeof status === 'number' || typeof rules === 'number') throw new Error('the kernel does not answer');
  const { enabled, failure, pid, backlogLimit, backlogWaitTime } = status;
  return {
    enabled,
    failure,
    pid,
    backlogLimit,
    backlogWaitTime,
    rules: rules.map(({ raw }) => Buffer.from(raw).toString('hex')),
  };
}

const ports = async (): Promise<readonly string[]> => [
  '--port',
  String(await freePort()),
  '--gateway-port',
  String(await freePort()),
];

function spawnLauncher(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(ROOT, 'scripts/local/main.ts'), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LANG: 'C', LC_ALL: '' },
  });
}

async function printed(child: ChildProcess, pattern: RegExp): Promise<void> {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await eventually('the launcher is ready', () => {
    if (child.exitCode !== null) throw new Error(output);
    return pattern.test(output) || undefined;
  });
}

/** Starts everything, kills the launcher alone, and waits until what it had started is gone. */
async function startAndKill(dataDir: string): Promise<ChildProcess> {
  const launcher = spawnLauncher(['--no-agent', '--data-dir', dataDir, ...(await ports())]);
  await printed(launcher, /Ctrl-C/);
  const pids = processesOf(dataDir);
  expect(pids.filter(isAlive)).toEqual(pids);
  launcher.kill('SIGKILL');
  await once(launcher, 'close');
  await eventually('its processes end', () => (pids.some(isAlive) ? undefined : true));
  return launcher;
}
