import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Load } from './load.ts';

const PROGRAM = '/bin/true';
const MOUNT_AND_LEAVE = 'mount -t tmpfs soak "$1" && : > "$1/$2" && umount "$1"';

/**
 * Short-lived processes with an argument of their own: at a steady rate, and in each window one burst at full
 * speed of as many as five seconds have.
 */
export function processLoad(folder: string, perSecond: number): Load {
  const spawner = join(folder, 'spawner');
  execFileSync('cc', ['-O2', '-o', spawner, join(import.meta.dirname, '..', 'spawner.c')]);

  /** Resolves to how many were started and ended well. */
  async function start(mark: string, count: number, rate?: number): Promise<number> {
    const pace = rate === undefined ? [] : [String(rate)];
    const child = spawn(spawner, [PROGRAM, mark, String(count), ...pace], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    for await (const chunk of child.stdout) output += String(chunk);
    const [, , failures = count] = output.trim().split(' ').map(Number);
    return count - failures;
  }

  return {
    async run({ mark, seconds }) {
      const [steady, burst] = await Promise.all([
        start(`${mark}-steady`, Math.round(perSecond * seconds), perSecond),
        start(`${mark}-burst`, Math.round(perSecond * 5)),
      ]);
      return { processes: steady + burst };
    },
  };
}

/** A file system that is mounted, written and unmounted where nobody else sees it. */
export function mountLoad(folder: string, perWindow: number): Load {
  const place = join(folder, 'mount');
  mkdirSync(place);
  return {
    async run({ mark }) {
      let failed = 0;
      for (let index = 0; index < perWindow; index += 1) {
        const args = ['-m', 'sh', '-c', MOUNT_AND_LEAVE, 'sh', place, `${mark}-${index}`];
        const child = spawn('unshare', args, { stdio: ['ignore', 'ignore', 'inherit'] });
        const [code] = await once(child, 'exit');
        if (code !== 0) failed += 1;
      }
      return { mounts: perWindow, ...(failed > 0 ? { mountsFailed: failed } : {}) };
    },
  };
}
