import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ActionOutcome, QuarantineItem } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nextContext, type TestResponder, testResponder } from '../../../test/fakes/responder.ts';

const reason = process.platform === 'linux' && process.geteuid?.() === 0 ? '' : ' (skipped: needs root on Linux)';
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const run = promisify(execFile);

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe.skipIf(reason !== '')(`quarantine on the command line, beside a running service${reason}`, () => {
  let service: TestResponder;
  let agentDir: string;
  let path: string;
  let id: string;

  beforeEach(async () => {
    agentDir = mkdtempSync(join(tmpdir(), 'yagura-cli-'));
    service = await testResponder({ stateDir: join(agentDir, 'responses') });
    path = join(service.dir, 'evil\n\u202efile');
    writeFileSync(path, 'evil');
    const outcome = await service.responder.quarantineFile(path, {}, nextContext('story-1'));
    id = outcome.target.quarantineId ?? '';
  });

  afterEach(async () => {
    await service[Symbol.asyncDispose]();
    rmSync(agentDir, { recursive: true });
  });

  async function cli(...args: string[]): Promise<Ended> {
    const argv = ['--disable-warning=ExperimentalWarning', MAIN, 'quarantine', ...args, '--state-dir', agentDir];
    try {
      const { stdout, stderr } = await run(process.execPath, argv);
      return { code: 0, out: stdout, err: stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, out: stdout, err: stderr };
    }
  }

  test('lists what is held, in one line each, whatever the names hold', async () => {
    const listed = await cli('list', '--json');
    expect(listed).toMatchObject({ code: 0, err: '' });
    const { items } = JSON.parse(listed.out) as { items: unknown };
    expect(QuarantineItem.array().parse(items)).toMatchObject([{ quarantineId: id, state: 'held', size: 4 }]);
    const text = await cli('list');
    expect(text.out.split('\n')).toHaveLength(2);
    expect(text.out).toContain('evil\\x0a');
  });

  test('restores to where one says, and the service can report it once', async () => {
    const to = join(service.dir, 'to');
    mkdirSync(to);
    const restored = await cli('restore', id, '--to', to, '--json');
    expect(restored.code).toBe(0);
    const outcome = ActionOutcome.parse(JSON.parse(restored.out));
    expect(outcome).toMatchObject({ ok: true, code: 'done', origin: 'local', kind: 'restore-file' });
    expect(outcome.detail).toMatch(/^by uid 0, /);
    expect(readFileSync(join(to, 'evil\n\u202efile'), 'utf8')).toBe('evil');
    expect(await service.responder.listQuarantine()).toMatchObject([{ state: 'restored' }]);
    expect(await service.responder.takeLocalOutcomes()).toEqual([outcome]);
    expect(await service.responder.takeLocalOutcomes()).toEqual([]);
  });

  test('an outcome that no service was there for comes with its next start', async () => {
    await service.responder[Symbol.asyncDispose]();
    expect((await cli('delete', id)).code).toBe(0);
    await service.restart();
    expect(await service.responder.reconcile()).toMatchObject([
      { origin: 'local', kind: 'delete-quarantined', ok: true },
    ]);
    expect(await service.responder.takeLocalOutcomes()).toEqual([]);
  });

  test('says in one line and by the exit code what could not be done', async () => {
    writeFileSync(path, 'in the way');
    const taken = await cli('restore', id);
    expect(taken).toMatchObject({ code: 1, out: '' });
    expect(taken.err).toMatch(/^yagura-agent: error \(target_exists\): .*\n$/);
    expect(readFileSync(path, 'utf8')).toBe('in the way');
    expect((await cli('restore', '../../etc')).err).toMatch(
      /^yagura-agent: error \(not_found\): \.\.\/\.\.\/etc: the vault holds no file under this id; .*\n$/,
    );
    expect((await cli('delete', 'q-none')).code).toBe(1);
    for (const wrong of [
      [],
      ['restore'],
      ['list', id],
      ['delete', id, '--to', '/tmp'],
      ['list', '--what'],
      ['burn', id],
    ]) {
      expect((await cli(...wrong)).code, wrong.join(' ')).toBe(2);
    }
    expect(await service.responder.listQuarantine()).toMatchObject([{ state: 'held' }]);
  });

  test('both at once: each item has one fate', async () => {
    const [cliEnd, serviceEnd] = await Promise.all([
      cli('restore', id, '--json'),
      service.responder.deleteQuarantined(id, nextContext()),
    ]);
    const isRestored = existsSync(path);
    expect(isRestored ? cliEnd.code : Number(!serviceEnd.ok)).toBe(0);
    expect(isRestored ? serviceEnd.code : (JSON.parse(cliEnd.out) as { code: string }).code).toBe('not_found');
  });
});
