import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ActionOutcome, ActionOutcome as OutcomeSchema, QuarantineItem } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nextContext, targetOf, type TestResponder, testResponder } from '../../../../../test/fakes/responder.ts';
import { encodePath } from '../../../native/path-bytes.ts';
import { fileCalls } from '../../../native/files.ts';

const reason = process.platform === 'linux' && process.geteuid?.() === 0 ? '' : ' (skipped: needs root on Linux)';

describe.skipIf(reason !== '')(`files${reason}`, () => {
  let under: TestResponder;
  let dir: string;

  beforeEach(async () => {
    under = await testResponder({ limits: { maxFileBytes: 64 * 1_048_576 } });
    dir = join(under.dir, 'work');
    mkdirSync(dir);
  });

  afterEach(async () => under[Symbol.asyncDispose]());

  const quarantine = async (path: string, sha256?: string, storyId?: string): Promise<ActionOutcome> =>
    OutcomeSchema.parse(
      await under.responder.quarantineFile(path, sha256 === undefined ? {} : { sha256 }, nextContext(storyId)),
    );
  const restore = async (id: string | undefined, to?: string): Promise<ActionOutcome> =>
    OutcomeSchema.parse(await under.responder.restoreFile(id ?? '', nextContext(), to));
  const vaultFiles = (): string[] => readdirSync(join(under.stateDir, 'vault')).filter((name) => name !== 'key');
  const file = (name: string, content: string | Buffer = 'evil'): string => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };

  test('a file goes into the vault and comes back with owner, mode, times and attributes', async () => {
    const path = file('evil', Buffer.alloc(700_000, 'x'));
    chownSync(path, 1_234, 4_321);
    chmodSync(path, 0o6751);
    utimesSync(path, 1_500_000_000.123456, 1_600_000_000.654321);
    const fd = openSync(path, 'r');
    expect(fileCalls().setAttribute(fd, Buffer.from('user.note'), Buffer.from([1, 0, 255]))).toBe(0);
    const before = statSync(path, { bigint: true });

    const outcome = await quarantine(path);
    expect(outcome).toMatchObject({ ok: true, code: 'done', kind: 'quarantine-file', target: { size: 700_000 } });
    expect(readdirSync(dir)).toEqual([]);
    const [item] = QuarantineItem.array().parse(await under.responder.listQuarantine());
    expect(item).toMatchObject({ path, uid: 1_234, gid: 4_321, mode: 0o6751, size: 700_000, state: 'held' });

    expect(await restore(item?.quarantineId)).toMatchObject({ ok: true, code: 'done' });
    const after = statSync(path, { bigint: true });
    for (const key of ['uid', 'gid', 'mode', 'size', 'atimeNs', 'mtimeNs'] as const) {
      expect(after[key], key).toBe(before[key]);
    }
    expect(readFileSync(path).equals(Buffer.alloc(700_000, 'x'))).toBe(true);
    const value = Buffer.alloc(16);
    expect(fileCalls().getAttribute(openSync(path, 'r'), Buffer.from('user.note'), value)).toBe(3);
    expect(value.subarray(0, 3)).toEqual(Buffer.from([1, 0, 255]));
    expect(await under.responder.listQuarantine()).toMatchObject([{ state: 'restored' }]);
    expect(vaultFiles()).toEqual([]);
    expect(await restore(item?.quarantineId)).toMatchObject({ ok: true, code: 'already_done' });
  });

  test.each([
    ['255 bytes', Buffer.from('n'.repeat(255))],
    ['a line feed', Buffer.from('a\nb')],
    ['invalid UTF-8', Buffer.from([0x61, 0xff, 0xfe, 0x80])],
    ['a right-to-left mark', Buffer.from('photo\u202egpj.exe')],
    ['an escape that is none', Buffer.from('a\\x41b')],
    ['only blanks', Buffer.from('   ')],
    ['what a terminal would obey', Buffer.from('\u001b]0;owned\u0007')],
  ])('a name with %s comes back as the same bytes', async (_what, name) => {
    const path = Buffer.concat([Buffer.from(`${dir}/`), name]);
    writeFileSync(path, 'content');
    const outcome = await quarantine(encodePath(path));
    expect(outcome).toMatchObject({ ok: true, code: 'done' });
    expect(existsSync(path)).toBe(false);
    expect(await restore(outcome.target.quarantineId)).toMatchObject({ ok: true });
    expect(readdirSync(Buffer.from(dir), { encoding: 'buffer' })).toEqual([name]);
    const again = await quarantine(encodePath(path));
    const to = join(under.dir, 'elsewhere');
    mkdirSync(to);
    expect(await restore(again.target.quarantineId, to)).toMatchObject({ ok: true });
    expect(readdirSync(Buffer.from(to), { encoding: 'buffer' })).toEqual([name]);
  });

  test('a deep path beyond what one system call takes', async () => {
    // Longer than PATH_MAX: made and looked at by relative names.
    const component = 'd'.repeat(200);
    const script = `cd "$1"; for i in $(seq 25); do mkdir ${component}; cd ${component}; done; echo evil > f`;
    execFileSync('/bin/bash', ['-c', script, 'sh', dir]);
    const path = `${dir}/${`${component}/`.repeat(25)}f`;
    expect(path.length).toBeGreaterThan(4_096);
    const outcome = await quarantine(path);
    expect(outcome).toMatchObject({ ok: true, code: 'done' });
    expect(await restore(outcome.target.quarantineId)).toMatchObject({ ok: true, code: 'done' });
    execFileSync('/bin/rm', ['-rf', dir]);
  });

  test('what is no plain file with one name is refused and stays', async () => {
    const target = file('target');
    symlinkSync(target, join(dir, 'link'));
    mkdirSync(join(dir, 'folder'));
    execFileSync('/usr/bin/mkfifo', [join(dir, 'fifo')]);
    execFileSync('/bin/mknod', [join(dir, 'zero'), 'c', '1', '5']);
    linkSync(file('first'), join(dir, 'second'));
    const server = createServer().listen(join(dir, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    const expected = {
      link: 'not_a_regular_file',
      folder: 'not_a_regular_file',
      fifo: 'not_a_regular_file',
      zero: 'not_a_regular_file',
      socket: 'not_a_regular_file',
      second: 'hard_linked_file',
      absent: 'not_found',
      'folder/x/y': 'not_found',
      'target/below': 'path_unsafe',
      'link/below': 'path_unsafe',
    };
    const before = readdirSync(dir);
    for (const [name, code] of Object.entries(expected)) {
      expect(await quarantine(join(dir, name)), name).toMatchObject({ ok: false, code });
    }
    server.close();
    expect(readdirSync(dir).length).toBeGreaterThanOrEqual(before.length - 1);
    expect(vaultFiles()).toEqual([]);
  });

  test('no link is followed at any depth, whoever owns it', async () => {
    mkdirSync(join(dir, 'a/b/c'), { recursive: true });
    writeFileSync(join(dir, 'a/b/c/evil'), 'evil');
    symlinkSync(join(dir, 'a'), join(dir, 'la'));
    symlinkSync(join(dir, 'a/b'), join(dir, 'a/lb'));
    symlinkSync(join(dir, 'a/b/c'), join(dir, 'a/b/lc'));
    for (const path of ['la/b/c/evil', 'a/lb/c/evil', 'a/b/lc/evil']) {
      expect(await quarantine(join(dir, path)), path).toMatchObject({ ok: false, code: 'path_unsafe' });
    }
    const fd = openSync(join(dir, 'a/b'), 'r');
    expect(await quarantine(`/proc/${process.pid}/fd/${fd}/c/evil`)).toMatchObject({ ok: false });
    expect(await quarantine(`/proc/${process.pid}/root${dir}/a/b/c/evil`)).toMatchObject({ ok: false });
    expect(readFileSync(join(dir, 'a/b/c/evil'), 'utf8')).toBe('evil');
  });

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

  test('only the expected content is moved', async () => {
    const path = file('evil');
    const wrong = '0'.repeat(64);
    expect(await quarantine(path, wrong)).toMatchObject({ ok: false, code: 'path_changed' });
    expect(readFileSync(path, 'utf8')).toBe('evil');
    const right = execFileSync('/usr/bin/sha256sum', [path]).toString().slice(0, 64);
    expect(await quarantine(path, right)).toMatchObject({ ok: true, target: { sha256: right } });
  });

  test('a sparse file of a terabyte is refused at once, one within the limit takes no room and comes back', async () => {
    const huge = file('huge', '');
    truncateSync(huge, 1_099_511_627_776);
    const before = Date.now();
    expect(await quarantine(huge)).toMatchObject({ ok: false, code: 'file_too_large' });
    expect(Date.now() - before).toBeLessThan(1_000);
    const sparse = file('sparse', 'head');
    truncateSync(sparse, 60 * 1_048_576 + 1);
    const outcome = await quarantine(sparse);
    expect(outcome).toMatchObject({ ok: true });
    const [container = ''] = vaultFiles();
    expect(statSync(join(under.stateDir, 'vault', container)).size).toBeLessThan(1_048_576);
    await restore(outcome.target.quarantineId);
    expect(statSync(sparse).size).toBe(60 * 1_048_576 + 1);
    expect(statSync(sparse).blocks * 512).toBeLessThan(1_048_576);
    expect(readFileSync(sparse).subarray(0, 4).toString()).toBe('head');
  });

  test('chattr +i does not save a file', async () => {
    const path = file('evil');
    execFileSync('/usr/bin/chattr', ['+i', path]);
    try {
      expect(await quarantine(path)).toMatchObject({ ok: true, code: 'done' });
    } finally {
      if (existsSync(path)) execFileSync('/usr/bin/chattr', ['-i', path]);
    }
    expect(existsSync(path)).toBe(false);
  });

  test('restoring never replaces anything and follows no link', async () => {
    const path = file('evil');
    const { target } = await quarantine(path);
    for (const occupy of [
      () => writeFileSync(path, 'new'),
      () => symlinkSync('/etc/yagura-nowhere', path),
      () => mkdirSync(path),
    ]) {
      occupy();
      expect(await restore(target.quarantineId)).toMatchObject({ ok: false, code: 'target_exists' });
      rmSync(path, { recursive: true });
    }
    rmSync(dir, { recursive: true });
    expect(await restore(target.quarantineId)).toMatchObject({ ok: false, code: 'not_found' });
    mkdirSync(join(under.dir, 'trap'));
    symlinkSync(join(under.dir, 'trap'), dir);
    expect(await restore(target.quarantineId)).toMatchObject({ ok: false, code: 'path_unsafe' });
    expect(readdirSync(join(under.dir, 'trap'))).toEqual([]);
    expect(await under.responder.listQuarantine()).toMatchObject([{ state: 'held' }]);
    expect(await restore(target.quarantineId, join(under.dir, 'trap'))).toMatchObject({ ok: true });
    expect(readFileSync(join(under.dir, 'trap/evil'), 'utf8')).toBe('evil');
  });

  test('a changed container is refused and kept, and nothing of it becomes visible', async () => {
    const path = file('evil', Buffer.alloc(600_000, 'y'));
    const { target } = await quarantine(path);
    const [container = ''] = vaultFiles();
    const whole = join(under.stateDir, 'vault', container);
    const bytes = readFileSync(whole);
    bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1;
    writeFileSync(whole, bytes);
    expect(await restore(target.quarantineId)).toMatchObject({ ok: false, code: 'io_error' });
    expect(readdirSync(dir)).toEqual([]);
    expect(vaultFiles()).toEqual([container]);
    expect(await under.responder.listQuarantine()).toMatchObject([{ state: 'held' }]);
  });

  test('deleting is final and can be repeated', async () => {
    const { target } = await quarantine(file('evil'));
    const id = target.quarantineId ?? '';
    const remove = () => under.responder.deleteQuarantined(id, nextContext());
    expect(await remove()).toMatchObject({ ok: true, code: 'done' });
    expect(vaultFiles()).toEqual([]);
    expect(await remove()).toMatchObject({ ok: true, code: 'already_done' });
    expect(await restore(id)).toMatchObject({ ok: false, code: 'not_found' });
    for (const unknown of ['q-unknown', '../../../etc/passwd', '']) {
      expect(await restore(unknown)).toMatchObject({ ok: false, code: 'not_found' });
      const outcome = await under.responder.deleteQuarantined(unknown, nextContext());
      expect(outcome).toMatchObject({ ok: false, code: 'not_found' });
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
        expect(await quarantine(path, undefined, 'story-2')).toMatchObject({ code: 'file_in_use' });
        expect(await quarantine(path, undefined, 'story-1')).toMatchObject({ ok: true, code: 'done' });
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

  test('twice at once is once', async () => {
    const path = file('evil');
    const context = nextContext();
    const [first, second] = await Promise.all([
      under.responder.quarantineFile(path, {}, context),
      under.responder.quarantineFile(path, {}, context),
    ]);
    expect(first).toEqual(second);
    expect(first.ok).toBe(true);
    const others = await Promise.all([quarantine(path), quarantine(path)]);
    expect(others.map(({ code }) => code)).toEqual(['not_found', 'not_found']);
    await under.restart();
    writeFileSync(path, 'another file of that name');
    expect(await under.responder.quarantineFile(path, {}, context)).toEqual(first);
    expect(readFileSync(path, 'utf8')).toBe('another file of that name');
  });

  test('the vault is rebuilt from its containers when the journal is lost', async () => {
    const path = file('evil');
    const { target } = await quarantine(path, undefined, 'story-9');
    const before = await under.responder.listQuarantine();
    await under.responder[Symbol.asyncDispose]();
    for (const name of readdirSync(under.stateDir)) {
      if (name.startsWith('response.sqlite')) writeFileSync(join(under.stateDir, name), 'x'.repeat(9_000));
    }
    await under.restart();
    expect(await under.responder.listQuarantine()).toEqual([]);
    await under.responder.reconcile();
    expect(await under.responder.listQuarantine()).toEqual(before);
    expect(await restore(target.quarantineId)).toMatchObject({ ok: true });
    expect(readFileSync(path, 'utf8')).toBe('evil');
  });
});

describe.skipIf(reason !== '')(`an overlay, as containers have it${reason}`, () => {
  test('a file goes and comes back, on the upper layer and on the lower', async () => {
    await using under = await testResponder();
    const mount = join(under.dir, 'mount');
    mkdirSync(mount);
    execFileSync('/bin/mount', ['-t', 'tmpfs', 'tmpfs', mount]);
    try {
      for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(mount, name));
      writeFileSync(join(mount, 'lower/below'), 'below');
      const layers = `lowerdir=${mount}/lower,upperdir=${mount}/upper,workdir=${mount}/work`;
      execFileSync('/bin/mount', ['-t', 'overlay', '-o', layers, 'overlay', join(mount, 'merged')]);
      writeFileSync(join(mount, 'merged/above'), 'above');
      for (const name of ['above', 'below']) {
        const path = join(mount, 'merged', name);
        const outcome = await under.responder.quarantineFile(path, {}, nextContext());
        expect(outcome, name).toMatchObject({ ok: true, code: 'done' });
        expect(existsSync(path), name).toBe(false);
        const restored = await under.responder.restoreFile(outcome.target.quarantineId ?? '', nextContext());
        expect(restored, name).toMatchObject({ ok: true, code: 'done' });
        expect(readFileSync(path, 'utf8')).toBe(name);
      }
      expect(readFileSync(join(mount, 'lower/below'), 'utf8')).toBe('below');
    } finally {
      execFileSync('/bin/umount', ['-R', mount]);
    }
  });
});

describe.skipIf(reason !== '')(`disks that are full${reason}`, () => {
  let mount: string;

  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), 'yagura-small-'));
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', mount]);
  });

  afterEach(() => {
    execFileSync('/bin/umount', [mount]);
    rmSync(mount, { recursive: true });
  });

  test.each([
    ['is seen beforehand', 0],
    ['shows in the middle of writing', -1_000_000_000],
  ])('a vault without room leaves the file where it is, and nothing half done: it %s', async (_what, reserveBytes) => {
    await using under = await testResponder({ stateDir: join(mount, 'state'), limits: { reserveBytes } });
    const path = join(under.dir, 'evil');
    const content = randomBytes(3_100_000);
    writeFileSync(path, content);
    const outcome = await under.responder.quarantineFile(path, {}, nextContext());
    expect(outcome).toMatchObject({ ok: false, code: 'no_space' });
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(readdirSync(join(under.stateDir, 'vault')).filter((name) => name.endsWith('.sealed'))).toEqual([]);
    writeFileSync(path, 'small');
    expect(await under.responder.quarantineFile(path, {}, nextContext())).toMatchObject({ ok: true });
  });

  test('a full disk neither saves the file on it nor takes the restored one halfway', async () => {
    await using under = await testResponder();
    const path = join(mount, 'evil');
    writeFileSync(path, Buffer.alloc(1_500_000, 'z'));
    const fill = () => {
      try {
        writeFileSync(join(mount, 'ballast'), Buffer.alloc(3_000_000, 'b'));
      } catch {
        // Full: as wanted.
      }
    };
    fill();
    const outcome = await under.responder.quarantineFile(path, {}, nextContext());
    expect(outcome).toMatchObject({ ok: true, code: 'done' });
    fill();
    const id = outcome.target.quarantineId ?? '';
    expect(await under.responder.restoreFile(id, nextContext())).toMatchObject({ ok: false, code: 'no_space' });
    expect(readdirSync(mount)).toEqual(['ballast']);
    rmSync(join(mount, 'ballast'));
    expect(await under.responder.restoreFile(id, nextContext())).toMatchObject({ ok: true, code: 'done' });
    expect(readFileSync(path).equals(Buffer.alloc(1_500_000, 'z'))).toBe(true);
  });

  test('a journal without room stops file actions, not the freezing and ending of processes', async () => {
    await using under = await testResponder({ stateDir: join(mount, 'state') });
    const path = join(under.dir, 'evil');
    writeFileSync(path, 'evil');
    const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
    try {
      for (let index = 0; ; index += 1) {
        try {
          writeFileSync(join(mount, `ballast${index}`), Buffer.alloc(index < 3 ? 900_000 : 4_096));
        } catch {
          break;
        }
      }
      const long = { ...nextContext(), storyId: 's' };
      const members = Array.from({ length: 500 }, (_, pid) => ({ entityId: `e${pid}`, pid: 4_000_000 + pid }));
      const killed = await under.responder.killTree(targetOf(child.pid ?? 0), members, long);
      expect(killed).toMatchObject({ ok: true, code: 'done', processes: 1 });
      for (let index = 0; index < 4; index += 1) {
        const outcome = await under.responder.quarantineFile(path, {}, nextContext());
        expect(outcome.ok).toBe(false);
        expect(outcome.code).toBe('no_space');
      }
      expect(readFileSync(path, 'utf8')).toBe('evil');
    } finally {
      child.kill('SIGKILL');
    }
  });
});
