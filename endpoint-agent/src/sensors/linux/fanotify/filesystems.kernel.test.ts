import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CaptureProbe, NO_KERNEL, startCapture } from '../../../../../test/support/capture-probe.ts';

interface Case {
  readonly name: string;
  readonly type: string;
  readonly make: readonly string[];
  /** Made in the filesystem before it is mounted for the test. */
  readonly subvolume?: string;
}

const CASES: readonly Case[] = [
  { name: 'ext4', type: 'ext4', make: ['mkfs.ext4', '-q'] },
  { name: 'xfs', type: 'xfs', make: ['mkfs.xfs', '-q'] },
  { name: 'btrfs', type: 'btrfs', make: ['mkfs.btrfs', '-q'] },
  // As Fedora, openSUSE and Ubuntu lay out a root of btrfs.
  { name: 'a subvolume of btrfs', type: 'btrfs', make: ['mkfs.btrfs', '-q'], subvolume: '@' },
];
/** What mkfs.xfs wants at least; the file has holes. */
const IMAGE_BYTES = 320 * 1_048_576;

const run = (command: string, ...args: string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

function must(command: string, ...args: string[]): void {
  if (!run(command, ...args)) throw new Error(`${command} ${args.join(' ')} failed`);
}

/** Why this machine cannot have the filesystem; undefined when it can. */
function obstacle({ type, make: [program = ''] }: Case): string | undefined {
  if (NO_KERNEL) return NO_KERNEL;
  if (!run('/bin/sh', '-c', `command -v ${program}`)) return `no ${program} here`;
  run('modprobe', type);
  const known = readFileSync('/proc/filesystems', 'utf8').split(/\s/);
  return known.includes(type) ? undefined : `this kernel has no ${type}`;
}

for (const one of CASES) {
  const why = obstacle(one);
  describe.skipIf(why !== undefined)(`files on ${one.name}${why ? ` (${why})` : ''}`, () => {
    let probe: CaptureProbe;
    let folder: string;
    let place: string;
    let isMounted = false;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'yagura-filesystem-'));
      place = join(folder, 'mounted');
      mkdirSync(place);
      const image = join(folder, 'image');
      writeFileSync(image, '');
      truncateSync(image, IMAGE_BYTES);
      const [program = '', ...options] = one.make;
      must(program, ...options, image);
      if (one.subvolume !== undefined) {
        must('mount', '-o', 'loop', image, place);
        must('btrfs', 'subvolume', 'create', join(place, one.subvolume));
        must('umount', place);
      }
      const mountOptions = one.subvolume === undefined ? 'loop' : `loop,subvol=${one.subvolume}`;
      must('mount', '-o', mountOptions, image, place);
      isMounted = true;
      probe = await startCapture({ sources: ['linux-files', 'linux-processes'] });
    });
    afterAll(async () => {
      await probe?.[Symbol.asyncDispose]();
      if (isMounted && !run('umount', place)) throw new Error(`${place} cannot be unmounted`);
      rmSync(folder, { recursive: true, force: true });
    });

    test('is marked', () => {
      const { state, detail = '' } = probe.healthOf('linux-files');
      // Something else on this machine may be out of reach.
      expect(['active', 'degraded']).toContain(state);
      expect(detail).not.toContain(place);
    });

    test('create, write, rename, change of mode and delete, each with its process', async () => {
      const first = join(place, 'one.txt');
      const second = join(place, 'two.txt');
      const script =
        'mkdir deep; echo x > deep/f; echo content > one.txt; mv one.txt two.txt; chmod 4755 two.txt; sleep 0.3; rm two.txt; true';
      const shell = spawnSync('/bin/bash', ['--norc', '-c', script], { cwd: place });
      const target = (path: string) => (event: { readonly fields: Readonly<Record<string, unknown>> }) =>
        event.fields['TargetFilename'] === path;
      expect(await probe.find('file_event', target(first))).toMatchObject({
        pid: shell.pid,
        fields: { Operation: 'create_write', User: 'root' },
      });
      expect(await probe.find('file_event', target(join(place, 'deep', 'f')))).toMatchObject({ pid: shell.pid });
      expect(await probe.find('file_rename', target(second))).toMatchObject({ fields: { SourceFilename: first } });
      expect(await probe.find('file_change', target(second))).toMatchObject({ fields: { IsSetUserId: true } });
      const deleted = await probe.find('file_delete', target(second));
      // rm, which the shell started.
      expect(deleted.pid).not.toBe(shell.pid);
      expect(deleted.pid).toBeGreaterThan(0);
    });

    test.skipIf(one.type !== 'btrfs')('a subvolume that is made later, inside', async () => {
      const script = 'btrfs subvolume create later >/dev/null && echo y > later/g';
      const shell = spawnSync('/bin/bash', ['--norc', '-c', script], { cwd: place });
      expect(shell.status).toBe(0);
      const path = join(place, 'later', 'g');
      const written = await probe.find('file_event', ({ fields }) => fields['TargetFilename'] === path);
      expect(written.pid).toBe(shell.pid);
    });
  });
}
