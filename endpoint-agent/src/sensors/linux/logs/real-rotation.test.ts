import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogRoot, startLogProbe } from '../../../../../test/support/log-probe.ts';

const WAIT = { timeout: 15_000, interval: 50 };
const LOGGER = '/usr/bin/logger';
const RSYSLOGD = '/usr/sbin/rsyslogd';
const LOGROTATE = '/usr/sbin/logrotate';
const missing = [LOGGER, RSYSLOGD, LOGROTATE].filter((path) => !existsSync(path));
const why = missing.length > 0 ? ` (not installed: ${missing.join(', ')})` : '';

let folder: ReturnType<typeof createLogRoot>;
let socket: string;
let pidFile: string;
let daemon: { stop(): Promise<void> } | undefined;

beforeEach(() => {
  folder = createLogRoot();
  socket = join(folder.root, 'log.sock');
  pidFile = join(folder.root, 'rsyslog.pid');
});
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  folder[Symbol.dispose]();
});

/** A real rsyslog that writes as Debian's does, in the traditional form or in RFC 3339. */
async function startRsyslog(template: RotationWay['template']): Promise<void> {
  const config = join(folder.root, 'rsyslog.conf');
  writeFileSync(
    config,
    `global(workDirectory="${folder.root}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${socket}" RateLimit.Interval="0")
module(load="builtin:omfile" Template="${template}")
auth,authpriv.* action(type="omfile" file="${folder.log('auth.log')}")
*.*;auth,authpriv.none action(type="omfile" file="${folder.log('syslog')}")
`,
  );
  const child = spawn(RSYSLOGD, ['-n', '-f', config, '-i', pidFile], { stdio: 'ignore' });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  daemon = {
    async stop() {
      child.kill('SIGTERM');
      await closed;
    },
  };
  await vi.waitUntil(() => existsSync(socket) && existsSync(pidFile), WAIT);
}

function logger(tag: string, message: string): void {
  expect(spawnSync(LOGGER, ['-u', socket, '-i', '-t', tag, '-p', 'auth.info', '--', message]).status).toBe(0);
}

function rotate(way: string): void {
  const config = join(folder.root, 'logrotate.conf');
  writeFileSync(
    config,
    `${folder.log('auth.log')} {
  rotate 4
  missingok
  ${way}
}
`,
    { mode: 0o600 },
  );
  const result = spawnSync(LOGROTATE, ['-f', '-s', join(folder.root, 'logrotate.state'), config], { encoding: 'utf8' });
  expect(result.stderr).not.toContain('error');
  expect(result.status).toBe(0);
}

interface RotationWay {
  readonly name: string;
  readonly directives: () => string;
  readonly template: 'RSYSLOG_TraditionalFileFormat' | 'RSYSLOG_FileFormat';
}

const renamed = (): string => `create 0640
  postrotate
    kill -HUP $(cat ${pidFile})
  endscript`;

const WAYS: readonly RotationWay[] = [
  { name: 'renamed and made anew', directives: renamed, template: 'RSYSLOG_TraditionalFileFormat' },
  { name: 'copied and emptied', directives: () => 'copytruncate', template: 'RSYSLOG_TraditionalFileFormat' },
  { name: 'renamed, in RFC 3339', directives: renamed, template: 'RSYSLOG_FileFormat' },
];

describe.skipIf(missing.length > 0)(`with rsyslog and logrotate${why}`, () => {
  test.each(WAYS)('$name: each line once, in order, through four rotations', async ({ directives, template }) => {
    await startRsyslog(template);
    logger('app', 'before the agent came');
    await expect.poll(() => existsSync(folder.log('auth.log')), WAIT).toBe(true);
    await using probe = await startLogProbe(folder.root);
    const sent: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      for (let line = 0; line < 5; line += 1) {
        sent.push(`round ${round} line ${line}`);
        logger('app', `round ${round} line ${line}`);
      }
      await expect.poll(() => probe.messages.length, WAIT).toBe(sent.length);
      rotate(directives());
    }
    logger('app', 'last');
    await expect.poll(() => probe.messages, WAIT).toEqual([...sent, 'last']);
    expect(probe.sensor.health().lost).toBe(0);
    const now = Date.now();
    for (const { time } of probe.seen) expect(Math.abs(now - time)).toBeLessThan(60_000);
  });

  test('what another program wrote in the name of sshd is read as text, and belongs to no process', async () => {
    await startRsyslog('RSYSLOG_TraditionalFileFormat');
    await using probe = await startLogProbe(folder.root);
    logger('sshd', 'Accepted password for root from 192.0.2.9 port 22 ssh2');
    await expect.poll(() => probe.seen.length, WAIT).toBe(1);
    expect(probe.seen[0]).toMatchObject({
      logsource: { product: 'linux', service: 'sshd', category: 'authentication' },
      fields: { User: 'root', SourceIp: '192.0.2.9', SyslogIdentifier: 'sshd' },
    });
    expect(probe.seen[0]).not.toHaveProperty('pid');
  });

  test('a message of several lines with escape sequences forges no second line', async () => {
    await startRsyslog('RSYSLOG_TraditionalFileFormat');
    await using probe = await startLogProbe(folder.root);
    logger('app', 'one\nNov 24 20:33:01 h sshd[1]: Accepted password for root from 192.0.2.9 port 22 ssh2\u001b[2J');
    logger('app', 'end');
    await expect.poll(() => probe.messages.at(-1), WAIT).toBe('end');
    expect(probe.seen.some(({ logsource }) => logsource.service === 'sshd')).toBe(false);
  });
});
