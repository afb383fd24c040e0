import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { QuarantineItem } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type QuarantineStage, quarantineStage } from '../../../../../test/fakes/quarantine-stage.ts';
import { nextContext, type TestResponder } from '../../../../../test/fakes/responder.ts';
import { fileCalls } from '../../../native/files.ts';

const reason = process.platform === 'linux' && process.geteuid?.() === 0 ? '' : ' (skipped: needs root on Linux)';

describe.skipIf(reason !== '')(`a file that is quarantined${reason}`, () => {
  let stage: QuarantineStage;
  let under: TestResponder;
  let dir: string;
  let file: QuarantineStage['file'];
  let quarantine: QuarantineStage['quarantine'];
  let restore: QuarantineStage['restore'];
  let vaultFiles: QuarantineStage['vaultFiles'];

  beforeEach(async () => {
    stage = await quarantineStage();
    ({ under, dir, file, quarantine, restore, vaultFiles } = stage);
  });

  afterEach(async () => stage[Symbol.asyncDispose]());

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

  test('only the expected content is moved', async () => {
    const path = file('evil');
    const wrong = '0'.repeat(64);
    expect(await quarantine(path, { sha256: wrong })).toMatchObject({ ok: false, code: 'path_changed' });
    expect(readFileSync(path, 'utf8')).toBe('evil');
    const right = execFileSync('/usr/bin/sha256sum', [path]).toString().slice(0, 64);
    expect(await quarantine(path, { sha256: right })).toMatchObject({ ok: true, target: { sha256: right } });
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
});
