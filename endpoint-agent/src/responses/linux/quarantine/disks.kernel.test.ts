import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nextContext, targetOf, testResponder } from '../../../../../test/fakes/responder.ts';

const reason = process.platform === 'linux' && process.geteuid?.() === 0 ? '' : ' (skipped: needs root on Linux)';

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
