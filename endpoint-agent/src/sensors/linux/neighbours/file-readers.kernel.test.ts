import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type CaptureProbe,
  compile,
  NO_CC,
  NO_KERNEL,
  startCapture,
} from '../../../../../test/support/capture-probe.ts';

const WAIT = { timeout: 20_000, interval: 50 };
const lacking = (...programs: readonly string[]): string | undefined => {
  const missing = programs.filter((path) => !existsSync(path));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
};
const NO_FATRACE = NO_KERNEL ?? lacking('/usr/sbin/fatrace');
const NO_CLAMAV = NO_KERNEL ?? lacking('/usr/sbin/clamd', '/usr/sbin/clamonacc');

/**
 * Allows what is opened on one filesystem, after a moment, and denies what is named "denied": what an antivirus
 * does. Ends with its input.
 */
const PERMISSIONS = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY);
  if (fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM, AT_FDCWD, argv[1])) return 2;
  puts("ready"); fflush(stdout);
  struct pollfd set[2] = {{group, POLLIN}, {0, POLLIN | POLLHUP}};
  while (poll(set, 2, -1) > 0 && !set[1].revents) {
    char buffer[4096];
    int length = read(group, buffer, sizeof buffer);
    struct fanotify_event_metadata *event = (void *)buffer;
    for (; FAN_EVENT_OK(event, length); event = FAN_EVENT_NEXT(event, length)) {
      char link[64], path[4096] = "";
      sprintf(link, "/proc/self/fd/%d", event->fd);
      readlink(link, path, sizeof path - 1);
      usleep(1000);
      struct fanotify_response answer = {event->fd, strstr(path, "denied") ? FAN_DENY : FAN_ALLOW};
      write(group, &answer, sizeof answer);
      close(event->fd);
    }
  }
}`;

const CLAMD_CONF = (folder: string) => `LocalSocket ${folder}/clamd.sock
DatabaseDirectory ${folder}/signatures
Foreground yes
User root
MaxThreads 2
OnAccessIncludePath ${folder}/watched
OnAccessPrevention yes
OnAccessExcludeUname clamav
OnAccessMaxThreads 2
`;
/** A signature of the test's own, in the format of ClamAV's .ndb files. */
const MARK = 'yagura harmless test mark';
const SIGNATURE = `YaguraTest:0:*:${Buffer.from(MARK).toString('hex')}\n`;

describe.skipIf(NO_KERNEL)(`beside other users of fanotify${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`, () => {
  let probe: CaptureProbe;
  let folder: string;
  const others: ChildProcess[] = [];

  beforeAll(async () => {
    folder = mkdtempSync('/var/tmp/yagura-neighbours-');
    probe = await startCapture({ sources: ['linux-files'] });
  });
  afterEach(async () => {
    for (const other of others.splice(0).toReversed()) {
      if (other.exitCode !== null || other.signalCode !== null) continue;
      other.kill('SIGTERM');
      await once(other, 'exit');
    }
  });
  afterAll(async () => {
    await probe[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts another program and keeps what it prints. */
  function start(command: string, args: readonly string[]): { readonly output: () => string } {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    others.push(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += String(chunk)));
    return { output: () => text };
  }

  async function seesWrite(path: string): Promise<void> {
    const { pid, status } = spawnSync('/bin/bash', ['--norc', '-c', `echo x > ${path}`]);
    expect(status).toBe(0);
    await probe.find('file_event', (seen) => seen.pid === pid && seen.fields['TargetFilename'] === path);
  }

  test.skipIf(NO_FATRACE)(`fatrace${NO_FATRACE ? ` (${NO_FATRACE})` : ''}: both see each write`, async () => {
    const { output } = start('/usr/sbin/fatrace', ['--filter=W']);
    let runs = 0;
    const bothSee = async () => {
      runs += 1;
      await seesWrite(join(folder, `traced-${runs}`));
      return output();
    };
    // It is ready at a moment that it does not tell.
    await expect.poll(bothSee, { ...WAIT, interval: 200 }).toContain(join(folder, 'traced-'));
    expect(probe.healthOf('linux-files')).toMatchObject({ state: 'active' });
  });

  test.skipIf(NO_CC)(
    `one that must permit each opening${NO_CC ? ` (${NO_CC})` : ''}: what it denies stays denied`,
    async () => {
      const point = join(folder, 'guarded');
      mkdirSync(point);
      expect(spawnSync('mount', ['-t', 'tmpfs', 'yagura-test', point]).status).toBe(0);
      try {
        const program = compile(folder, 'permissions', PERMISSIONS) ?? '';
        const { output } = start(program, [point]);
        await expect.poll(output, WAIT).toContain('ready');
        const beacon = join(point, 'beacon');
        const isMarked = () => {
          spawnSync('/bin/bash', ['--norc', '-c', `echo x > ${beacon}`]);
          return probe.seen.some((seen) => seen.pid !== undefined && seen.fields['TargetFilename'] === beacon);
        };
        await expect.poll(isMarked, WAIT).toBe(true);
        const many = 'for i in $(seq 100); do mkdir d$i; echo x > d$i/f; done; echo x > denied';
        const { pid, status } = spawnSync('/bin/bash', ['--norc', '-c', many], { cwd: point });
        expect(status).toBe(1);
        for (let index = 1; index <= 100; index += 1) {
          const path = join(point, `d${index}`, 'f');
          await probe.find('file_event', (seen) => seen.pid === pid && seen.fields['TargetFilename'] === path);
        }
        expect(readFileSync(join(point, 'd1', 'f'), 'utf8')).toBe('x\n');
        for (const other of others.splice(0)) {
          other.stdin?.end();
          await once(other, 'exit');
        }
      } finally {
        spawnSync('umount', ['-l', point]);
      }
      expect(probe.healthOf('linux-files')).toMatchObject({ state: 'active' });
    },
  );

  test.skipIf(NO_CLAMAV)(
    `ClamAV's scan on access${NO_CLAMAV ? ` (${NO_CLAMAV})` : ''}: it blocks what it knows, and we see who wrote it`,
    async () => {
      for (const part of ['signatures', 'watched']) mkdirSync(join(folder, part));
      writeFileSync(join(folder, 'signatures', 'own.ndb'), SIGNATURE);
      const configuration = join(folder, 'clamd.conf');
      writeFileSync(configuration, CLAMD_CONF(folder));
      start('/usr/sbin/clamd', ['-c', configuration]);
      await expect.poll(() => existsSync(join(folder, 'clamd.sock')), WAIT).toBe(true);
      const { output } = start('/usr/sbin/clamonacc', ['-c', configuration, '--foreground', '--fdpass']);
      await expect.poll(output, WAIT).toContain('watching');
      const bad = join(folder, 'watched', 'bad');
      const writer = spawnSync('/bin/bash', ['--norc', '-c', `printf '${MARK}' > ${bad}`]);
      await probe.find('file_event', (seen) => seen.pid === writer.pid && seen.fields['TargetFilename'] === bad);
      await expect.poll(() => spawnSync('cat', [bad]).status, WAIT).toBe(1);
      await seesWrite(join(folder, 'watched', 'good'));
      expect(spawnSync('cat', [join(folder, 'watched', 'good')], { encoding: 'utf8' }).stdout).toBe('x\n');
      expect(probe.healthOf('linux-files')).toMatchObject({ state: 'active' });
    },
  );
});
