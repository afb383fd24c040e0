import { expect, test } from 'vitest';
import { Canaries, type CanaryActs } from './canaries.ts';
import { SOURCE_NAMES } from './source.ts';

const OWN = 100;

function start(over: Partial<CanaryActs> = {}) {
  let now = 0;
  let pid = 1_000;
  let nonces = 0;
  const done = { exec: [] as string[], connect: [] as (readonly [string, number])[], write: [] as string[] };
  const acts: CanaryActs = {
    run: (mark, ip, port) => {
      done.exec.push(mark);
      done.connect.push([ip, port]);
      pid += 1;
      return { pid, connects: true };
    },
    write: (name) => {
      done.write.push(name);
      return true;
    },
    ...over,
  };
  const canaries = new Canaries({
    acts,
    sources: SOURCE_NAMES,
    ownPid: OWN,
    monotonic: () => now,
    random: () => 0.5,
    nonce: () => (++nonces).toString(16).padStart(16, 'a'),
  });
  const answer = {
    exec: () => canaries.exec(pid, OWN, `/bin/true ${done.exec.at(-1)}`),
    exit: () => canaries.exit(pid),
    connect: () => canaries.connect(pid, ...(done.connect.at(-1) ?? ['', 0])),
    write: () => canaries.write(OWN, done.write.at(-1) ?? ''),
  };
  const all = () => (Object.keys(answer) as (keyof typeof answer)[]).map((kind) => answer[kind]());
  return {
    canaries,
    done,
    answer,
    all,
    at: (time: number) => {
      now = time;
      return canaries.tick();
    },
    pid: () => pid,
  };
}

test('a round of which everything comes back proves every sensor, and the next one is some 26 seconds later', () => {
  const { canaries, done, all, at } = start();
  at(999);
  expect(done.exec).toHaveLength(0);
  at(1_000);
  expect([done.exec.length, done.connect.length, done.write.length]).toEqual([1, 1, 1]);
  expect(all()).toEqual([true, true, true, true]);
  at(1_250);
  expect(canaries.rounds).toBe(1);
  at(1_250 + 25_999);
  expect(done.exec).toHaveLength(1);
  at(1_250 + 26_000);
  expect(done.exec).toHaveLength(2);
});

test.each([
  ['exec', 'linux-audit'],
  ['connect', 'linux-audit'],
  ['exit', 'linux-processes'],
  ['write', 'linux-files'],
] as const)('without its %s twice in a row %s is blind within a minute, and sees again by itself', (kind, source) => {
  const { canaries, answer, all, at } = start();
  const others = () => {
    for (const other of ['exec', 'connect', 'exit', 'write'] as const) if (other !== kind) answer[other]();
  };
  at(1_000);
  others();
  expect(at(8_999)).toEqual([]);
  expect(at(9_000)).toEqual([]);
  others();
  expect(canaries.missing(source)).toEqual([]);
  expect(at(17_000)).toEqual([source]);
  expect(canaries.missing(source)).toEqual([kind]);
  // It is tried again at short intervals, and told as new blindness only once.
  at(22_000);
  others();
  at(30_000);
  others();
  expect(at(38_000)).toEqual([]);
  expect(canaries.missing(source)).toEqual([kind]);
  at(43_000);
  expect(all()).toContain(true);
  at(43_250);
  expect(canaries.missing(source)).toEqual([]);
});

test('a second try that comes back is enough', () => {
  const { canaries, all, at } = start();
  at(1_000);
  at(9_000);
  all();
  at(9_250);
  expect(canaries.rounds).toBe(1);
  expect(canaries.missing('linux-audit')).toEqual([]);
});

test('an act that cannot be done proves nothing, neither sight nor blindness', () => {
  const { canaries, answer, at } = start({ run: () => undefined });
  at(1_000);
  answer.write();
  at(1_250);
  expect(canaries.rounds).toBe(1);
  expect(canaries.missing('linux-processes')).toEqual([]);
});

test('nobody else passes for a canary', () => {
  const { canaries, done, at, pid } = start();
  at(1_000);
  const line = `/bin/true ${done.exec[0]}`;
  const [ip, port] = done.connect[0] ?? ['', 0];
  expect(canaries.exec(pid(), OWN + 1, line)).toBe(false);
  expect(canaries.exec(pid() + 1, OWN, line)).toBe(false);
  expect(canaries.exec(pid(), OWN, '/bin/true yagura-canary-00000000000000ff')).toBe(false);
  expect(canaries.connect(pid() + 1, ip, port)).toBe(false);
  expect(canaries.connect(pid(), '127.0.0.1', port)).toBe(false);
  expect(canaries.write(OWN + 1, done.write[0] ?? '')).toBe(false);
  expect(canaries.exit(pid() + 1)).toBe(false);
  expect(canaries.fork(pid(), OWN)).toBe(true);
  // The pid was given to a child of somebody else: its end is no canary's.
  expect(canaries.fork(pid(), 7)).toBe(false);
  expect(canaries.exit(pid())).toBe(false);
});
