import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createLogRoot, type LogProbe, startLogProbe } from '../../../../../test/support/log-probe.ts';
import type { Observation } from '../../sensor.ts';

const WAIT = { timeout: 20_000, interval: 50 };
const RSYSLOGD = '/usr/sbin/rsyslogd';
const POSTGRES = '/usr/lib/postgresql/15/bin';
const notRoot = process.getuid?.() === 0 ? undefined : 'needs root';
const lacking = (...programs: readonly string[]): string | undefined => {
  const missing = programs.filter((path) => !existsSync(path));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
};
const why = notRoot ?? lacking(RSYSLOGD, '/usr/bin/unshare', '/usr/bin/nsenter', '/usr/bin/setpriv');
const reason = (text: string | undefined): string => (text === undefined ? '' : ` (${text})`);

/** As Debian's own rsyslog.conf sorts them. */
const RSYSLOG_CONF = (folder: string) => `module(load="imuxsock")
auth,authpriv.* ${folder}/auth.log
cron.* ${folder}/cron.log
*.*;auth,authpriv,cron.none ${folder}/syslog
`;

/**
 * A view of the machine of its own, in which programs log to our rsyslogd, and in which accounts can be made that
 * nobody else sees.
 */
const VIEW = (folder: string) => `set -e
mkdir -p ${folder}/dev ${folder}/etc-upper ${folder}/etc-work
mount -t tmpfs tmpfs ${folder}/dev
for node in null zero urandom tty; do : > ${folder}/dev/$node; mount --bind /dev/$node ${folder}/dev/$node; done
ln -s /proc/self/fd ${folder}/dev/fd
mount -t overlay overlay -o lowerdir=/etc,upperdir=${folder}/etc-upper,workdir=${folder}/etc-work /etc
mount -t tmpfs tmpfs /run
mkdir /run/sshd
mount --rbind ${folder}/dev /dev
exec ${RSYSLOGD} -n -f ${folder}/rsyslog.conf -i ${folder}/rsyslog.pid
`;

