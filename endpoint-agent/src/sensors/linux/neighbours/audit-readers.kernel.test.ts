import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { guardAuditState } from '../../../../../test/support/audit-guard.ts';
import { type CaptureProbe, NO_KERNEL, startCapture } from '../../../../../test/support/capture-probe.ts';
import { type AuditControl, openAuditControl } from '../audit/control.ts';

const WAIT = { timeout: 20_000, interval: 50 };
const lacking = (...programs: readonly string[]): string | undefined => {
  const missing = programs.filter((path) => !existsSync(path));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
};
const NO_AUDITD = NO_KERNEL ?? lacking('/usr/sbin/auditd', '/usr/sbin/auditctl');
const JOURNALD = '/usr/lib/systemd/systemd-journald';
const NO_JOURNALD = NO_KERNEL ?? lacking(JOURNALD, '/usr/bin/journalctl', '/usr/bin/unshare');

/** Writes to a file of the test's own; takes nothing from /etc/audit. */
const AUDITD_CONF = (folder: string) => `local_events = yes
write_logs = yes
log_file = ${folder}/audit.log
log_format = RAW
flush = NONE
max_log_file = 8
num_logs = 2
max_log_file_action = IGNORE
space_left = 2
space_left_action = IGNORE
admin_space_left = 1
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
plugin_dir = ${folder}/plugins.d
`;

