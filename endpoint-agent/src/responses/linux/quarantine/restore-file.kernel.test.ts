import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type QuarantineStage, quarantineStage } from '../../../../../test/fakes/quarantine-stage.ts';
import { nextContext, type TestResponder } from '../../../../../test/fakes/responder.ts';
import { encodePath } from '../../../native/path-bytes.ts';

const reason = process.platform === 'linux' && process.geteuid?.() === 0 ? '' : ' (skipped: needs root on Linux)';

describe.skipIf(reason !== '')(`a file that comes back${reason}`, () => {
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

  test('the vault is rebuilt from its containers when the journal is lost', async () => {
    const path = file('evil');
    const { target } = await quarantine(path, { storyId: 'story-9' });
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
