import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogRoot, type LogProbe, startLogProbe } from '../../../../../../test/support/log-probe.ts';
import { LINE_BYTES } from '../text/clean-text.ts';

const JOURNALD = '/usr/lib/systemd/systemd-journald';
const JOURNALCTL = '/usr/bin/journalctl';
const LOGGER = '/usr/bin/logger';
const missing = [JOURNALD, JOURNALCTL, LOGGER, '/usr/bin/unshare', '/usr/bin/nsenter'].filter(
  (path) => !existsSync(path),
);
const why =
  process.getuid?.() !== 0 ? ' (needs root)' : missing.length > 0 ? ` (not installed: ${missing.join(', ')})` : '';
const WAIT = { timeout: 15_000, interval: 50 };
const NAMESPACE = 'yagura-test';

/**
 * A journald of our own: an instance for a namespace, with folders that nobody else sees, which leaves the
 * kernel's audit as it is. Its files are reached through its own view of the disk.
 */
const SCRIPT = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mount -t tmpfs tmpfs /etc/systemd
mkdir -p /run/systemd /run/log /var/log/journal
printf '[Journal]\\nAudit=\\nReadKMsg=no\\nStorage=persistent\\nRateLimitIntervalSec=0\\n' > /etc/systemd/journald@${NAMESPACE}.conf
exec ${JOURNALD} ${NAMESPACE}
`;

describe.skipIf(why !== '')(`a real journald${why}`, () => {
  let folder: ReturnType<typeof createLogRoot>;
  let journald: ChildProcess;
  let view: string;
  let probes: LogProbe[];

  beforeEach(async () => {
    folder = createLogRoot();
    probes = [];
    journald = spawn('/usr/bin/unshare', ['--mount', '--net', 'sh', '-c', SCRIPT], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    view = `/proc/${journald.pid}/root`;
    await vi.waitUntil(() => existsSync(devLog()) && journalFolder() !== undefined, WAIT);
  });
  afterEach(async () => {
    for (const probe of probes) await probe[Symbol.asyncDispose]();
    const closed = new Promise((resolve) => journald.once('close', resolve));
    journald.kill('SIGKILL');
    await closed;
    folder[Symbol.dispose]();
  });

  const devLog = (): string => `${view}/run/systemd/journal.${NAMESPACE}/dev-log`;

  function journalFolder(): string | undefined {
    try {
      const name = readdirSync(`${view}/var/log/journal`).find((entry) => entry.endsWith(`.${NAMESPACE}`));
      return name === undefined ? undefined : join(view, 'var/log/journal', name);
    } catch {
      return undefined;
    }
  }

  async function start(journalctl = JOURNALCTL): Promise<LogProbe> {
    const probe = await startLogProbe(folder.root, {
      journal: {
        journalctl,
        extraArguments: [`--directory=${journalFolder()}`],
        socket: devLog(),
        folders: [`${view}/var/log/journal`],
      },
    });
    probes.push(probe);
    return probe;
  }

  /** Through journald's own view of the disk, as another user may not look into ours. */
  function runLogger(uid: number, rest: readonly string[], input?: string | Uint8Array): void {
    const socket = `/run/systemd/journal.${NAMESPACE}/dev-log`;
    const command = ['/usr/bin/setpriv', `--reuid=${uid}`, LOGGER, '--socket-errors=on', '-u', socket, ...rest];
    const result = spawnSync('/usr/bin/nsenter', [`--mount=/proc/${journald.pid}/ns/mnt`, '--', ...command], {
      encoding: 'utf8',
      ...(input === undefined ? {} : { input }),
    });
    expect(result.stderr).toBe('');
    expect(result.status).toBe(0);
  }

  function logger(tag: string, message: string, uid = 0): void {
    runLogger(uid, ['-t', tag, '-p', 'auth.info', '--size', '100000', '--', message]);
  }

  test('entries become events, with the writer whom the kernel names', async () => {
    logger('app', 'before the agent came');
    const probe = await start();
    await expect.poll(() => probe.sensor.health().detail, WAIT).toContain('Read: journald');
    logger('app', 'hello');
    await expect.poll(() => probe.messages, WAIT).toEqual(['hello']);
    expect(probe.seen[0]).toMatchObject({
      logsource: { product: 'linux', service: 'auth' },
      fields: { SyslogIdentifier: 'app', ProcessName: 'logger' },
    });
    expect(probe.sensor.health()).toMatchObject({ state: 'active', events: 1, lost: 0 });
  });

  test('a line in the name of sshd that another program wrote is called forged, and is no logon', async () => {
    const probe = await start();
    logger('sshd', 'Accepted password for root from 192.0.2.9 port 22 ssh2', 65_534);
    await expect.poll(() => probe.seen.length, WAIT).toBe(1);
    expect(probe.seen[0]?.logsource).toEqual({ product: 'linux', service: 'sshd' });
    expect(probe.seen[0]?.fields).toMatchObject({ IsForged: true, SyslogIdentifier: 'sshd', ProcessName: 'logger' });
    expect(probe.seen[0]?.fields).not.toHaveProperty('EventType');
  });

  test('a writer that still runs is linked to its process', async () => {
    const probe = await start();
    const writer = spawn('/bin/sh', ['-c', `(echo one; sleep 20) | ${LOGGER} -u '${devLog()}' -t app`], {
      stdio: 'ignore',
      detached: true,
    });
    try {
      await expect.poll(() => probe.seen.length, WAIT).toBe(1);
      const { pid, fields } = probe.seen[0] ?? { fields: {} };
      expect(readFileSync(`/proc/${pid}/comm`, 'utf8').trim()).toBe('logger');
      expect(fields).toMatchObject({ ProcessId: pid, Image: '/usr/bin/logger' });
    } finally {
      process.kill(-(writer.pid ?? 0), 'SIGKILL');
    }
  });

  test('a restart goes on behind the last entry', async () => {
    const first = await start();
    logger('app', 'one');
    await expect.poll(() => first.messages, WAIT).toEqual(['one']);
    await first[Symbol.asyncDispose]();
    logger('app', 'two');
    const second = await start();
    logger('app', 'three');
    await expect.poll(() => second.messages, WAIT).toEqual(['two', 'three']);
  });

  test('also when nothing was read before', async () => {
    const first = await start();
    await first[Symbol.asyncDispose]();
    logger('app', 'while stopped');
    const second = await start();
    await expect.poll(() => second.messages, WAIT).toEqual(['while stopped']);
  });

  test('hostile messages: large, several lines, no UTF-8, escape sequences', async () => {
    const probe = await start();
    logger('app', 'x'.repeat(60_000));
    logger('app', `a\nsshd[1]: Accepted\u001b[2J`);
    runLogger(0, ['-t', 'app'], Buffer.from([0x41, 0xff, 0xfe, 0x42, 0x0a]));
    await expect.poll(() => probe.messages.at(-1), WAIT).toBe('A\ufffd\ufffdB');
    expect(String(probe.messages[0]).length).toBeGreaterThan(4_096);
    expect(String(probe.messages[0]).length).toBeLessThanOrEqual(LINE_BYTES);
    expect(probe.messages.some((message) => /\p{Cc}/u.test(String(message)))).toBe(false);
  });

  describe('a flood', () => {
    const COUNT = 30_000;

    async function flood(uid: number): Promise<{ seen: number; lost: number }> {
      const probe = await start();
      runLogger(uid, ['-t', 'app'], 'flood\n'.repeat(COUNT));
      logger('app', 'urgent');
      await expect.poll(() => probe.messages.includes('urgent'), WAIT).toBe(true);
      const seen = probe.messages.filter((message) => message === 'flood').length;
      return { seen, lost: probe.sensor.health().lost };
    }

    test('of the system is slowed down, and nothing of it is lost', async () => {
      expect(await flood(0)).toMatchObject({ seen: COUNT, lost: 0 });
    });

    test("of one user is cut to the user's share, and what is cut is counted", async () => {
      const { seen, lost } = await flood(65_534);
      expect(seen + lost).toBe(COUNT);
      expect(seen).toBeLessThan(12_000);
    });
  });

  test('files that say the same are left to journald; without it they are read', async () => {
    writeFileSync(folder.log('auth.log'), '');
    const probe = await start();
    expect(probe.sensor.health().detail).not.toContain('auth.log');
    await probe[Symbol.asyncDispose]();
    rmSync(join(folder.root, 'state'), { recursive: true });
    mkdirSync(join(folder.root, 'state'));
    const without = await startLogProbe(folder.root);
    probes.push(without);
    expect(without.sensor.health().detail).toContain('auth.log');
  });

  test('a journalctl that fails leads back to the files, and is said', async () => {
    writeFileSync(folder.log('auth.log'), '');
    const probe = await start('/bin/false');
    await expect.poll(() => probe.sensor.health().code, WAIT).toBe('journal_unreadable');
    await expect.poll(() => probe.sensor.health().detail, WAIT).toContain(folder.log('auth.log'));
  });

  test('a journalctl that is killed is started again, behind the last entry', async () => {
    const probe = await start();
    logger('app', 'one');
    await expect.poll(() => probe.messages, WAIT).toEqual(['one']);
    const children = spawnSync('ps', ['-o', 'pid=,comm=', '--ppid', String(process.pid)], { encoding: 'utf8' }).stdout;
    const pid = Number(/(\d+) journalctl/.exec(children)?.[1]);
    process.kill(pid, 'SIGKILL');
    logger('app', 'two');
    await expect.poll(() => probe.messages, WAIT).toEqual(['one', 'two']);
  });
});
