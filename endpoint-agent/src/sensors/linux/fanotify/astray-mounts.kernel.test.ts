import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { NO_KERNEL } from '../../../../../test/support/capture-probe.ts';
import { libc } from '../../../native/libc.ts';
import { EVENT, fanotifyInit, fanotifyMark, INIT, MARK_FILESYSTEM } from '../native/fanotify.ts';
import { type DirectoryEntry, readEvents } from './event-reader.ts';
import { FilesystemMarks } from './filesystem-marks.ts';
import { type Mount, mountName, parseMountInfo } from './mounts.ts';

/** Of fanotify_mark(2): takes all marks of this kind away. */
const MARK_FLUSH = 0x80;

describe.skipIf(NO_KERNEL)(`a mount that leads astray${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`, () => {
  let folder: string;
  let shell: ChildProcess;
  let group: number;
  let marks: FilesystemMarks;

  beforeEach(async () => {
    folder = mkdtempSync('/var/tmp/yagura-astray-');
    for (const part of ['first/box', 'second/box', 'host/box']) mkdirSync(join(folder, part), { recursive: true });
    shell = spawn('unshare', ['-m', '/bin/bash', '--norc'], { cwd: '/', stdio: ['pipe', 'ignore', 'inherit'] });
    const own = statSync('/proc/self/ns/mnt').ino;
    await vi.waitUntil(() => statSync(`/proc/${shell.pid}/ns/mnt`).ino !== own, { timeout: 20_000, interval: 5 });
    group = fanotifyInit(INIT.CLOEXEC | INIT.NONBLOCK | INIT.UNLIMITED_MARKS | INIT.REPORT_DIR_FID | INIT.REPORT_NAME);
    marks = new FilesystemMarks(group, EVENT.CREATE, () => (shell.exitCode === null ? shell.pid : undefined));
    marks.update(parseMountInfo(readFileSync('/proc/self/mountinfo')));
  });
  afterEach(async () => {
    libc().close(group);
    await end();
    rmSync(folder, { recursive: true, force: true });
  });

  async function end(): Promise<void> {
    if (shell.exitCode !== null || shell.signalCode !== null) return;
    shell.kill('SIGKILL');
    await once(shell, 'exit');
  }

  let commands = 0;
  /** Waits until the shell of the other namespace has done it. */
  async function run(script: string): Promise<void> {
    commands += 1;
    const done = join(folder, `done-${commands}`);
    shell.stdin?.write(`${script}\n: > ${done}\n`);
    await vi.waitUntil(() => existsSync(done), { timeout: 20_000, interval: 5 });
  }

  function theirMounts(): Mount[] {
    const namespace = statSync(`/proc/${shell.pid}/ns/mnt`).ino;
    return parseMountInfo(readFileSync(`/proc/${shell.pid}/mountinfo`)).map((mount) => ({ ...mount, namespace }));
  }

  /** The event's folder of a file that is made here now. */
  async function entryOf(path: string): Promise<DirectoryEntry> {
    writeFileSync(path, '');
    const buffer = Buffer.alloc(65_536);
    let found: DirectoryEntry | undefined;
    const isFound = (): boolean => {
      const length = libc().read(group, buffer);
      if (length <= 0) return false;
      readEvents(buffer, length, ({ entry }) => {
        if (!entry || !path.endsWith(`/${entry.name.toString()}`)) return;
        found = {
          ...entry,
          fsid: Buffer.from(entry.fsid),
          handle: Buffer.from(entry.handle),
          name: Buffer.from(entry.name),
        };
      });
      return found !== undefined;
    };
    await vi.waitUntil(isFound, { timeout: 20_000, interval: 5 });
    if (!found) throw new Error('unreachable');
    return found;
  }

  const swaps = [
    { name: 'a link to the files of the machine', swap: (at: string) => `ln -s ${at}/host ${at}/second` },
    { name: 'another folder', swap: (at: string) => `mv -T ${at}/host ${at}/second; mkdir -p ${at}/host/box` },
  ];
  test.each(swaps)('that is moved and then swapped for $name takes no file of the machine', async ({ swap }) => {
    await run(`mount -t tmpfs yagura ${folder}/first/box`);
    expect(marks.updateForeign([theirMounts()]).map(mountName)).toEqual([
      expect.stringContaining(`${folder}/first/box in mount namespace`),
    ]);
    await run(`mount --move ${folder}/first/box ${folder}/second/box`);
    const moved = theirMounts();
    await run(`mv ${folder}/second ${folder}/hidden; ${swap(folder)}`);
    marks.updateForeign([moved]);

    const home = join(folder, 'host', 'box');
    expect(marks.find(await entryOf(join(home, 'during')))).toEqual({ path: home });
    await end();
    marks.updateForeign([]);
    expect(marks.find(await entryOf(join(home, 'after')))).toEqual({ path: home });
  });

  test('that was unmounted before anybody looked is no mark that somebody took', async () => {
    const mounts = () => parseMountInfo(readFileSync('/proc/self/mountinfo'));
    await run(`mount -t tmpfs yagura ${folder}/first/box`);
    expect(marks.updateForeign([theirMounts()])).toHaveLength(1);
    await run(`umount ${folder}/first/box`);
    expect(marks.mend(mounts())).toEqual([]);
    await run(`mount -t tmpfs yagura ${folder}/second/box`);
    expect(marks.updateForeign([theirMounts()])).toHaveLength(1);
    expect(fanotifyMark(group, MARK_FLUSH | MARK_FILESYSTEM, 0, Buffer.from('/'))).toBe(0);
    expect(marks.mend(mounts())).toEqual(
      expect.arrayContaining(['/', expect.stringContaining(`${folder}/second/box in`)]),
    );
  });

  test('is watched again once it can be reached', async () => {
    await run(`mount -t tmpfs yagura ${folder}/first/box`);
    const before = theirMounts();
    await run(`mv ${folder}/first ${folder}/hidden; ln -s ${folder}/host ${folder}/first`);
    expect(marks.updateForeign([before])).toEqual([]);
    expect(marks.updateForeign([theirMounts()]).map(mountName)).toEqual([
      expect.stringContaining(`${folder}/hidden/box in mount namespace`),
    ]);
    const entry = await entryOf(`/proc/${shell.pid}/root${folder}/hidden/box/file`);
    expect(marks.find(entry)).toEqual({ path: `${folder}/hidden/box`, mountNamespace: before[0]?.namespace });
  });
});
