import { type ActionOutcome, Story } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { eventOf, ruleMatch } from '../../../../test/fakes/detections.ts';
import { machine, type ProcessTree } from '../../../../test/fakes/process-tree.ts';
import { decideVerdict } from '../verdict/decide-verdict.ts';
import { createStoryTracker } from './create-story-tracker.ts';
import type { StoryBounds } from './story-tracker.ts';

function setup(bounds: Partial<StoryBounds> = {}, protectedIds: ReadonlySet<string> = new Set()) {
  const m = machine();
  const clock = { time: 0, now: () => 1_700_000_000_000 + clock.time, monotonic: () => clock.time };
  let ids = 0;
  const make = (prefix: string) =>
    createStoryTracker({
      clock,
      newId: () => `${prefix}-${(ids += 1)}`,
      processes: m.tree,
      protectedEntityIds: () => protectedIds,
      bounds: { revisionsPerSecond: 1_000, ...bounds },
    });
  const tracker = make('id');
  const start = (entityId: string, ...rules: string[]) =>
    tracker.apply(
      eventOf('process_creation', m.tree.get(entityId)),
      rules.map((rule) => ruleMatch(rule)),
    );
  const write = (entityId: string, path: string, ...rules: string[]) =>
    tracker.apply(
      eventOf('file_event', m.tree.get(entityId), { TargetFilename: path }),
      rules.map((rule) => ruleMatch(rule)),
    );
  return { ...m, clock, tracker, make, start, write };
}

function only(stories: readonly Story[]): Story {
  expect(stories).toHaveLength(1);
  return Story.parse(stories[0]);
}

function outcome(more: Partial<ActionOutcome> & Pick<ActionOutcome, 'actionId' | 'kind' | 'target'>): ActionOutcome {
  return {
    origin: 'policy',
    ok: true,
    code: 'done',
    startedAt: 1_700_000_000_000,
    endedAt: 1_700_000_001_000,
    ...more,
  };
}

const process = (tree: ProcessTree, pid: number, parent: string, image: string, commandLine = image): string =>
  tree.add(pid, parent, image, { commandLine });