describe.skipIf(why)(`real programs write logs${reason(why)}`, () => {
  let folder: ReturnType<typeof createLogRoot>;
  let probe: LogProbe;
  let rsyslogd: ChildProcess;
  const others: ChildProcess[] = [];

  beforeAll(async () => {
    folder = createLogRoot();
    chmodSync(folder.root, 0o755);
    for (const part of ['clamav', 'postgresql']) mkdirSync(folder.log(part));
    writeFileSync(join(folder.root, 'rsyslog.conf'), RSYSLOG_CONF(join(folder.root, 'var/log')));
    rsyslogd = spawn('/usr/bin/unshare', ['--mount', 'sh', '-c', VIEW(folder.root)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await vi.waitUntil(() => existsSync(`/proc/${rsyslogd.pid}/root/dev/log`), WAIT);
    probe = await startLogProbe(folder.root);
  });
  afterEach(async () => {
    for (const other of others.splice(0)) await end(other);
  });
  afterAll(async () => {
    await end(rsyslogd);
    await probe[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }

  /** In the view of the machine whose logs are ours. */
  const inside = (...command: readonly string[]) =>
    ['/usr/bin/nsenter', [`--mount=/proc/${rsyslogd.pid}/ns/mnt`, '--', ...command]] as const;
  const run = (...command: readonly string[]) => spawnSync(...inside(...command), { encoding: 'utf8', cwd: '/' });

  async function told(service: string, fits: (observation: Observation) => boolean): Promise<Observation['fields']> {
    const find = () => probe.seen.find((seen) => seen.logsource.service === service && fits(seen));
    await vi
      .waitUntil(() => find() !== undefined, WAIT)
      .catch(() => {
        throw new Error(`no ${service} fits: ${JSON.stringify(probe.seen.slice(-8))}`);
      });
    return find()?.fields ?? {};
  }

  test('logger: a line for the system log, and one of the facility of cron', async () => {
    expect(run('/usr/bin/logger', '-p', 'cron.info', '-t', 'yagura-job', 'a job').status).toBe(0);
    expect(run('/usr/bin/logger', '-t', 'yagura-test', 'a line').status).toBe(0);
    const fields = await told('syslog', (seen) => seen.fields['SyslogIdentifier'] === 'yagura-test');
    expect(fields).toMatchObject({ Message: 'a line', ProcessName: 'yagura-test' });
    expect(await told('cron', () => true)).toMatchObject({ Message: 'a job' });
  });

  const noSudo = lacking('/usr/bin/sudo');
  test.skipIf(noSudo)(`sudo: what was done in whose name, and what was refused${reason(noSudo)}`, async () => {
    expect(run('/usr/bin/sudo', '-n', '-u', 'nobody', '/bin/echo', 'by sudo').status).toBe(0);
    const done = await told('sudo', (seen) => String(seen.fields['COMMAND']).includes('by sudo'));
    expect(done).toMatchObject({ EventType: 'privilege_use', User: 'root', TargetUser: 'nobody', PWD: '/' });
    // Without a question for the password, which nobody could answer.
    const rules = 'Defaults:nobody !authenticate\\nnobody ALL=(root) /bin/true\\n';
    expect(run('/bin/sh', '-c', `umask 337; printf '${rules}' > /etc/sudoers.d/yagura-test`).status).toBe(0);
    const refused = run(
      '/usr/bin/setpriv',
      '--reuid=65534',
      '--clear-groups',
      '/usr/bin/sudo',
      '-n',
      '/bin/echo',
      'no',
    );
    expect(refused.status).not.toBe(0);
    const fields = await told('sudo', (seen) => seen.fields['EventType'] === 'privilege_refused');
    expect(fields).toMatchObject({ User: 'nobody', TargetUser: 'root' });
  });

  const noAccounts = lacking('/usr/sbin/useradd', '/usr/bin/su');
  test.skipIf(noAccounts)(
    `useradd and su: an account that is made, and a session in its name${reason(noAccounts)}`,
    async () => {
      expect(run('/usr/sbin/useradd', '-M', '-s', '/bin/sh', 'yaguratest')).toMatchObject({ status: 0 });
      const made = await told('auth', (seen) => seen.fields['TargetUser'] === 'yaguratest');
      expect(made).toMatchObject({ ProcessName: 'useradd', Shell: '/bin/sh' });
      expect(run('/usr/bin/su', 'yaguratest', '-c', '/bin/true').status).toBe(0);
      const session = await told('auth', (seen) => seen.fields['ProcessName'] === 'su');
      expect(String(session['Message'])).toContain('yaguratest');
      expect(readFileSync('/etc/passwd', 'utf8')).not.toContain('yaguratest');
    },
  );

  const noSshd = lacking('/usr/sbin/sshd', '/usr/bin/ssh', '/usr/bin/ssh-keygen');
  test.skipIf(noSshd)(`sshd: a login by key, and one of nobody that it knows${reason(noSshd)}`, async () => {
    const port = await freePort();
    const keys = mkdtempSync(join(folder.root, 'ssh-'));
    for (const name of ['host', 'own'])
      spawnSync('/usr/bin/ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, name)]);
    writeFileSync(join(keys, 'authorized'), readFileSync(join(keys, 'own.pub')));
    const options = [`HostKey=${keys}/host`, `AuthorizedKeysFile=${keys}/authorized`, 'StrictModes=no', 'PidFile=none'];
    const settings = [
      ...options,
      'PermitRootLogin=yes',
      'UsePAM=no',
      'ListenAddress=127.0.0.1',
      'Subsystem=sftp internal-sftp',
    ].flatMap((one) => ['-o', one]);
    others.push(
      spawn(...inside('/usr/sbin/sshd', '-D', '-f', '/dev/null', '-p', String(port), ...settings), { stdio: 'ignore' }),
    );
    // No shell, whose startup files are those of whoever runs the tests.
    const login = (user: string) => {
      const quiet = ['BatchMode=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
      const args = [
        '-F',
        '/dev/null',
        '-i',
        join(keys, 'own'),
        '-p',
        String(port),
        ...quiet.flatMap((one) => ['-o', one]),
      ];
      return spawnSync('/usr/bin/ssh', [...args, '-s', `${user}@127.0.0.1`, 'sftp'], {
        stdio: 'ignore',
        timeout: 15_000,
      }).status;
    };
    await vi.waitUntil(() => login('root') === 0, { ...WAIT, interval: 200 });
    const accepted = await told('sshd', (seen) => seen.fields['EventType'] === 'logon');
    expect(accepted).toMatchObject({ User: 'root', SourceIp: '127.0.0.1', AuthenticationMethod: 'publickey' });
    expect(String(accepted['KeyFingerprint'])).toMatch(/^SHA256:/);
    expect(login('nobody-of-that-name')).toBe(255);
    const failed = await told('sshd', (seen) => seen.fields['User'] === 'nobody-of-that-name');
    expect(failed).toMatchObject({ SourceIp: '127.0.0.1' });
  });

  const noClamd = lacking('/usr/sbin/clamd');
  test.skipIf(noClamd)(`clamd: a file with a signature that it knows${reason(noClamd)}`, async () => {
    const place = mkdtempSync(join(folder.root, 'clamd-'));
    writeFileSync(join(place, 'own.ndb'), `YaguraTest:0:*:${Buffer.from('yagura harmless mark').toString('hex')}\n`);
    writeFileSync(join(place, 'bad'), 'a yagura harmless mark');
    const settings = [
      `LocalSocket ${place}/socket`,
      `DatabaseDirectory ${place}`,
      'Foreground yes',
      'User root',
      'LogSyslog yes',
    ];
    writeFileSync(join(place, 'clamd.conf'), `${settings.join('\n')}\n`);
    others.push(spawn(...inside('/usr/sbin/clamd', '-c', join(place, 'clamd.conf')), { stdio: 'ignore' }));
    await vi.waitUntil(() => existsSync(join(place, 'socket')), WAIT);
    connect(join(place, 'socket')).end(`nSCAN ${place}/bad\n`);
    const fields = await told('clamav', (seen) => String(seen.fields['Message']).includes('FOUND'));
    expect(String(fields['Message'])).toContain('YaguraTest');
  });

  const noPostgres = lacking(join(POSTGRES, 'initdb'), join(POSTGRES, 'postgres'), '/usr/bin/psql');
  test.skipIf(noPostgres)(`PostgreSQL: a password that is wrong${reason(noPostgres)}`, async () => {
    const port = await freePort();
    const place = mkdtempSync(join(folder.root, 'postgres-'));
    chownSync(place, 65_534, 65_534);
    chownSync(folder.log('postgresql'), 65_534, 65_534);
    const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    const data = join(place, 'data');
    writeFileSync(join(place, 'password'), 'right\n', { mode: 0o644 });
    const setup = [
      join(POSTGRES, 'initdb'),
      '-D',
      data,
      '-U',
      'owner',
      '-N',
      '-A',
      'md5',
      `--pwfile=${place}/password`,
    ];
    expect(spawnSync('/usr/bin/setpriv', [...asNobody, ...setup], { cwd: place, encoding: 'utf8' })).toMatchObject({
      status: 0,
    });
    const logging = [
      'logging_collector=on',
      `log_directory=${folder.log('postgresql')}`,
      'fsync=off',
      'log_line_prefix=%m [%p] %q%u@%d ',
    ];
    const settings = [...logging, `port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${place}`];
    const arguments_ = [...asNobody, join(POSTGRES, 'postgres'), '-D', data, ...settings.flatMap((one) => ['-c', one])];
    others.push(spawn('/usr/bin/setpriv', arguments_, { cwd: place, stdio: 'ignore' }));
    const ask = (password: string) =>
      spawnSync(
        '/usr/bin/psql',
        ['-h', '127.0.0.1', '-p', String(port), '-U', 'owner', '-d', 'postgres', '-c', 'select 1'],
        {
          env: { PGPASSWORD: password },
          stdio: 'ignore',
        },
      ).status;
    await vi.waitUntil(() => ask('right') === 0, { ...WAIT, interval: 200 });
    expect(ask('wrong')).toBe(2);
    const fields = await told('postgresql', (seen) => seen.fields['EventType'] === 'logon_failure');
    expect(fields).toMatchObject({ User: 'owner' });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
