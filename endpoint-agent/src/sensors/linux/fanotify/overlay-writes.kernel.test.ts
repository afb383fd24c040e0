import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

  const overlays = () =>
    parseMountInfo(Buffer.from(spawnSync('cat', ['/proc/self/mountinfo']).stdout)).filter(
      ({ mountPoint }) => mountPoint.toString() === join(folder, 'merged'),
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

  test('an overlay can be unmounted while it is watched', async () => {
    writes.update(overlays());
    await told(join(folder, 'upper', 'new'), run('echo x > new'));
    expect(spawnSync('umount', [join(folder, 'merged')]).status).toBe(0);
    writes.update(overlays());
    expect(writes.read()).toBe(false);
  });
});