describe('grouping by process tree', () => {
  test('[ST1] a child of a detected process belongs to its story, and each change raises the revision', () => {
    const { tree, alice, start } = setup();
    const dropper = process(tree, 300, alice, '/tmp/x');
    const child = process(tree, 301, dropper, '/usr/bin/id');
    const first = only(start(dropper, 'r1'));
    const second = only(start(child, 'r2'));
    expect(second).toMatchObject({ storyId: first.storyId, revision: first.revision + 1, detectionCount: 2 });
    expect(second.rootEntityId).toBe(dropper);
    expect(second.processes.filter(({ context }) => !context).map(({ entityId }) => entityId)).toEqual([
      dropper,
      child,
    ]);
    expect(second.processes.find(({ entityId }) => entityId === alice)?.context).toBe(true);
  });

  test('processes that were forked without starting a program belong to the story, and what they do', () => {
    const { tree, alice, start, write, tracker } = setup();
    const root = process(tree, 300, alice, '/opt/x');
    const early = process(tree, 301, root, '/opt/x');
    const { storyId, processes } = only(start(root, 'r'));
    expect(processes.map(({ entityId }) => entityId)).toContain(early);
    const daemon = process(tree, 303, process(tree, 302, root, '/opt/x'), '/opt/x');
    write(daemon, '/srv/dropped');
    start(process(tree, 304, process(tree, 305, daemon, '/opt/x'), '/usr/bin/id'));
    const story = tracker.story(storyId);
    expect(story?.files).toMatchObject([{ path: '/opt/x' }, { path: '/srv/dropped', writerEntityId: daemon }]);
    expect(story?.processes.map(({ entityId }) => entityId)).toEqual(
      expect.arrayContaining(['e-303', 'e-304', 'e-305']),
    );
  });

  test('who logs in through an sshd that the story started does not belong to it', () => {
    const { tree, alice, start, tracker } = setup();
    const root = process(tree, 300, alice, '/opt/x');
    const { storyId } = only(start(root, 'r'));
    const daemon = process(tree, 301, root, '/usr/sbin/sshd');
    start(daemon);
    const shell = process(tree, 303, process(tree, 302, daemon, '/usr/sbin/sshd'), '/usr/bin/bash', '-bash');
    start(shell);
    start(process(tree, 304, shell, '/usr/bin/vim'));
    expect(tracker.story(storyId)?.processCount).toBe(1);
    expect(only(start(process(tree, 305, shell, '/opt/y'), 'r')).storyId).not.toBe(storyId);
  });

  test('two logins below one sshd, two cron jobs and two units of systemd stay apart', () => {
    const { tree, alice, bob, cron, init, start } = setup();
    const below = [alice, bob, cron, cron, init, init];
    const ids = below.map((parent, i) => only(start(process(tree, 300 + i, parent, `/opt/job${i}`), 'r')).storyId);
    expect(new Set(ids).size).toBe(below.length);
  });

  test('two programs that one person typed stay apart, two children of one script do not', () => {
    const { tree, alice, start } = setup();
    const typed = [300, 301].map((pid) => only(start(process(tree, pid, alice, '/opt/a'), 'r')).storyId);
    expect(new Set(typed).size).toBe(2);
    const script = process(tree, 310, alice, '/usr/bin/bash', 'bash /opt/deploy.sh');
    const first = only(start(process(tree, 311, script, '/opt/a'), 'r'));
    const second = only(start(process(tree, 312, script, '/opt/b'), 'r2'));
    expect(second.storyId).toBe(first.storyId);
    expect(second.rootEntityId).toBeDefined();
  });

  test('an undetected ancestor leads to a story for a while only', () => {
    const { tree, alice, start, clock } = setup({ linkMilliseconds: 1_000 });
    const script = process(tree, 310, alice, '/usr/bin/bash', 'bash /opt/deploy.sh');
    const first = only(start(process(tree, 311, script, '/opt/a'), 'r'));
    clock.time += 1_001;
    expect(only(start(process(tree, 312, script, '/opt/b'), 'r')).storyId).not.toBe(first.storyId);
  });

  test('requests of one web server stay apart until the server itself is detected', () => {
    const { tree, nginx, start, write } = setup();
    const a = only(start(process(tree, 300, nginx, '/usr/bin/dash', 'sh -c id'), 'r'));
    const b = only(start(process(tree, 301, nginx, '/usr/bin/dash', 'sh -c id'), 'r'));
    expect(b.storyId).not.toBe(a.storyId);
    const shell = only(write(nginx, '/var/www/shell.php', 'webshell'));
    const c = only(start(process(tree, 302, nginx, '/usr/bin/dash', 'sh -c id'), 'r'));
    expect(c.storyId).toBe(shell.storyId);
    expect(c.rootEntityId).toBe('e-302');
  });

  test('events out of order: a parent that is detected after its child joins the child', () => {
    const { tree, alice, start } = setup();
    const child = tree.add(301, undefined, '/opt/b');
    const first = only(start(child, 'r'));
    const parent = process(tree, 300, alice, '/opt/a');
    tree.add(301, parent, '/opt/b');
    const second = only(start(parent, 'r2'));
    expect(second).toMatchObject({ storyId: first.storyId });
  });

  test('a reused pid is another process', () => {
    const { tree, alice, start } = setup();
    const first = only(start(process(tree, 300, alice, '/opt/a'), 'r'));
    tree.end('e-300', 1_700_000_000_500);
    const again = tree.add(300, alice, '/opt/a', { entityId: 'e-300-again' });
    const second = only(start(again, 'r'));
    expect(second.storyId).not.toBe(first.storyId);
    expect(second.processes.map(({ entityId }) => entityId)).not.toContain('e-300');
  });

  test('detections without a process hang together by rule and file', () => {
    const { tracker } = setup();
    const event = () => eventOf('file_event', undefined, { TargetFilename: '/etc/cron.d/x' });
    const first = only(tracker.apply(event(), [ruleMatch('r')]));
    expect(only(tracker.apply(event(), [ruleMatch('r')])).storyId).toBe(first.storyId);
    expect(only(tracker.apply(event(), [ruleMatch('q')])).storyId).not.toBe(first.storyId);
    expect(first).not.toHaveProperty('rootEntityId');
  });

  test('the agent and what it runs below are never part of a tree', () => {
    const m = machine();
    const agent = m.tree.add(50, m.init, '/opt/yagura/node');
    const { tree, start } = setup({}, new Set([agent, m.init]));
    tree.add(50, m.init, '/opt/yagura/node');
    const a = only(start(process(tree, 300, agent, '/opt/a'), 'r'));
    const b = only(start(process(tree, 301, agent, '/opt/a'), 'r'));
    expect(a.storyId).not.toBe(b.storyId);
    const own = only(start(agent, 'r'));
    expect(own).not.toHaveProperty('rootEntityId');
  });
});

