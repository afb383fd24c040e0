import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { nextContext, type TestResponder, testResponder } from '../../../../../test/fakes/responder.ts';
import { seededRandom } from '../../../../../test/fakes/time.ts';

const reason = process.platform === 'linux' && process.geteuid?.() === 0 ? '' : ' (skipped: needs root on Linux)';
const CRASHER = fileURLToPath(new URL('../../../../../test/fakes/quarantine-crasher.ts', import.meta.url));
/** `YAGURA_KILLS=10000` for the long run. */
const KILLS = Number(process.env['YAGURA_KILLS'] ?? 12);
const SEED = 20_260_718;

interface Ended {
  readonly signal: string | null;
  readonly output: string;
}

/** Runs the child to its end, or kills it `afterMs` after it began. The state is its alone meanwhile. */
async function crash(under: TestResponder, args: readonly string[], afterMs?: number): Promise<Ended> {
  await under.responder[Symbol.asyncDispose]();
  const child = spawn(process.execPath, [CRASHER, under.stateDir, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (output === '' && afterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), afterMs);
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const signal = await new Promise<string | null>((resolve) => child.on('close', (_code, name) => resolve(name)));
  if (errors !== '') throw new Error(errors);
  return { signal, output };
}

/** Where the content is after `reconcile`: exactly one place, whole; and nothing else is left behind. */
async function whereabouts(under: TestResponder, work: string, content: Buffer): Promise<'place' | 'vault'> {
  const items = (await under.responder.listQuarantine()).filter(({ state }) => state === 'held');
  const containers = readdirSync(join(under.stateDir, 'vault')).filter((name) => name.endsWith('.sealed'));
  expect(containers).toEqual(items.map(({ quarantineId }) => `${quarantineId}.sealed`));
  const names = readdirSync(work);
  expect(names.filter((name) => name !== 'evil')).toEqual([]);
  expect(names.length + items.length, 'lost or doubled').toBe(1);
  const [item] = items;
  if (item === undefined) {
    expect(readFileSync(join(work, 'evil')).equals(content)).toBe(true);
    expect(statSync(join(work, 'evil')).mode & 0o7777).toBe(0o4750);
    return 'place';
  }
  expect(item.sha256).toBe(createHash('sha256').update(content).digest('hex'));
  const to = join(under.dir, 'check');
  mkdirSync(to, { recursive: true });
  expect(await under.responder.restoreFile(item.quarantineId, nextContext(), to)).toMatchObject({ ok: true });
  expect(readFileSync(join(to, 'evil')).equals(content)).toBe(true);
  return 'vault';
}

async function prepare(content: Buffer): Promise<{ under: TestResponder; work: string; path: string }> {
  const under = await testResponder();
  const work = join(under.dir, 'work');
  mkdirSync(work);
  const path = join(work, 'evil');
  writeFileSync(path, content);
  chmodSync(path, 0o4750);
  return { under, work, path };
}

describe.skipIf(reason !== '')(`a crash in the middle${reason}`, () => {
  const content = Buffer.concat([randomBytes(600_000), Buffer.alloc(600_000), randomBytes(3)]);

  test.each([
    ['begun', 'place', 'interrupted'],
    ['sealed', 'place', 'interrupted'],
    ['stored', 'vault', 'done'],
    ['stash-made', 'vault', 'done'],
    ['stashed', 'vault', 'done'],
    ['unlinked', 'vault', 'done'],
    ['finished', 'vault', 'done'],
  ] as const)('of a quarantine, at "%s", leaves the file in one place: the %s', async (step, where, code) => {
    const { under, work, path } = await prepare(content);
    await using _under = under;
    expect(await crash(under, ['quarantine', path, step])).toEqual({ signal: 'SIGKILL', output: 'begun\n' });
    await under.restart();
    expect(await under.responder.reconcile()).toMatchObject([
      { actionId: 'crash-quarantine', code, storyId: 'story-1' },
    ]);
    expect(await whereabouts(under, work, content)).toBe(where);
    const context = { actionId: 'crash-quarantine', origin: 'policy' as const, storyId: 'story-1' };
    expect(await under.responder.quarantineFile(path, {}, context)).toMatchObject({ code });
    await under.restart();
    expect(await under.responder.reconcile()).toEqual([]);
  });

  test.each(
    (['begun', 'restore-planned', 'restore-written', 'restore-ready', 'linked', 'finished'] as const).flatMap((step) =>
      (['nameless', 'named'] as const).map((names) => [step, names] as const),
    ),
  )('of a restore, at "%s" (%s file), leaves the file in one place', async (step, names) => {
    const { under, work, path } = await prepare(content);
    await using _under = under;
    const { target } = await under.responder.quarantineFile(path, {}, nextContext());
    const args = ['restore', target.quarantineId ?? '', step, names];
    expect(await crash(under, args)).toEqual({ signal: 'SIGKILL', output: 'begun\n' });
    await under.restart();
    const isThere = step === 'linked' || step === 'finished';
    const code = isThere ? 'done' : 'interrupted';
    expect(await under.responder.reconcile()).toMatchObject([{ actionId: 'crash-restore', code }]);
    expect(await whereabouts(under, work, content)).toBe(isThere ? 'place' : 'vault');
  });

  test.each(['begun', 'removed', 'finished'] as const)('of a deletion, at "%s", ends in the deletion', async (step) => {
    const { under, path } = await prepare(content);
    await using _under = under;
    const { target } = await under.responder.quarantineFile(path, {}, nextContext());
    await crash(under, ['delete', target.quarantineId ?? '', step]);
    await under.restart();
    expect(await under.responder.reconcile()).toMatchObject([{ actionId: 'crash-delete', ok: true, code: 'done' }]);
    expect(await under.responder.listQuarantine()).toMatchObject([{ state: 'deleted' }]);
    expect(readdirSync(join(under.stateDir, 'vault'))).toEqual(['key']);
  });

  test.each(['stored', 'stash-made', 'stashed'] as const)(
    'at "%s", after which the vault lost its copy, leaves the file where it is',
    async (step) => {
      const { under, work, path } = await prepare(content);
      await using _under = under;
      await crash(under, ['quarantine', path, step]);
      const vault = join(under.stateDir, 'vault');
      for (const name of readdirSync(vault))
        if (name.endsWith('.sealed')) renameSync(join(vault, name), join(under.dir, name));
      await under.restart();
      expect(await under.responder.reconcile()).toMatchObject([{ ok: false, code: 'interrupted' }]);
      expect(await whereabouts(under, work, content)).toBe('place');
    },
  );

  test('between copy and removal, after which another file took the name, touches neither', async () => {
    const { under, work, path } = await prepare(content);
    await using _under = under;
    await crash(under, ['quarantine', path, 'unlinked']);
    writeFileSync(path, 'a new file');
    await under.restart();
    expect(await under.responder.reconcile()).toMatchObject([{ ok: true, code: 'done' }]);
    expect(readFileSync(path, 'utf8')).toBe('a new file');
    expect(await under.responder.listQuarantine()).toMatchObject([{ state: 'held' }]);
    expect(existsSync(join(work, 'evil'))).toBe(true);
  });

  test(`${KILLS} SIGKILLs at random points lose nothing and double nothing (seed ${SEED})`, {
    timeout: 60_000 + KILLS * 3_000,
  }, async () => {
    const random = seededRandom(SEED);
    const big = randomBytes(3_000_000);
    let cutOff = 0;
    for (let run = 0; run < KILLS; run += 1) {
      const { under, work, path } = await prepare(big);
      await using _under = under;
      const delay = random.fraction() * 120;
      const { signal } = await crash(under, ['quarantine', path, 'never'], delay);
      if (signal === 'SIGKILL') cutOff += 1;
      await under.restart();
      await under.responder.reconcile();
      await whereabouts(under, work, big);
    }
    expect(cutOff).toBeGreaterThan(KILLS / 4);
  });
});
