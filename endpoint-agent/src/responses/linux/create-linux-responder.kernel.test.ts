import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ActionOutcome } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  hasEnded,
  nextContext,
  stateOf,
  type TestResponder,
  targetOf,
  testResponder,
} from '../../../../test/fakes/responder.ts';
import { openJournal } from '../journal/open-journal.ts';
import type { Plan } from '../journal/plan.ts';

const reason = process.platform === 'linux' && process.geteuid?.() === 0 ? '' : ' (skipped: needs root on Linux)';

describe.skipIf(reason !== '')(`the responder${reason}`, () => {
  let under: TestResponder;
  let victim: ChildProcess;
  let pid: number;

  beforeEach(async () => {
    under = await testResponder();
    victim = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
    pid = victim.pid ?? 0;
    await sleep(20);
  });

  afterEach(async () => {
    victim.kill('SIGKILL');
    await under[Symbol.asyncDispose]();
  });

  /** Leaves a begun action behind, as a run that was killed right after its intent. */
  async function leaveBegun(plan: Plan, bootId = 'boot-1'): Promise<void> {
    await under.responder[Symbol.asyncDispose]();
    {
      using journal = openJournal(under.stateDir, { maxActions: 9, maxItems: 9, maxAgeMs: 1e12 }).journal;
      journal.begin({ context: { actionId: 'left', origin: 'order', orderId: 'o-1' }, plan, startedAt: 5, bootId });
    }
    await under.restart();
  }

  test.each([
    ['freeze-tree', () => stateOf(pid) === 'T'],
    ['kill-tree', () => hasEnded(pid)],
  ] as const)('finishes a %s that a crash cut off', async (kind, isDone) => {
    await leaveBegun({ kind, root: { ...targetOf(pid) }, members: [] });
    const outcomes = ActionOutcome.array().parse(await under.responder.reconcile());
    expect(outcomes).toMatchObject([{ actionId: 'left', kind, ok: true, code: 'done', orderId: 'o-1', startedAt: 5 }]);
    expect(isDone()).toBe(true);
  });

  test('touches no process for an intent of another boot', async () => {
    await leaveBegun({ kind: 'kill-tree', root: { ...targetOf(pid) }, members: [] }, 'boot-0');
    expect(await under.responder.reconcile()).toMatchObject([{ ok: false, code: 'interrupted' }]);
    expect(stateOf(pid)).toBe('S');
  });

  test('asked again before reconcile, it recovers that action first', async () => {
    await leaveBegun({ kind: 'kill-tree', root: { ...targetOf(pid) }, members: [] });
    const context = { actionId: 'left', origin: 'order' as const, orderId: 'o-1' };
    expect(await under.responder.killTree(targetOf(pid), [], context)).toMatchObject({ ok: true, startedAt: 5 });
    expect(hasEnded(pid)).toBe(true);
    expect(await under.responder.reconcile()).toEqual([]);
  });

  test('outcomes from before a crash come again, those from before an orderly end do not', async () => {
    const first = await under.responder.freezeTree(targetOf(pid), [], nextContext());
    // A second responder on the same state stands for the run after a crash: the first one never ended.
    await using after = await testResponder({ stateDir: under.stateDir });
    expect(await after.responder.reconcile()).toEqual([first]);
    await under.responder[Symbol.asyncDispose]();
    await after.restart();
    expect(await after.responder.reconcile()).toEqual([]);
  });

  test('what it writes belongs to its user alone', async () => {
    const path = join(under.dir, 'evil');
    writeFileSync(path, 'evil');
    await under.responder.quarantineFile(path, {}, nextContext());
    const modes = ['', 'response.sqlite', 'response.sqlite-wal', 'lock', 'vault', 'vault/key'].map((name) =>
      (statSync(join(under.stateDir, name)).mode & 0o777).toString(8),
    );
    expect(modes).toEqual(['700', '600', '600', '600', '700', '600']);
  });

  test('an empty path, an unknown item and a folder that is none are outcomes', async () => {
    mkdirSync(join(under.dir, 'folder'));
    for (const outcome of [
      await under.responder.quarantineFile('', {}, nextContext()),
      await under.responder.quarantineFile('\u0000', {}, nextContext()),
      await under.responder.quarantineFile(`/${'x/'.repeat(3_000)}`, {}, nextContext()),
      await under.responder.restoreFile('a b', nextContext()),
      await under.responder.restoreFile('x'.repeat(65), nextContext()),
      await under.responder.deleteQuarantined('..', nextContext()),
      await under.responder.restoreFile('q-none', nextContext(), 'relative/folder'),
    ]) {
      expect(ActionOutcome.parse(outcome).ok).toBe(false);
    }
  });

  test('the intent is on disk before the effect', async () => {
    const seen: unknown[] = [];
    await using watched = await testResponder({
      stateDir: join(under.dir, 'watched'),
      reached: (step) => {
        if (step !== 'begun') return;
        using journal = openJournal(join(under.dir, 'watched'), { maxActions: 9, maxItems: 9, maxAgeMs: 1e12 }).journal;
        seen.push({ begun: journal.unfinished().map(({ plan }) => plan.kind), state: stateOf(pid) });
      },
    });
    await watched.responder.freezeTree(targetOf(pid), [], nextContext());
    expect(seen).toEqual([{ begun: ['freeze-tree'], state: 'S' }]);
    expect(stateOf(pid)).toBe('T');
  });
});
