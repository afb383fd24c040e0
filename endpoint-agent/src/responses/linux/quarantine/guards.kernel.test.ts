import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, copyFileSync, existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type QuarantineStage, quarantineStage } from '../../../../../test/fakes/quarantine-stage.ts';
import { nextContext, targetOf, type TestResponder } from '../../../../../test/fakes/responder.ts';

const reason = process.platform === 'linux' && process.geteuid?.() === 0 ? '' : ' (skipped: needs root on Linux)';

describe.skipIf(reason !== '')(`files that are left alone${reason}`, () => {
  let stage: QuarantineStage;
  let under: TestResponder;
  let dir: string;
  let file: QuarantineStage['file'];
  let quarantine: QuarantineStage['quarantine'];

  beforeEach(async () => {
    stage = await quarantineStage();
    ({ under, dir, file, quarantine } = stage);
  });

  afterEach(async () => stage[Symbol.asyncDispose]());

  test('files of packages, of the system and of the agent stay', async () => {
    const own = join(under.stateDir, 'response.sqlite');
    await quarantine(file('evil'));
    const cases: [string, string][] = [
      ['/usr/bin/sort', 'package_owned_file'],
      ['/bin/sort', 'package_owned_file'],
      ['/etc/passwd', 'package_owned_file'],
      [own, 'refused'],
      [join(under.stateDir, 'vault/key'), 'refused'],
      [process.execPath, 'refused'],
      [import.meta.filename, 'refused'],
      ['/proc/self/maps', 'unsupported'],
      ['/proc/1/maps', 'unsupported'],
      ['/sys/kernel/uevent_seqnum', 'unsupported'],
      ['/dev/null', 'not_a_regular_file'],
    ];
    for (const [path, code] of cases) {
      expect(await quarantine(path), path).toMatchObject({ ok: false, code });
      expect(lstatSync(path)).toBeDefined();
    }
  });

  const example = '/usr/share/base-files/dot.bashrc';

  test.skipIf(!existsSync(example))('a package file whose content was replaced is moved', async () => {
    const original = readFileSync(example);
    try {
      expect(await quarantine(example)).toMatchObject({ ok: false, code: 'package_owned_file' });
      writeFileSync(example, 'another content');
      expect(await quarantine(example)).toMatchObject({ ok: true, code: 'done' });
    } finally {
      writeFileSync(example, original);
    }
  });

  test('a stranger in a folder of packages is moved, also by the name from before /usr was merged', async () => {
    const path = '/usr/bin/yagura-test-stranger';
    copyFileSync('/bin/true', path);
    try {
      const outcome = await quarantine('/bin/yagura-test-stranger');
      expect(outcome).toMatchObject({ ok: true, code: 'done' });
      expect(await under.responder.listQuarantine()).toMatchObject([{ path }]);
    } finally {
      rmSync(path, { force: true });
    }
  });

  describe('in use', () => {
    async function holder(command: string): Promise<Disposable & { pid: number }> {
      const child = spawn('/bin/bash', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const pid = child.pid ?? 0;
      return { pid, [Symbol.dispose]: () => process.kill(-pid, 'SIGKILL') };
    }

    test('a service that has it open for writing keeps it; the story of its own does not', async () => {
      const path = file('log');
      const pidFile = join(dir, 'pid');
      const daemon = `exec 7>>"${path}"; echo $$ > "${pidFile}"; while :; do sleep 1; done`;
      // Ends up below pid 1, as a service does: its starter is gone.
      execFileSync('/usr/bin/setsid', ['-f', '/bin/bash', '-c', daemon], { stdio: 'ignore' });
      while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '') await sleep(10);
      const pid = Number(readFileSync(pidFile, 'utf8'));
      try {
        expect(await quarantine(path)).toMatchObject({ ok: false, code: 'file_in_use' });
        expect(readFileSync(path, 'utf8')).toBe('evil');
        const target = targetOf(pid);
        await under.responder.freezeTree(target, [], nextContext('story-1'));
        expect(await quarantine(path, { storyId: 'story-2' })).toMatchObject({ code: 'file_in_use' });
        expect(await quarantine(path, { storyId: 'story-1' })).toMatchObject({ ok: true, code: 'done' });
      } finally {
        process.kill(-pid, 'SIGKILL');
      }
    });

    test('being read is no use', async () => {
      const path = file('script');
      using _reader = await holder(`exec 7<"${path}"; echo ready; while :; do sleep 1; done`);
      expect(await quarantine(path)).toMatchObject({ ok: true, code: 'done' });
    });

    test('a program that runs is moved while it runs', async () => {
      const path = join(dir, 'sleeper');
      copyFileSync('/bin/sleep', path);
      // No exact copy of a system program, which an agent on this machine would rightly find odd.
      appendFileSync(path, 'x');
      using _runner = await holder(`"${path}" 60 & echo ready; wait`);
      await sleep(100);
      expect(await quarantine(path)).toMatchObject({ ok: true, code: 'done' });
    });
  });
});