describe('grouping by files', () => {
  test('a file that the story wrote and someone else runs later belongs to it, also under another name', () => {
    const { tree, alice, bob, start, write, tracker } = setup();
    const dropper = process(tree, 300, alice, '/opt/dropper');
    const story = only(start(dropper, 'r'));
    write(dropper, '/home/bob/.cache/a');
    const renamer = process(tree, 301, bob, '/usr/bin/mv');
    tracker.apply(
      eventOf('file_rename', tree.get(renamer), {
        SourceFilename: '/home/bob/.cache/a',
        TargetFilename: '/home/bob/.cache/b',
      }),
      [],
    );
    start(process(tree, 302, bob, '/home/bob/.cache/b'));
    const after = only(tracker.drain());
    expect(after.storyId).toBe(story.storyId);
    expect(after.processes.map(({ entityId }) => entityId)).toContain('e-302');
    expect(after.files.map(({ path }) => path)).toContain('/home/bob/.cache/b');
    expect(only(start(process(tree, 303, bob, '/usr/bin/sh', 'sh /home/bob/.cache/b'), 'r2')).storyId).toBe(
      story.storyId,
    );
  });

  test('who changes the mode of a file did not write it; the file is shown', () => {
    const { tree, alice, bob, start, write, tracker } = setup();
    const dropper = process(tree, 300, alice, '/opt/dropper');
    start(dropper, 'r');
    write(dropper, '/tmp/p');
    const chmod = process(tree, 301, bob, '/usr/bin/chmod', 'chmod u+s /tmp/p');
    const change = eventOf('file_change', tree.get(chmod), { TargetFilename: '/tmp/p' });
    tracker.apply(change, []);
    const byChmod = tracker.apply({ ...change, eventId: 'e-mode' }, [ruleMatch('r2')]);
    const files = [...byChmod, ...tracker.drain()].flatMap((story) => story.files);
    expect(files.filter(({ path }) => path === '/tmp/p').map((file) => file.writerEntityId)).not.toContain(chmod);
    expect(files.map(({ path }) => path)).toContain('/tmp/p');
  });

  test('a path of another mount namespace leads to no file of this one', () => {
    const { tree, alice, start, tracker } = setup();
    const dropper = process(tree, 300, alice, '/opt/dropper');
    start(dropper, 'r');
    const written = eventOf('file_event', tree.get(dropper), {
      TargetFilename: '/srv/a',
      MountNamespace: 4_026_532_000,
    });
    tracker.apply(written, []);
    tracker.apply({ ...written, eventId: 'e-other' }, [ruleMatch('r2')]);
    expect(tracker.drain().flatMap(({ files }) => files.map(({ path }) => path))).not.toContain('/srv/a');
  });

  test('who wrote a file before anything was detected is found when it runs', () => {
    const { tree, alice, start, write } = setup();
    const script = process(tree, 300, alice, '/usr/bin/bash', 'bash /opt/x.sh');
    const curl = process(tree, 301, script, '/usr/bin/curl', 'curl -o /tmp/p http://x');
    write(curl, '/tmp/p');
    tree.end(curl, 1_700_000_000_900);
    const story = only(start(process(tree, 302, script, '/tmp/p'), 'r'));
    expect(story.files).toEqual([{ path: '/tmp/p', writerEntityId: curl, state: 'present' }]);
    expect(story.processes.find(({ entityId }) => entityId === curl)).toMatchObject({
      context: false,
      state: 'exited',
    });
  });

  test('two people who edit one file of the system stay apart', () => {
    const { alice, bob, write } = setup();
    const first = only(write(alice, '/etc/passwd', 'r'));
    expect(only(write(bob, '/etc/passwd', 'r')).storyId).not.toBe(first.storyId);
  });

  test('a deleted file is gone, a file written anew has no known content', () => {
    const { tree, alice, start, write, tracker } = setup();
    const dropper = process(tree, 300, alice, '/tmp/d');
    const { storyId } = only(start(dropper, 'r'));
    write(dropper, '/tmp/f');
    tracker.applyHash('/tmp/f', 'a'.repeat(64), 3);
    expect(tracker.story(storyId)?.files.find(({ path }) => path === '/tmp/f')).toMatchObject({
      sha256: 'a'.repeat(64),
    });
    write(dropper, '/tmp/f');
    expect(tracker.story(storyId)?.files.find(({ path }) => path === '/tmp/f')).toEqual({
      path: '/tmp/f',
      writerEntityId: dropper,
      state: 'present',
    });
    tracker.apply(eventOf('file_delete', tree.get(alice), { TargetFilename: '/tmp/f' }), []);
    expect(tracker.story(storyId)?.files.find(({ path }) => path === '/tmp/f')?.state).toBe('gone');
  });
});

