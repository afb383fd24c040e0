import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { nextContext, type TestResponder, testResponder } from '../../../../../test/fakes/responder.ts';

const reason = process.platform === 'linux' && process.geteuid?.() === 0 ? '' : ' (skipped: needs root on Linux)';
const SWAPPER = fileURLToPath(new URL('../../../../../test/fakes/path-swapper.ts', import.meta.url));
/** Of each kind of swap; `YAGURA_RACE_SECONDS=3600` for the long run. */
const SECONDS = Number(process.env['YAGURA_RACE_SECONDS'] ?? 1.5);
const EVIL = 'evil content';
const SHA256 = createHash('sha256').update(EVIL).digest('hex');

interface Stage {
  readonly under: TestResponder;
  /** `DIR/a/b/c/evil`, and `DIR/a/b/c/bystander` beside it. */
  readonly dir: string;
  readonly path: string;
  /** The same names, with content that matters. */
  readonly outside: string;
}

async function stage(): Promise<Stage> {
  const under = await testResponder();
  const [dir, outside] = [join(under.dir, 'attacked'), join(under.dir, 'outside')];
  for (const [root, content] of [
    [dir, EVIL],
    [outside, 'precious'],
  ] as const) {
    mkdirSync(join(root, 'a/b/c'), { recursive: true });
    writeFileSync(join(root, 'a/b/c/evil'), content);
    writeFileSync(join(root, 'a/b/c/bystander'), `bystander of ${root}`);
  }
  return { under, dir, path: join(dir, 'a/b/c/evil'), outside };
}

/** Names, inodes, link counts, modes and contents of everything below. */
function snapshot(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const { ino, nlink, mode, uid } = lstatSync(path);
      return `${path} ${ino} ${nlink} ${mode} ${uid} ${entry.isFile() ? readFileSync(path, 'utf8') : ''}`;
    })
    .sort();
}

/** How often a content is found below, whatever its name. */
function copiesOf(root: string, content: string): number {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries.filter(
    (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name), 'utf8') === content,
  ).length;
}

async function startSwapper(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [SWAPPER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child;
}

async function stopSwapper(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** Each swap takes a stage and says what the swapper is to exchange. */
const SWAPS: Record<string, (stage: Stage) => readonly string[]> = {
  'the first folder and a link to the same one outside': ({ dir, outside }) => {
    symlinkSync(join(outside, 'a'), join(dir, 'a.link'));
    return ['exchange', join(dir, 'a'), join(dir, 'a.link')];
  },
  'the middle folder and a link': ({ dir, outside }) => {
    symlinkSync(join(outside, 'a/b'), join(dir, 'b.link'));
    return ['exchange', join(dir, 'a/b'), join(dir, 'b.link')];
  },
  'the last folder and a link': ({ dir, outside }) => {
    symlinkSync(join(outside, 'a/b/c'), join(dir, 'c.link'));
    return ['exchange', join(dir, 'a/b/c'), join(dir, 'c.link')];
  },
  'the file and a link': ({ dir, path, outside }) => {
    symlinkSync(join(outside, 'a/b/c/evil'), join(dir, 'evil.link'));
    return ['exchange', path, join(dir, 'evil.link')];
  },
  'the file and a hard link': ({ dir, path, outside }) => {
    linkSync(join(outside, 'a/b/c/evil'), join(dir, 'evil.hard'));
    return ['exchange', path, join(dir, 'evil.hard')];
  },
  'the file and the one beside it': ({ path, dir }) => ['exchange', path, join(dir, 'a/b/c/bystander')],
  'the last folder and another folder': ({ dir }) => {
    mkdirSync(join(dir, 'c2'));
    writeFileSync(join(dir, 'c2/evil'), 'another file of that name');
    return ['exchange', join(dir, 'a/b/c'), join(dir, 'c2')];
  },
  'the middle folder under a bind mount': ({ dir, outside }) => ['bind', join(outside, 'a/b'), join(dir, 'a/b')],
};

describe.skipIf(reason !== '')(`while names are swapped${reason}`, () => {
  test.each(Object.keys(SWAPS))(
    '%s: nothing outside changes, nothing is lost',
    { timeout: 60_000 + SECONDS * 2_000 },
    async (name) => {
      const on = await stage();
      await using under = on.under;
      const args = SWAPS[name]?.(on) ?? [];
      const others = ['another file of that name', `bystander of ${on.dir}`].filter(
        (text) => copiesOf(on.dir, text) > 0,
      );
      const before = snapshot(on.outside);
      const swapper = await startSwapper(args);
      const counts = { moved: 0, refused: 0, restored: 0 };
      try {
        for (const end = Date.now() + SECONDS * 1_000; Date.now() < end; ) {
          const moved = await under.responder.quarantineFile(on.path, { sha256: SHA256 }, nextContext());
          counts[moved.ok ? 'moved' : 'refused'] += 1;
          for (let isBack = !moved.ok; !isBack && Date.now() < end; ) {
            const back = await under.responder.restoreFile(moved.target.quarantineId ?? '', nextContext());
            isBack = back.ok;
            counts.restored += back.ok ? 1 : 0;
          }
        }
      } finally {
        await stopSwapper(swapper);
        if (args[0] === 'bind') unmountAll(join(on.dir, 'a/b'));
      }
      const held = (await under.responder.listQuarantine()).filter(({ state }) => state === 'held');
      expect(snapshot(on.outside)).toEqual(before);
      for (const other of others) expect(copiesOf(on.dir, other), other).toBe(1);
      expect(held.every(({ sha256 }) => sha256 === SHA256)).toBe(true);
      expect(copiesOf(on.dir, EVIL) + held.length, JSON.stringify(counts)).toBe(1);
      expect(readdirSync(on.dir, { recursive: true }).filter((entry) => String(entry).includes('.yagura-'))).toEqual(
        [],
      );
      expect(counts.moved + counts.refused).toBeGreaterThan(3);
    },
  );

  test('the same swaps trick what looks first and removes by name afterwards', { timeout: 60_000 }, async () => {
    const on = await stage();
    await using _under = on.under;
    const precious = join(on.outside, 'a/b/c/evil');
    symlinkSync(join(on.outside, 'a'), join(on.dir, 'a.link'));
    const swapper = await startSwapper(['exchange', join(on.dir, 'a'), join(on.dir, 'a.link')]);
    let tricked = 0;
    try {
      for (const end = Date.now() + 30_000; tricked === 0 && Date.now() < end; ) {
        try {
          if (lstatSync(join(on.dir, 'a')).isSymbolicLink() || !statSync(on.path).isFile()) continue;
          copyFileSync(on.path, join(on.under.dir, 'copy'));
          unlinkSync(on.path);
        } catch {
          // The swap came in between: the next attempt.
        }
        if (!existsSync(precious)) tricked += 1;
        else if (!existsSync(on.path)) writeFileSync(on.path, EVIL, { flag: 'a' });
      }
    } finally {
      await stopSwapper(swapper);
    }
    expect(tricked).toBeGreaterThan(0);
  });
});

function unmountAll(path: string): void {
  while (readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `)) execFileSync('/bin/umount', [path]);
}