/** The machine's main journald, with folders that nobody else sees and the machine's real audit socket. */
const JOURNALD_SCRIPT = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mount -t tmpfs tmpfs /etc/systemd
mkdir -p /run/systemd/journal /run/log
printf '[Journal]\\nAudit=yes\\nReadKMsg=no\\nStorage=volatile\\nRateLimitIntervalSec=0\\n' > /etc/systemd/journald.conf
exec ${JOURNALD}
`;

let runs = 0;

/** Starts a program; the mark that its command line carries. */
function runMarked(): string {
  runs += 1;
  const mark = `yagura-neighbour-${process.pid}-${runs}`;
  spawnSync('/bin/true', [mark]);
  return mark;
}

async function seesStarts(probe: CaptureProbe): Promise<string> {
  const mark = runMarked();
  await probe.find('process_creation', ({ fields }) => fields['CommandLine'] === `/bin/true ${mark}`);
  return mark;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  // auditd asks the kernel who sent the signal and waits for the answer, which it may miss just after its start.
  const impatience = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(impatience);
}

/** Who is the kernel's audit daemon, and the keys of the rules that are not ours. */
function auditState(control: AuditControl) {
  const status = control.status();
  const rules = control.rules();
  if (typeof status === 'number' || typeof rules === 'number') throw new Error('audit cannot be read');
  return { daemon: status.pid, keys: rules.map(({ key }) => key) };
}

describe.skipIf(NO_AUDITD)(`beside auditd${NO_AUDITD ? ` (${NO_AUDITD})` : ''}`, () => {
  let guard: Disposable;
  let control: AuditControl;
  let folder: string;
  let probe: CaptureProbe;
  let auditd: ChildProcess;

  const startAuditd = () => spawn('/usr/sbin/auditd', ['-n', '-s', 'nochange', '-c', folder], { stdio: 'ignore' });
  const log = () => (existsSync(join(folder, 'audit.log')) ? readFileSync(join(folder, 'audit.log'), 'latin1') : '');

  beforeAll(async () => {
    guard = guardAuditState();
    const opened = openAuditControl();
    if (typeof opened === 'number') throw new Error(`audit: ${opened}`);
    control = opened;
    folder = mkdtempSync('/var/tmp/yagura-auditd-');
    mkdirSync(join(folder, 'plugins.d'));
    writeFileSync(join(folder, 'auditd.conf'), AUDITD_CONF(folder), { mode: 0o640 });
    auditd = startAuditd();
    await vi.waitUntil(() => auditState(control).daemon === auditd.pid, WAIT);
    spawnSync('/usr/sbin/auditctl', ['-w', join(folder, 'watched'), '-p', 'wa', '-k', 'theirs']);
    probe = await startCapture({ sources: ['linux-audit'] });
  });
  afterAll(async () => {
    await end(auditd);
    // Has ended before, unless a test failed.
    await probe[Symbol.asyncDispose]();
    control[Symbol.dispose]();
    guard[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('both see: it stays the daemon with its rules, and nothing is told as tampering', async () => {
    expect(auditState(control)).toMatchObject({
      daemon: auditd.pid,
      keys: expect.arrayContaining(['theirs', 'yagura']),
    });
    await seesStarts(probe);
    writeFileSync(join(folder, 'watched'), 'x');
    await expect.poll(log, WAIT).toContain('key="theirs"');
    expect(probe.healthOf('linux-audit')).toMatchObject({ state: 'active' });
    expect(probe.seen.filter(({ logsource }) => logsource.service === 'sensor_tamper')).toEqual([]);
  });

  test('when it ends, the agent becomes the daemon, and its rules stay', async () => {
    await end(auditd);
    await expect.poll(() => auditState(control).daemon, WAIT).toBe(process.pid);
    expect(auditState(control).keys).toContain('theirs');
    await seesStarts(probe);
    expect(probe.seen.filter(({ fields }) => fields['EventType'] === 'audit_daemon_replaced')).toEqual([]);
  });

  test('one that comes while the agent is the daemon is refused by the kernel, and can start when the agent has ended', async () => {
    const late = startAuditd();
    await once(late, 'exit');
    expect(late.exitCode).not.toBe(0);
    await seesStarts(probe);
    await probe[Symbol.asyncDispose]();
    expect(auditState(control)).toMatchObject({ daemon: 0, keys: ['theirs'] });
    auditd = startAuditd();
    await expect.poll(() => auditState(control).daemon, WAIT).toBe(auditd.pid);
  });
});

describe.skipIf(NO_JOURNALD)(`beside journald's audit socket${NO_JOURNALD ? ` (${NO_JOURNALD})` : ''}`, () => {
  let guard: Disposable;
  let probe: CaptureProbe;
  const journals: ChildProcess[] = [];

  beforeAll(async () => {
    guard = guardAuditState();
    probe = await startCapture({ sources: ['linux-audit'] });
  });
  afterEach(async () => {
    for (const journald of journals.splice(0)) await end(journald);
  });
  afterAll(async () => {
    await probe[Symbol.asyncDispose]();
    guard[Symbol.dispose]();
  });

  test('both see the same starts, and the agent stays the daemon', async () => {
    const journald = spawn('/usr/bin/unshare', ['--mount', 'sh', '-c', JOURNALD_SCRIPT], { stdio: 'ignore' });
    journals.push(journald);
    const folder = `/proc/${journald.pid}/root/run/log/journal`;
    const isListening = () => existsSync(folder) && readdirSync(folder).length > 0;
    await expect.poll(isListening, WAIT).toBe(true);
    const theirs = () =>
      spawnSync(
        '/usr/bin/journalctl',
        [`--directory=${folder}/${readdirSync(folder)[0]}`, '-o', 'cat', '_TRANSPORT=audit'],
        {
          encoding: 'utf8',
        },
      ).stdout;
    // Its socket is opened at some moment after its folder.
    await expect.poll(() => [runMarked(), theirs()][1], { ...WAIT, interval: 300 }).toContain('yagura-neighbour-');
    const mark = await seesStarts(probe);
    await expect.poll(theirs, { ...WAIT, interval: 300 }).toContain(mark);
    expect(probe.healthOf('linux-audit')).toMatchObject({ state: 'active' });
    expect(probe.seen.filter(({ logsource }) => logsource.service === 'sensor_tamper')).toEqual([]);
    await end(journald);
    await seesStarts(probe);
  });
});