describe('the harmless test', () => {
  test('[ST4] becomes a story of its own; the same detection elsewhere does not', () => {
    const { tree, init, alice, tracker, write } = setup();
    const agent = process(tree, 50, init, '/opt/yagura/node');
    const script = process(tree, 300, agent, '/usr/bin/dash', 'sh /tmp/yagura-test-1/t.sh');
    tracker.markSafeTest(script);
    const story = only(write(script, '/tmp/yagura-test-1/eicar.com', 'eicar'));
    expect(story).toMatchObject({ safeTest: true, rootEntityId: script });
    expect(only(write(process(tree, 301, alice, '/usr/bin/cp'), '/tmp/eicar.com', 'eicar')).safeTest).toBe(false);
    const other = only(write(process(tree, 302, alice, '/usr/bin/cp'), '/tmp/yagura-test-1/eicar.com', 'eicar'));
    expect(other).toMatchObject({ safeTest: false });
    expect(other.storyId).not.toBe(story.storyId);
  });

  test('does not hide what no test does', () => {
    const { tree, init, tracker } = setup();
    const script = process(tree, 300, process(tree, 50, init, '/opt/yagura/node'), '/usr/bin/dash', 'sh t.sh');
    tracker.markSafeTest(script);
    const story = only(
      tracker.apply(eventOf('process_creation', tree.get(script)), [ruleMatch('r', { severity: 'critical' })]),
    );
    expect(story.safeTest).toBe(false);
  });
});

