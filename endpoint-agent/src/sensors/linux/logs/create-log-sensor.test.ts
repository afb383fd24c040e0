import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogRoot, type LogProbe, startLogProbe } from '../../../../../test/support/log-probe.ts';
import { LOG_POSITIONS_FILE } from './create-log-sensor.ts';

const WAIT = { timeout: 10_000, interval: 20 };

let folder: ReturnType<typeof createLogRoot>;
let probes: LogProbe[];

beforeEach(() => {
  folder = createLogRoot();
  probes = [];
});
afterEach(async () => {
  for (const probe of probes) await probe[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function start(): Promise<LogProbe> {
  const probe = await startLogProbe(folder.root, { timeZone: 'UTC' });
  probes.push(probe);
  return probe;
}

const log = (name: string): string => folder.log(name);
const stamp = (): string => new Date().toISOString();

test('lines of every kind of log become events with their service, soon after they are written', async () => {
  for (const name of ['auth.log', 'syslog', 'cron.log', 'nginx/access.log', 'nginx/error.log'])
    writeFileSync(log(name), 'past\n');
  const probe = await start();
  const before = performance.now();
  appendFileSync(log('auth.log'), `${stamp()} h sshd[9]: Accepted password for root from 192.0.2.9 port 22 ssh2\n`);
  appendFileSync(log('auth.log'), `${stamp()} h passwd[9]: something\n`);
  appendFileSync(log('syslog'), `${stamp()} h named[9]: client denied AXFR from 192.0.2.9\n`);
  appendFileSync(log('syslog'), `${stamp()} h clamd[9]: /x: Trojan.Y FOUND\n`);
  appendFileSync(log('cron.log'), `${stamp()} h CRON[9]: (root) CMD (/tmp/x)\n`);
  appendFileSync(
    log('nginx/access.log'),
    '192.0.2.9 - - [24/Nov/2026:20:33:01 +0900] "GET /?x HTTP/1.1" 200 1 "-" "curl"\n',
  );
  appendFileSync(log('nginx/error.log'), '2026/11/24 20:33:01 [error] 31#35: *9 upstream timed out\nno form\n');
  await expect.poll(() => probe.seen.length, WAIT).toBe(8);
  expect(performance.now() - before).toBeLessThan(5_000);
  const sources = probe.seen.map(({ logsource: { category, service } }) => `${category ?? ''}:${service ?? ''}`).sort();
  expect(sources).toEqual(
    ['authentication:sshd', ':auth', ':syslog', ':clamav', ':cron', 'webserver:nginx', ':nginx', ':nginx'].sort(),
  );
  expect(probe.sensor.health()).toMatchObject({ name: 'linux-logs', state: 'active', events: 8, lost: 0 });
});

test('a file that comes later is read from its start, also in a folder that comes later', async () => {
  writeFileSync(log('auth.log'), '');
  const probe = await start();
  mkdirSync(log('apache2'));
  writeFileSync(log('apache2/access.log'), '192.0.2.9 - - [24/Nov/2026:20:33:01 +0900] "GET /new HTTP/1.1" 200 1\n');
  await expect.poll(() => probe.seen.length, WAIT).toBe(1);
  expect(probe.seen[0]?.fields).toMatchObject({ 'cs-uri-stem': '/new' });
});

describe('a restart', () => {
  test('neither repeats nor loses lines, through a rotation while the agent was stopped', async () => {
    writeFileSync(log('auth.log'), 'past\n');
    const first = await start();
    appendFileSync(log('auth.log'), `${stamp()} h su[1]: one\n`);
    await expect.poll(() => first.messages, WAIT).toEqual(['one']);
    await first[Symbol.asyncDispose]();
    appendFileSync(log('auth.log'), `${stamp()} h su[1]: two\n`);
    renameSync(log('auth.log'), log('auth.log.1'));
    writeFileSync(log('auth.log'), `${stamp()} h su[1]: three\n`);
    const second = await start();
    await expect.poll(() => second.messages, WAIT).toEqual(['two', 'three']);
    expect(second.sensor.health().lost).toBe(0);
  });

  test('after the process was killed: positions are as true as what was handed on', async () => {
    writeFileSync(log('syslog'), '');
    const probe = new URL('../../../../../test/support/log-sensor-child.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [probe, folder.root], { stdio: ['ignore', 'pipe', 'inherit'] });
    const handed: string[] = [];
    child.stdout
      .setEncoding('utf8')
      .on('data', (text: string) => void handed.push(...text.split('\n').filter(Boolean)));
    await expect.poll(() => handed.includes('ready'), WAIT).toBe(true);
    let written = 0;
    const write = (count: number): void => {
      for (let index = 0; index < count; index += 1)
        appendFileSync(log('syslog'), `${stamp()} h app[1]: n${written++}\n`);
    };
    write(2_000);
    await expect.poll(() => handed.length, WAIT).toBeGreaterThan(500);
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
    write(500);
    const after = await start();
    await expect.poll(() => after.messages.at(-1), WAIT).toBe(`n${written - 1}`);
    const both = [...handed.filter((line) => line !== 'ready'), ...after.messages];
    const expected = Array.from({ length: written }, (_, index) => `n${index}`);
    // What was handed on in the very turn of the kill may come twice; nothing may be missing.
    expect([...new Set(both)]).toEqual(expected);
    expect(both.length - written).toBeLessThanOrEqual(256);
  });

  test('positions that were damaged are set aside, and reading goes on with what comes', async () => {
    writeFileSync(log('auth.log'), 'past\n');
    writeFileSync(
      join(folder.root, 'state', LOG_POSITIONS_FILE),
      'no database, but long enough to be taken for a damaged one'.repeat(20),
    );
    const probe = await start();
    appendFileSync(log('auth.log'), `${stamp()} h su[1]: one\n`);
    await expect.poll(() => probe.messages, WAIT).toEqual(['one']);
  });
});

describe('a flood', () => {
  test('in one log does not keep a line in another waiting', async () => {
    writeFileSync(log('syslog'), '');
    writeFileSync(log('auth.log'), '');
    const probe = await start();
    appendFileSync(log('syslog'), `${stamp()} h app[1]: flood\n`.repeat(50_000));
    appendFileSync(log('auth.log'), `${stamp()} h su[1]: urgent\n`);
    await expect.poll(() => probe.messages.includes('urgent'), WAIT).toBe(true);
    expect(probe.seen.length).toBeLessThan(20_000);
  });
});

describe('health', () => {
  test('without an authentication log the sensor says what it misses', async () => {
    const probe = await start();
    expect(probe.sensor.health()).toMatchObject({ state: 'degraded', code: 'no_authentication_log' });
    expect(probe.sensor.health().detail).toContain('Not on this machine: authentication');
    await probe[Symbol.asyncDispose]();
    expect(probe.sensor.health().state).toBe('stopped');
  });

  test('names what cannot be read', async () => {
    writeFileSync(log('auth.log'), '');
    mkdirSync(log('syslog'));
    const probe = await start();
    const health = probe.sensor.health();
    expect(health).toMatchObject({ state: 'degraded', code: 'log_unreadable' });
    expect(health.detail).toContain(`${log('syslog')} (not_a_file)`);
    expect(health.detail).toContain(`Read: ${log('auth.log')}`);
  });

  test.skipIf(process.getuid?.() === 0)(
    'names what this user may not read (not as root, who may read all)',
    async () => {
      writeFileSync(log('auth.log'), '');
      chmodSync(log('auth.log'), 0);
      const probe = await start();
      expect(probe.sensor.health().detail).toContain('auth.log (EACCES)');
    },
  );
});

describe('the process behind a line', () => {
  const SUDO = ['/usr/bin/sudo', '/bin/sudo'].find((path) => existsSync(path));
  const canSudo = SUDO !== undefined && process.getuid?.() === 0;
  let child: ChildProcess | undefined;
  afterEach(() => void child?.kill('SIGKILL'));

  test.skipIf(!canSudo)(
    `is linked when it is the program that the line names${canSudo ? '' : ' (needs root and sudo)'}`,
    async () => {
      writeFileSync(log('auth.log'), '');
      const probe = await start();
      child = spawn(SUDO ?? '', ['-n', 'sleep', '20'], { stdio: 'ignore' });
      const pid = child.pid ?? 0;
      await expect.poll(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), WAIT).toBe('sudo');
      appendFileSync(
        log('auth.log'),
        `${stamp()} h sudo[${pid}]:  root : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sleep 20\n`,
      );
      // A forger's line: this process is no sshd.
      appendFileSync(
        log('auth.log'),
        `${stamp()} h sshd[${pid}]: Accepted password for root from 192.0.2.9 port 22 ssh2\n`,
      );
      await expect.poll(() => probe.seen.length, WAIT).toBe(2);
      expect(probe.seen[0]).toMatchObject({ pid, fields: { EventType: 'privilege_use', ProcessId: pid } });
      expect(probe.seen[1]).not.toHaveProperty('pid');
      expect(probe.seen[1]?.fields).toMatchObject({ ProcessId: pid });
    },
  );
});

test('stopping closes everything, and starting twice is a bug', async () => {
  writeFileSync(log('auth.log'), '');
  const probe = await start();
  await expect(probe.sensor.start(() => undefined, new AbortController().signal)).rejects.toThrow('twice');
  await probe[Symbol.asyncDispose]();
  const held = dirname(log('auth.log'));
  const targets = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
  expect(targets.filter((target) => target.startsWith(held))).toEqual([]);
});
