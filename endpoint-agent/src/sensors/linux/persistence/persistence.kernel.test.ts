import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_KERNEL } from '../../../../../test/support/capture-probe.ts';
import { maskSecrets } from '../../../core/privacy/mask-secrets.ts';
import { systemClock } from '../../../platform/clock.ts';
import type { Observation, Sensor } from '../../sensor.ts';
import { createLinuxProcessTable, createLinuxSensors } from '../index.ts';
import { watchPersistence } from './watch-persistence.ts';

/** Real programs change real files; fanotify tells of it, and audit which program it was. */
describe.skipIf(NO_KERNEL)(`persistence is told with its writer${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`, () => {
  let root = '';
  let sensors: Sensor[] = [];
  const seen: Observation[] = [];
  const stop = new AbortController();

  beforeAll(async () => {
    root = mkdtempSync('/var/tmp/yagura-persistence-');
    for (const folder of ['state', 'cron.d', 'home/taro/.ssh', 'home/taro/.config']) {
      mkdirSync(join(root, folder), { recursive: true });
    }
    writeFileSync(join(root, 'home/taro/.bashrc'), 'umask 022\n');
    const captured = createLinuxSensors({
      stateDir: join(root, 'state'),
      clock: systemClock,
      processTable: createLinuxProcessTable(systemClock),
      ignorePaths: [],
      log: () => {},
    });
    sensors = watchPersistence(captured.sensors, {
      stateDir: join(root, 'state'),
      clock: systemClock,
      log: () => {},
      mask: maskSecrets,
      catalogue: {
        system: [{ kind: 'cron', path: join(root, 'cron.d'), depth: 1 }],
        home: [
          { kind: 'shell-profile', path: '.bashrc', depth: 0 },
          { kind: 'ssh', path: '.ssh/authorized_keys', depth: 0 },
          { kind: 'systemd', path: '.config/systemd/user', depth: 2 },
        ],
      },
      homeSources: { passwd: join(root, 'passwd'), parents: [join(root, 'home')] },
    });
    await Promise.all(sensors.map((sensor) => sensor.start((batch) => void seen.push(...batch), stop.signal)));
  });
  afterAll(async () => {
    stop.abort();
    await Promise.all(sensors.map((sensor) => sensor.stopped));
    rmSync(root, { recursive: true, force: true });
  });

  const shell = (script: string) => spawnSync('/bin/sh', ['-c', script], { cwd: root });
  async function told(path: string, operation: string): Promise<Observation> {
    const find = () =>
      seen.find(
        ({ logsource, fields }) =>
          logsource.category === 'persistence' &&
          fields['TargetFilename'] === join(root, path) &&
          fields['Operation'] === operation,
      );
    await expect.poll(find, { timeout: 10_000, interval: 20 }).toBeDefined();
    return find() as Observation;
  }

  test('a job written by a shell, changed by an editor in place, removed by rm', async () => {
    const writer = shell('echo "* * * * * root /tmp/x" > cron.d/job; exit 0');
    const created = await told('cron.d/job', 'create');
    expect(created).toMatchObject({
      pid: writer.pid,
      fields: { ContentAfter: '* * * * * root /tmp/x\n', User: 'root' },
    });
    expect(String(created.fields['Image'])).toMatch(/\/(?:dash|bash|sh)$/);
    shell("sed -i 's#/tmp/x#/tmp/y#' cron.d/job");
    const changed = await told('cron.d/job', 'change');
    expect(changed.fields).toMatchObject({
      ContentRemoved: '* * * * * root /tmp/x',
      ContentAdded: '* * * * * root /tmp/y',
    });
    expect(String(changed.fields['Image'])).toMatch(/\/sed$/);
    shell('rm cron.d/job; exit 0');
    const deleted = await told('cron.d/job', 'delete');
    expect(String(deleted.fields['Image'])).toMatch(/\/(?:rm|coreutils)$/);
    expect(seen.filter(({ fields }) => String(fields['TargetFilename']).includes('cron.d/sed'))).not.toEqual([]);
    expect(seen.filter(({ logsource }) => logsource.category === 'persistence')).toHaveLength(3);
  });

  test('a folder that came with its content, and a key added by a redirection', async () => {
    shell('mkdir -p unpacked/user && printf "[Service]\\nExecStart=/tmp/z\\n" > unpacked/user/z.service');
    shell('mv unpacked home/taro/.config/systemd; exit 0');
    const unit = await told('home/taro/.config/systemd/user/z.service', 'create');
    expect(unit.fields['ContentAdded']).toBe('[Service]\nExecStart=/tmp/z');
    expect(String(unit.fields['Image'])).toMatch(/\/(?:mv|coreutils)$/);
    shell('echo "ssh-ed25519 AAAA x" >> home/taro/.ssh/authorized_keys; exit 0');
    expect((await told('home/taro/.ssh/authorized_keys', 'create')).fields).toMatchObject({ PersistenceType: 'ssh' });
  });

  test('the process table knows the writer by the same id as its other events', async () => {
    shell('echo alias >> home/taro/.bashrc; exit 0');
    const changed = await told('home/taro/.bashrc', 'change');
    const write = seen.find(
      ({ logsource, fields }) =>
        logsource.category === 'file_event' && fields['TargetFilename'] === join(root, 'home/taro/.bashrc'),
    );
    expect(changed).toMatchObject({ pid: write?.pid, bootTime: write?.bootTime, time: write?.time });
  });

  test('what no file event tells of is found by looking again', async () => {
    writeFileSync(join(root, 'cron.d/quiet'), '# by this process, whose file events are its own\n');
    chmodSync(join(root, 'cron.d/quiet'), 0o755);
    const started = performance.now();
    await expect
      .poll(() => seen.some(({ fields }) => fields['FoundBy'] === 'rescan'), { timeout: 70_000, interval: 500 })
      .toBe(true);
    expect(performance.now() - started).toBeLessThan(66_000);
    const found = await told('cron.d/quiet', 'create');
    expect(found.fields).toMatchObject({ FoundBy: 'rescan', FileMode: '0755' });
    expect(found.pid).toBeUndefined();
    expect(found.fields['Image']).toBeUndefined();
  }, 90_000);
});