describe('containment', () => {
  function contained() {
    const s = setup();
    const root = process(s.tree, 300, s.alice, '/tmp/x');
    const child = process(s.tree, 301, root, '/usr/bin/sleep');
    s.start(root, 'r');
    const story = only(s.start(child, 'r2'));
    const input = {
      mode: 'balanced',
      exclusions: [],
      containedLastHour: 0,
      protectedEntityIds: new Set<string>(),
    } as const;
    const decide = (current: Story) => decideVerdict({ ...input, story: current, now: s.clock.now() });
    const verdict = decide(story);
    expect(verdict).toMatchObject({ decision: 'contain', rootEntityId: root, files: ['/tmp/x'] });
    const begun = s.tracker.beginContainment(story.storyId, verdict);
    expect(begun?.containment).toBe('in-progress');
    const apply = (more: Parameters<typeof outcome>[0]) =>
      s.tracker.applyOutcome(outcome({ storyId: story.storyId, ...more }));
    return { ...s, root, child, storyId: story.storyId, apply, decide };
  }

  test('goes from freezing to a killed tree and a file in the vault', () => {
    const { root, apply, decide } = contained();
    const frozen = apply({ actionId: 'a1', kind: 'freeze-tree', target: { entityId: root } });
    expect(frozen?.processes.filter(({ context }) => !context).map(({ state }) => state)).toEqual(['frozen', 'frozen']);
    expect(frozen?.containment).toBe('in-progress');
    apply({ actionId: 'a2', kind: 'kill-tree', target: { entityId: root } });
    const file = { path: '/tmp/x', sha256: 'b'.repeat(64), quarantineId: 'q1', size: 5 };
    const done = apply({ actionId: 'a3', kind: 'quarantine-file', target: file });
    expect(done?.containment).toBe('complete');
    expect(done?.files).toEqual([{ ...file, state: 'quarantined' }]);
    expect(done?.processes.filter(({ context }) => !context).map(({ state }) => state)).toEqual(['killed', 'killed']);
    expect(decide(Story.parse(done))).toMatchObject({ decision: 'observe', reason: 'already_contained' });
  });

  test('[CM8] counts an outcome once', () => {
    const { root, apply } = contained();
    const kill = { actionId: 'a2', kind: 'kill-tree', target: { entityId: root } } as const;
    expect(apply(kill)?.actions).toHaveLength(1);
    expect(apply({ ...kill, ok: false, code: 'io_error' })).toBeUndefined();
  });

  test('is partial when a guard refused, and not tried again', () => {
    const { root, apply, decide } = contained();
    apply({ actionId: 'a2', kind: 'kill-tree', target: { entityId: root } });
    const end = apply({
      actionId: 'a3',
      kind: 'quarantine-file',
      target: { path: '/tmp/x' },
      ok: false,
      code: 'file_in_use',
    });
    expect(end?.containment).toBe('partial');
    expect(decide(Story.parse(end))).toMatchObject({ decision: 'observe', reason: 'already_contained' });
  });

  test('what was gone already counts as done', () => {
    const { root, apply } = contained();
    apply({ actionId: 'a2', kind: 'kill-tree', target: { entityId: root }, ok: false, code: 'process_gone' });
    const file = { actionId: 'a3', kind: 'quarantine-file', target: { path: '/tmp/x' }, ok: false } as const;
    expect(apply({ ...file, code: 'not_found' })).toMatchObject({
      containment: 'complete',
      files: [{ path: '/tmp/x', state: 'gone' }],
    });
  });

  test('is taken up again for a new process that runs the dropped file', () => {
    const { tree, bob, root, apply, start, write, decide } = contained();
    write(root, '/tmp/y');
    apply({ actionId: 'a2', kind: 'kill-tree', target: { entityId: root } });
    apply({ actionId: 'a3', kind: 'quarantine-file', target: { path: '/tmp/x' } });
    const again = only(start(process(tree, 400, bob, '/tmp/y')));
    expect(decide(again)).toMatchObject({ decision: 'contain', rootEntityId: 'e-400', files: ['/tmp/y'] });
  });

  test('a tree that ended by itself while it was to be stopped is done', () => {
    const { tree, root, child, apply, tracker, storyId } = contained();
    apply({ actionId: 'a3', kind: 'quarantine-file', target: { path: '/tmp/x' } });
    tracker.apply(eventOf('process_termination', tree.get(root)), []);
    expect(tracker.story(storyId)?.containment).toBe('in-progress');
    expect(only(tracker.apply(eventOf('process_termination', tree.get(child)), [])).containment).toBe('complete');
  });

  test('a restored and a deleted file are shown as such, found by the quarantine id', () => {
    const { root, apply, tracker } = contained();
    apply({ actionId: 'a2', kind: 'kill-tree', target: { entityId: root } });
    apply({ actionId: 'a3', kind: 'quarantine-file', target: { path: '/tmp/x', quarantineId: 'q1' } });
    const restored = tracker.applyOutcome(
      outcome({ actionId: 'o1', kind: 'restore-file', origin: 'order', target: { quarantineId: 'q1' } }),
    );
    expect(restored).toMatchObject({ containment: 'complete', files: [{ path: '/tmp/x', state: 'restored' }] });
  });
});
