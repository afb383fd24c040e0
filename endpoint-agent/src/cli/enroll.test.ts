import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ENDPOINT, type FakeGateway, startGateway } from '../../../test/fakes/gateway.ts';
import { loadIdentity } from '../identity/identity.ts';
import { run } from './enroll.ts';

let gateway: FakeGateway;
let dir: string;
let out: string;
let err: string;

beforeEach(async () => {
  gateway = await startGateway();
  dir = mkdtempSync(join(tmpdir(), 'yagura-cli-'));
  out = '';
  err = '';
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'LC_ALL', 'LC_MESSAGES']) vi.stubEnv(name, '');
  vi.stubEnv('LANG', 'C');
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text.toString();
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text.toString();
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await gateway[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

test('[EN1] enroll exits 0 and names the endpoint and its gateway', async () => {
  expect(await run(['--console', gateway.url, '--token', gateway.token(), '--state-dir', dir])).toBe(0);
  expect(out).toBe(`enrolled: endpoint ${ENDPOINT} at ${gateway.url}\n`);
  expect(err).toBe('');
  expect(loadIdentity(dir)).toMatchObject({ ok: true });
});

test('[EN4] a refusal exits 1 with one line: code and what to do, in the language of the machine', async () => {
  gateway.onEnrol = () => Promise.resolve({ status: 410, body: { error: { code: 'token_expired', message: 'gone' } } });
  expect(await run(['--token', gateway.token(), '--state-dir', dir])).toBe(1);
  expect(err).toBe('yagura-agent: error (token_expired): This token has expired: issue a new one.\n');
  err = '';
  vi.stubEnv('LANG', 'ja_JP.UTF-8');
  expect(await run(['--token', gateway.token(), '--state-dir', dir])).toBe(1);
  expect(err).toBe(
    'yagura-agent: エラー (token_expired): この登録トークンは期限切れです。新しいトークンを発行してください。\n',
  );
  expect(out).toBe('');
});

test('[EN1] a token from a file enrols too, so that it stands in no process list', async () => {
  const file = join(dir, 'token');
  writeFileSync(file, `${gateway.token()}\n`);
  expect(await run(['--console', gateway.url, '--token-file', file, '--state-dir', join(dir, 'state')])).toBe(0);
  expect(out).toBe(`enrolled: endpoint ${ENDPOINT} at ${gateway.url}\n`);
});

test.each([
  ['no-such-file', undefined, 'ENOENT'],
  ['empty', ' \n', 'holds no enrolment token'],
  ['not-a-token', 'x'.repeat(10_000), 'holds no enrolment token'],
])('a token file that is %s exits 1 and says so', async (name, content, message) => {
  const file = join(dir, name);
  if (content !== undefined) writeFileSync(file, content);
  expect(await run(['--token-file', file, '--state-dir', dir])).toBe(1);
  expect(err).toContain('yagura-agent: error (token_unreadable): ');
  expect(err).toContain(message);
});

test.each([[[]], [['--token']], [['--unknown']], [['--token', 'a', '--token-file', 'b']]])(
  'wrong arguments %j exit 2 with the usage',
  async (argv) => {
    expect(await run(argv)).toBe(2);
    expect(err).toContain('usage: yagura-agent enroll');
  },
);
