import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  hasEnded,
  nextContext,
  stateOf,
  type TestResponder,
  targetOf,
  testResponder,
} from '../../../../../test/fakes/responder.ts';
import { readAllProcesses } from './process-stat.ts';

const reason = process.platform === 'linux' && process.geteuid?.() === 0 ? '' : ' (skipped: needs root on Linux)';

const COMPILER = '/usr/bin/gcc';
const compiled = existsSync(COMPILER) ? '' : ` (skipped: no ${COMPILER})`;

describe.skipIf(reason !== '')(`trees of processes${reason}`, () => {
  let under: TestResponder;
  let dir: string;
  const started: ChildProcess[] = [];

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'yagura-tree-'));
    under = await testResponder();
  });

  afterEach(async () => {
    // Whatever a failed test left behind; its own process group each.
    for (const { pid } of started.splice(0)) {
      try {
        if (pid !== undefined) process.kill(-pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
    await under[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Starts a script that writes the pids of interest into a file, one a line, and waits for `count` of them. */
  async function start(
    command: string,
    args: string[],
    count: number,
    uid?: number,
  ): Promise<{ root: number; pids: number[] }> {
    const pidFile = join(dir, 'pids');
    writeFileSync(pidFile, '');
    if (uid !== undefined) {
      chmodSync(dir, 0o755);
      chmodSync(pidFile, 0o666);
    }
    const env = { ...process.env, PIDS: pidFile };
    const child = spawn(command, args, { detached: true, stdio: 'ignore', env, ...(uid === undefined ? {} : { uid }) });
    started.push(child);
    const pids = await until(() => {
      const lines = readFileSync(pidFile, 'utf8').split('\n').slice(0, -1);
      return lines.length >= count ? lines.map(Number) : undefined;
    });
    return { root: child.pid ?? 0, pids };
  }

  const TREE = `
    sleep 300 & echo $! >> $PIDS
    bash -c 'sleep 301 & echo $! >> $PIDS; wait' & echo $! >> $PIDS
    (sleep 302 & echo $! >> $PIDS)
    setsid sleep 303 & echo $! >> $PIDS
    wait`;

  test('freezes children, grandchildren, those in another session and those whose parent is gone; releases and ends them', async () => {
    const { root, pids } = await start('/bin/bash', ['-c', TREE], 5);
    const all = [root, ...pids];
    const frozen = await under.responder.freezeTree(targetOf(root), [], nextContext('s'));
    expect(frozen).toMatchObject({ ok: true, code: 'done', processes: 6, kind: 'freeze-tree' });
    expect(all.map(stateOf)).toEqual(all.map(() => 'T'));

    const released = await under.responder.releaseTree(targetOf(root), [], nextContext('s'));
    expect(released).toMatchObject({ ok: true, code: 'done', processes: 6 });
    expect(all.map(stateOf)).not.toContain('T');

    await under.responder.freezeTree(targetOf(root), [], nextContext('s'));
    const killed = await under.responder.killTree(targetOf(root), [], nextContext('s'));
    expect(killed).toMatchObject({ ok: true, code: 'done', processes: 6 });
    expect(all.every(hasEnded)).toBe(true);
    expect(await under.responder.killTree(targetOfGone(root), [], nextContext('s'))).toMatchObject({
      ok: false,
      code: 'process_gone',
      processes: 0,
    });
  });

  test('a daemon in a session of its own whose parents are all gone goes with the tree if it is a member', async () => {
    const { root, pids } = await start(
      '/bin/bash',
      ['-c', `setsid bash -c '(sleep 304 & echo $! >> $PIDS)' ; sleep 305`],
      1,
    );
    const [daemon = 0] = pids;
    expect(readAllProcesses().get(daemon)?.parentPid).not.toBe(root);
    const member = targetOf(daemon);
    expect(await under.responder.killTree(targetOf(root), [member], nextContext())).toMatchObject({ ok: true });
    expect(hasEnded(daemon)).toBe(true);
    expect(hasEnded(root)).toBe(true);
  });

  test('what is beside the tree goes on: the parent shell, a sibling, a pipeline partner', async () => {
    const script = `
      sleep 306 & echo $! >> $PIDS
      sleep 307 | bash -c 'echo $$ >> $PIDS; sleep 308' &
      set -m; bash -c 'echo $$ >> $PIDS; sleep 309; true' | sleep 310 &
      while :; do wait; sleep 0.2; done`;
    const { root, pids } = await start('/bin/bash', ['-c', script], 3);
    const [sibling = 0, , leader = 0] = pids.toSorted((a, b) => a - b);
    await sleep(100);
    const partner = [...readAllProcesses().values()].find(({ groupId, pid }) => groupId === leader && pid !== leader);
    expect(partner).toBeDefined();
    await under.responder.killTree(targetOf(leader), [], nextContext());
    expect(hasEnded(leader)).toBe(true);
    expect([root, sibling].some(hasEnded)).toBe(false);
    process.kill(sibling, 'SIGKILL');
    process.kill(-leader, 'SIGKILL');
  });

  test('a pid that another process has by now is left alone', async () => {
    const { root } = await start('/bin/bash', ['-c', 'echo $$ >> $PIDS; sleep 311; true'], 1);
    const target = targetOf(root);
    const former = { ...target, startTicks: (target.startTicks ?? 0) - 1 };
    for (const act of ['freezeTree', 'killTree', 'releaseTree'] as const) {
      expect(await under.responder[act](former, [former], nextContext())).toMatchObject({ code: 'process_gone' });
    }
    expect(stateOf(root)).toBe('S');
  });

  test('without a start time the program decides, and without either nothing is done', async () => {
    const { root } = await start('/bin/bash', ['-c', 'echo $$ >> $PIDS; sleep 312; true'], 1);
    const bare = { entityId: 'e', pid: root };
    const refused = { ok: false, code: 'refused' };
    expect(await under.responder.killTree(bare, [], nextContext())).toMatchObject(refused);
    expect(await under.responder.killTree({ ...bare, image: '/usr/bin/vi' }, [], nextContext())).toMatchObject(refused);
    expect(stateOf(root)).toBe('S');
    const image = execFileSync('/usr/bin/readlink', [`/proc/${root}/exe`])
      .toString()
      .trim();
    expect(await under.responder.killTree({ ...bare, image }, [], nextContext())).toMatchObject({ code: 'done' });
  });

  test('the agent, what it hangs from, pid 1, the kernel and infrastructure are refused as root and passed as members', async () => {
    const parent = readAllProcesses().get(process.pid)?.parentPid ?? 0;
    for (const pid of [process.pid, parent, 1, 2]) {
      for (const act of ['freezeTree', 'killTree'] as const) {
        const outcome = await under.responder[act](targetOf(pid), [], nextContext());
        expect(outcome, `${act} of ${pid}`).toMatchObject({ ok: false, code: 'protected_process', processes: 0 });
      }
    }
    const { root } = await start('/bin/bash', ['-c', 'echo $$ >> $PIDS; sleep 313; true'], 1);
    const members = [process.pid, parent, 1, 2].map(targetOf);
    expect(await under.responder.killTree(targetOf(root), members, nextContext())).toMatchObject({ code: 'done' });
    expect(hasEnded(root)).toBe(true);
  });

  test('a program counts as infrastructure in the system folders only', async () => {
    const fake = join(dir, 'sshd');
    copyFileSync('/bin/sleep', fake);
    appendFileSync(fake, 'x');
    const { root, pids } = await start('/bin/bash', ['-c', `"${fake}" 314 & echo $! >> $PIDS; wait`], 1);
    expect(await under.responder.killTree(targetOf(root), [], nextContext())).toMatchObject({ code: 'done' });
    expect(pids.every(hasEnded)).toBe(true);
  });

  test('a process cannot hide below another that is named like infrastructure', async () => {
    const system = '/usr/local/bin/dumb-init';
    copyFileSync('/bin/bash', system);
    appendFileSync(system, 'x');
    try {
      const inner = `sleep 315 & echo $! >> $PIDS; echo $$ >> $PIDS; wait; true`;
      const { root, pids } = await start('/bin/bash', ['-c', `${system} -c '${inner}'; true`], 2);
      const [hidden = 0, wrapper = 0] = pids;
      const outcome = await under.responder.killTree(targetOf(root), [], nextContext());
      expect(outcome).toMatchObject({ ok: true, code: 'done' });
      expect(outcome.detail).toContain('1 protected');
      expect(hasEnded(hidden)).toBe(true);
      // It was never stopped: it sees its child end, and ends by itself.
      await until(() => hasEnded(wrapper) || undefined);
    } finally {
      rmSync(system);
    }
  });

  test.skipIf(compiled !== '')(
    `a main thread that ended does not make a living process a dead one${compiled}`,
    async () => {
      const source = join(dir, 'threads.c');
      const program = join(dir, 'threads');
      writeFileSync(
        source,
        `#include <pthread.h>
       #include <stdio.h>
       #include <stdlib.h>
       #include <unistd.h>
       static void *go(void *a) { FILE *f = fopen(getenv("PIDS"), "a"); sleep(1);
         fprintf(f, "%d\\n", getpid()); fclose(f); for (;;) usleep(1000); return a; }
       int main(void) { pthread_t t; pthread_create(&t, 0, go, 0); pthread_exit(0); }`,
      );
      execFileSync(COMPILER, ['-o', program, source, '-lpthread']);
      const { root } = await start(program, [], 1);
      expect(stateOf(root)).toBe('Z');
      expect(await under.responder.freezeTree(targetOf(root), [], nextContext())).toMatchObject({
        code: 'done',
        processes: 1,
      });
      expect(await under.responder.killTree(targetOf(root), [], nextContext())).toMatchObject({ code: 'done' });
      await until(() => (readAllProcesses().get(root)?.threads ?? 0) <= 1 || undefined);
    },
  );

  test('an accomplice outside that keeps continuing it does not save the tree', async () => {
    const { root } = await start('/bin/bash', ['-c', 'echo $$ >> $PIDS; while :; do sleep 0.01; done'], 1);
    const helper = spawn('/bin/bash', ['-c', `while kill -CONT ${root}; do :; done`], { stdio: 'ignore' });
    started.push(helper);
    expect(await under.responder.killTree(targetOf(root), [], nextContext())).toMatchObject({ code: 'done' });
    expect(hasEnded(root)).toBe(true);
    helper.kill('SIGKILL');
  });

  test.skipIf(compiled !== '').each([
    [
      'a bomb that forks 5,000 short-lived daemons a second',
      `for (int i = 0; i < 50000; i++) { if (fork() == 0) { if (fork()) _exit(0); usleep(5000); _exit(0); }
         usleep(200); waitpid(-1, 0, WNOHANG); }`,
    ],
    ['a bomb that doubles', 'for (;;) { fork(); waitpid(-1, 0, WNOHANG); }'],
  ])(`%s is stopped whole: no process of it is left${compiled}`, async (_what, loop) => {
    const source = join(dir, 'bomb.c');
    const program = join(dir, 'bomb');
    writeFileSync(
      source,
      `#include <fcntl.h>
       #include <stdlib.h>
       #include <sys/wait.h>
       #include <unistd.h>
       int main(void) { alarm(20); int fd = open(getenv("PIDS"), O_WRONLY | O_APPEND);
         if (write(fd, "1\\n", 2) != 2) return 1; close(fd); ${loop} return 0; }`,
    );
    execFileSync(COMPILER, ['-o', program, source]);
    // As nobody and with a bound of its own, so that it does not take the machine with it if the test fails.
    const { root } = await start('/bin/bash', ['-c', `ulimit -u 400; exec "${program}"`], 1, 65_534);
    await sleep(150);
    const outcome = await under.responder.killTree(targetOf(root), [], nextContext());
    expect(outcome).toMatchObject({ ok: true, code: 'done' });
    await sleep(300);
    const left = [...readAllProcesses().values()].filter(({ sessionId, state }) => sessionId === root && state !== 'Z');
    expect(left).toEqual([]);
  });

  test('the other end of a pipeline goes on after its group was stopped', async () => {
    const script = `set -m
      bash -c 'for i in $(seq 40); do sleep 317 & done; echo $$ >> $PIDS; wait' | bash -c 'echo $$ >> $PIDS; sleep 318; true' &
      while :; do wait; sleep 0.2; done`;
    const { pids } = await start('/bin/bash', ['-c', script], 2);
    const [bomb = 0, partner = 0] = pids.toSorted((a, b) => a - b);
    expect(readAllProcesses().get(partner)?.groupId).toBe(bomb);
    expect(await under.responder.freezeTree(targetOf(bomb), [], nextContext())).toMatchObject({ processes: 41 });
    expect(stateOf(bomb)).toBe('T');
    expect(stateOf(partner)).toBe('S');
    process.kill(partner, 'SIGKILL');
    await under.responder.killTree(targetOf(bomb), [], nextContext());
  });

  test('past the bound it says so', async () => {
    await using small = await testResponder({ limits: { maxTreeProcesses: 3 } });
    const { root } = await start('/bin/bash', ['-c', TREE], 5);
    expect(await small.responder.freezeTree(targetOf(root), [], nextContext())).toMatchObject({
      ok: false,
      code: 'cap_reached',
      processes: 3,
    });
    expect(await under.responder.killTree(targetOf(root), [], nextContext())).toMatchObject({ processes: 6 });
  });

  test('an action that was done is not done again, whoever has the pid now', async () => {
    const { root } = await start('/bin/bash', ['-c', 'echo $$ >> $PIDS; sleep 316; true'], 1);
    const context = nextContext();
    const first = await under.responder.freezeTree(targetOf(root), [], context);
    process.kill(root, 'SIGCONT');
    await under.restart();
    expect(await under.responder.freezeTree(targetOf(root), [], context)).toEqual(first);
    expect(stateOf(root)).toBe('S');
  });
});

function targetOfGone(pid: number) {
  return { entityId: `e-${pid}`, pid, startTicks: 1 };
}

async function until<Value>(look: () => Value | undefined): Promise<Value> {
  for (const end = Date.now() + 10_000; ; ) {
    const value = look();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error('did not come about within 10 s');
    await sleep(10);
  }
}
