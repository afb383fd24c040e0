import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActionOutcome, QuarantineItem } from '@yagura/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BegunAction } from './journal.ts';
import { openJournal } from './open-journal.ts';

const LIMITS = { maxActions: 3, maxItems: 2, maxAgeMs: 1_000 };
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'yagura-journal-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function begun(actionId: string, startedAt: number): BegunAction {
  const plan = { kind: 'delete-quarantined', quarantineId: 'q-1' } as const;
  return { context: { actionId, origin: 'policy', storyId: 's' }, plan, startedAt, bootId: 'b' };
}

function outcome(actionId: string, endedAt: number, origin: ActionOutcome['origin'] = 'policy'): ActionOutcome {
  const named = { actionId, kind: 'delete-quarantined' as const, origin, target: {} };
  return { ...named, ok: true, code: 'done', startedAt: 1, endedAt };
}

function item(quarantineId: string, quarantinedAt: number, state: QuarantineItem['state']): QuarantineItem {
  return { quarantineId, path: '/x', sha256: '0'.repeat(64), size: 1, uid: 0, gid: 0, mode: 0, quarantinedAt, state };
}

const open = () => openJournal(dir, LIMITS);

test('what was begun is there after a restart until it is finished, and is finished once', () => {
  const { plan } = begun('a', 1);
  {
    using journal = open().journal;
    journal.begin(begun('a', 1));
    expect(journal.outcome('a')).toBeUndefined();
  }
  using journal = open().journal;
  expect(journal.unfinished()).toEqual([begun('a', 1)]);
  journal.finish(outcome('a', 2), plan, item('q-1', 5, 'deleted'));
  journal.finish(outcome('a', 3), plan);
  expect(journal.outcome('a')?.endedAt).toBe(2);
  expect(journal.begun('a')).toBeUndefined();
  expect(journal.item('q-1')?.state).toBe('deleted');
});

test('two processes use it at once', () => {
  using first = open().journal;
  using second = open().journal;
  first.begin(begun('a', 1));
  second.begin(begun('b', 2));
  expect(first.unfinished().map(({ context }) => context.actionId)).toEqual(['a', 'b']);
  expect(statSync(join(dir, 'response.sqlite')).mode & 0o777).toBe(0o600);
});

test('pruning keeps what is unfinished and what is held, and drops the oldest of the rest', () => {
  using journal = open().journal;
  for (let index = 0; index < 6; index += 1) {
    journal.begin(begun(`a${index}`, index));
    if (index > 0) journal.finish(outcome(`a${index}`, 100 + index), begun('x', 0).plan);
    journal.putItem(item(`q-${index}`, 100 + index, index === 0 ? 'held' : 'restored'));
  }
  journal.prune(200);
  expect(journal.unfinished()).toHaveLength(1);
  expect([1, 2, 3, 4, 5].filter((index) => journal.outcome(`a${index}`) !== undefined)).toEqual([3, 4, 5]);
  expect(journal.items().map(({ quarantineId }) => quarantineId)).toEqual(['q-5', 'q-4', 'q-0']);
  journal.prune(10_000);
  expect(journal.outcome('a5')).toBeUndefined();
  expect(journal.items().map(({ quarantineId }) => quarantineId)).toEqual(['q-0']);
  expect(journal.unfinished()).toHaveLength(1);
});

test('an outcome is unreported until it is marked', () => {
  using journal = open().journal;
  for (const [actionId, origin] of [
    ['p', 'policy'],
    ['l', 'local'],
  ] as const) {
    journal.begin({ ...begun(actionId, 1), context: { actionId, origin } });
    journal.finish(outcome(actionId, 50, origin), begun('x', 0).plan);
  }
  expect(journal.unreported(['local']).map(({ actionId }) => actionId)).toEqual(['l']);
  journal.markReported(['l']);
  expect(journal.unreported(['policy', 'local']).map(({ actionId }) => actionId)).toEqual(['p']);
});

test('a damaged database is set aside, and the journal goes on empty', () => {
  open().journal[Symbol.dispose]();
  writeFileSync(join(dir, 'response.sqlite'), 'not a database '.repeat(1_000));
  const opened = open();
  using journal = opened.journal;
  expect(opened.isReplaced).toBe(true);
  expect(statSync(join(dir, 'response.damaged.sqlite')).size).toBe(15_000);
  journal.begin(begun('a', 1));
  expect(journal.unfinished()).toHaveLength(1);
});
