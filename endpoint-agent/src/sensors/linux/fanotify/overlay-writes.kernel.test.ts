import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { NO_KERNEL } from '../../../../../test/support/capture-probe.ts';
import { parseMountInfo } from './mounts.ts';
import { type OverlayWrite, OverlayWrites, tellsBelowOverlays } from './overlay-writes.ts';

test('kernels that tell of an overlay’s writes on the filesystem below it', () => {
  const releases = ['4.19.0-27-amd64', '5.15.0-130-generic', '6.1.0-56-amd64', '6.6.9', '6.7.0', '6.18.44-fc', '7.0.1'];
  expect(releases.map(tellsBelowOverlays)).toEqual([false, false, false, false, true, true, true]);
});

describe.skipIf(NO_KERNEL)(`writes to an overlay${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`, () => {
  let folder: string;
  let seen: OverlayWrite[];
  let writes: OverlayWrites;

  beforeEach(() => {
    folder = mkdtempSync('/var/tmp/yagura-overlay-');
    for (const part of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(folder, part));
    writeFileSync(join(folder, 'lower', 'base'), 'base');
    const layers = ['lowerdir=lower', 'upperdir=upper', 'workdir=work'].map((part) => part.replace('=', `=${folder}/`));
    spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', layers.join(','), join(folder, 'merged')]);
    seen = [];
    writes = new OverlayWrites({
      memberOf: () => undefined,
      ownPid: process.pid,
      onWrite: (write) => seen.push(write),
      onOverflow: () => undefined,
    });
  });
  afterEach(() => {
    writes.close();
    spawnSync('umount', [join(folder, 'merged')]);
    rmSync(folder, { recursive: true, force: true });
  });

  const overlays = (at = join(folder, 'merged')) =>
    parseMountInfo(Buffer.from(spawnSync('cat', ['/proc/self/mountinfo']).stdout)).filter(
      ({ mountPoint }) => mountPoint.toString() === at,
    );
  const run = (script: string) => spawnSync('/bin/sh', ['-c', script], { cwd: join(folder, 'merged') }).pid;
  async function told(path: string, pid: number): Promise<boolean> {
    await vi.waitUntil(
      () => {
        writes.read();
        return seen.some((write) => write.path === path && write.pid === pid);
      },
      { timeout: 20_000, interval: 10 },
    );
    return true;
  }

  test('a new file, one of the layer below and one that was written before, by their path in the upper layer', async () => {
    writes.update(overlays());
    expect(await told(join(folder, 'upper', 'new'), run('echo x > new'))).toBe(true);
    expect(await told(join(folder, 'upper', 'base'), run('echo x >> base'))).toBe(true);
    expect(await told(join(folder, 'upper', 'base'), run('echo y >> base'))).toBe(true);
    writeFileSync(join(folder, 'merged', 'own'), 'of the agent itself');
    expect(await told(join(folder, 'upper', 'last'), run('echo x > last'))).toBe(true);
    expect(seen.filter(({ path }) => path.endsWith('/own'))).toEqual([]);
    expect(statSync(join(folder, 'upper', 'last')).size).toBe(2);
  });

  test('where the layer is out of reach, by the path in its own namespace', async () => {
    writes.update(overlays().map((mount) => ({ ...mount, upperDirectory: Buffer.from('/nowhere'), namespace: 7 })));
    expect(seen).toEqual([]);
    writes.update([]);
    writes.update(overlays().map((mount) => ({ ...mount, upperDirectory: Buffer.from('/nowhere') })));
    expect(await told(join(folder, 'merged', 'new'), run('echo x > new'))).toBe(true);
  });

  test('another file in the place of the one that was written has not its name, even with its inode number', async () => {
    const box = join(folder, 'box');
    const upper = join(box, 'upper');
    const must = (...args: string[]) => expect(spawnSync('mount', args).status).toBe(0);
    mkdirSync(box);
    // Each tmpfs numbers its files from one on.
    must('-t', 'tmpfs', 'yagura', box);
    try {
      for (const part of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(box, part));
      const layers = ['lowerdir=lower', 'upperdir=upper', 'workdir=work'].map((part) => part.replace('=', `=${box}/`));
      must('-t', 'overlay', 'overlay', '-o', layers.join(','), join(box, 'merged'));
      writes.update(overlays(join(box, 'merged')));
      const pid = spawnSync('/bin/sh', ['-c', 'echo x > new'], { cwd: join(box, 'merged') }).pid;
      const { ino } = statSync(join(upper, 'new'));
      must('-t', 'tmpfs', 'yagura', upper);
      for (let next = 0; next < ino; next = statSync(join(upper, 'new')).ino) {
        if (next > 0) renameSync(join(upper, 'new'), join(upper, `${next}`));
        writeFileSync(join(upper, 'new'), 'y\n');
      }
      expect(statSync(join(upper, 'new')).ino).toBe(ino);
      expect(await told(join(box, 'merged', 'new'), pid)).toBe(true);
    } finally {
      for (const part of ['upper', 'merged', '']) spawnSync('umount', [join(box, part)]);
    }
  });

  test('no link is followed in search of the layer above', async () => {
    writes.update(overlays());
    const pid = run('echo x > new');
    renameSync(join(folder, 'upper'), join(folder, 'hidden'));
    symlinkSync(join(folder, 'hidden'), join(folder, 'upper'));
    expect(await told(join(folder, 'merged', 'new'), pid)).toBe(true);
  });

  test('what is mounted over an overlay meanwhile is not marked in its place', async () => {
    const [overlay] = overlays();
    if (!overlay) throw new Error('not mounted');
    writes.update([{ ...overlay, mountPoint: Buffer.from(join(folder, 'upper')) }]);
    writes.update(overlays());
    expect(await told(join(folder, 'upper', 'new'), run('echo x > new'))).toBe(true);
  });

  test('an overlay can be unmounted while it is watched', async () => {
    writes.update(overlays());
    await told(join(folder, 'upper', 'new'), run('echo x > new'));
    expect(spawnSync('umount', [join(folder, 'merged')]).status).toBe(0);
    writes.update(overlays());
    expect(writes.read()).toBe(false);
  });
});
