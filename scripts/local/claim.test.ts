import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimDataDir } from './claim.ts';

let directory: string;
const said: string[] = [];
const say = (_: string, en: string): void => void said.push(en);
const FACTS = { url: 'http://localhost:8080', console: { YAGURA_HTTP_PORT: '8080' } };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'yagura-claim-'));
  said.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a second claim is refused and says who has the folder, until the first is given up', async () => {
  const first = await claimDataDir(directory, say);
  first.record(FACTS, []);
  await expect(claimDataDir(directory, say)).rejects.toMatchObject({
    code: 'already_running',
    words: { en: expect.stringContaining(`pid ${process.pid}, http://localhost:8080`) },
  });
  first[Symbol.dispose]();
  using again = await claimDataDir(directory, say);
  expect(again).toBeDefined();
});

test('a claim ends with its process, whatever ended it', async () => {
  const claim = fileURLToPath(new URL('claim.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '--eval',
      `const { claimDataDir } = await import(${JSON.stringify(claim)});
       globalThis.claim = await claimDataDir(${JSON.stringify(directory)}, () => {});
       process.stdout.write('claimed');
       setInterval(() => {}, 1000);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  await expect(claimDataDir(directory, say)).rejects.toMatchObject({ code: 'already_running' });
  child.kill('SIGKILL');
  await once(child, 'close');
  using mine = await claimDataDir(directory, say);
  expect(mine).toBeDefined();
});

test('what a killed run left is waited for', async () => {
  const leftover = spawn('sleep', ['1']);
  {
    using claim = await claimDataDir(directory, say);
    claim.record(FACTS, [leftover.pid ?? 0]);
  }
  using next = await claimDataDir(directory, say);
  expect(next).toBeDefined();
  expect(said).toEqual([expect.stringContaining('Waiting')]);
  expect(leftover.exitCode ?? leftover.signalCode).not.toBe('SIGKILL');
});

test('a pid that belongs to another process by now is left alone', async () => {
  const stranger = spawn('sleep', ['30']);
  {
    using claim = await claimDataDir(directory, say);
    claim.record(FACTS, [stranger.pid ?? 0]);
  }
  const file = join(directory, 'installation.json');
  const content = JSON.parse(readFileSync(file, 'utf8')) as { processes: { startTime: string }[] };
  for (const known of content.processes) known.startTime = '1';
  writeFileSync(file, JSON.stringify(content));
  {
    using next = await claimDataDir(directory, say);
    expect(next).toBeDefined();
  }
  expect(said).toEqual([]);
  expect(stranger.exitCode).toBeNull();
  stranger.kill();
});

test.each(['', '{', '{"launcher":"x"}', 'null'])(
  'a damaged lock and the file %j beside it stop nothing',
  async (text) => {
    writeFileSync(join(directory, 'launcher.lock'), 'no database '.repeat(400));
    writeFileSync(join(directory, 'installation.json'), text);
    using claim = await claimDataDir(directory, say);
    claim.record(FACTS, []);
    expect(statSync(join(directory, 'installation.json')).mode & 0o777).toBe(0o600);
  },
);
