import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningSigner, startSigner } from '../../../test/fakes/running-signer.ts';
import { SCHEMA_VERSION } from '../store/migrations/migrate.ts';

/** The real processes, as a launcher and an operator start them. */
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const CLI = fileURLToPath(new URL('../../bin/yagura-console.mjs', import.meta.url));

let signer: RunningSigner;
let directory: string;
let children: ChildProcess[];

beforeAll(async () => {
  signer = await startSigner();
});
afterAll(() => signer[Symbol.asyncDispose]());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'yagura-startup-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  rmSync(directory, { recursive: true, force: true });
});

const environment = (rest: Record<string, string> = {}) => ({
  PATH: process.env['PATH'],
  YAGURA_STATE_DIR: join(directory, 'console'),
  YAGURA_HTTP_PORT: '0',
  YAGURA_GATEWAY_HOST: '127.0.0.1',
  YAGURA_GATEWAY_PORT: '0',
  YAGURA_SIGNER_SOCKET: signer.socket,
  YAGURA_SIGNER_ADMIN_SOCKET: signer.adminSocket,
  ...rest,
});

interface LogLine {
  readonly level: number;
  readonly msg: string;
}

function start(rest: Record<string, string> = {}) {
  const child = fork(MAIN, { env: environment(rest), silent: true, execArgv: [] });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'exit').then(([code]) => Number(code));
  const ready = once(child, 'message').then(([message]) => message as { type: string; httpPort: number });
  ready.catch(() => undefined);
  return {
    child,
    exited,
    ready,
    lines: () =>
      output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as LogLine),
  };
}

async function cli(args: string[], rest: Record<string, string> = {}) {
  const child = spawn(process.execPath, [CLI, ...args], { env: environment(rest) });
  children.push(child);
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
  const [code] = await once(child, 'close');
  return { code: Number(code), stdout: text.stdout.trim(), stderr: text.stderr.trim() };
}

describe('a console', () => {
  test('says when it is ready, in its log and to its launcher, and stops when told to', async () => {
    const { child, ready, exited, lines } = start();
    const message = await ready;
    expect(message).toMatchObject({ type: 'ready' });
    expect((await fetch(`http://127.0.0.1:${message.httpPort}/api/session`)).status).toBe(401);
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    expect(lines().filter((line) => line.msg === 'console ready')).toHaveLength(1);
    expect(lines().every((line) => line.level <= 30)).toBe(true);
  });

  test('ends when its launcher does', async () => {
    const { child, ready, exited } = start();
    await ready;
    child.disconnect();
    expect(await exited).toBe(0);
  });

  test('finds its data again', async () => {
    const first = start();
    await first.ready;
    const link = await cli(['admin', 'create', '--name', 'admin']);
    expect(link.code).toBe(0);
    first.child.kill('SIGKILL');
    await first.exited;
    const second = start();
    const { httpPort } = await second.ready;
    const secret = /#([\w-]{43})\.[\w-]{43}$/.exec(link.stdout)?.[1];
    const response = await fetch(`http://127.0.0.1:${httpPort}/api/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: `http://localhost:${httpPort}` },
      body: JSON.stringify({ secret }),
    });
    expect(response.status).toBe(200);
  });

  /** What a start that fails leaves: the exit code and the log. */
  async function failure(rest: Record<string, string>) {
    const { exited, lines } = start(rest);
    return { code: await exited, lines: lines() };
  }

  /** One line with a code that says what to do, and nothing of the console's inside. */
  const oneLine = (code: string, advice: RegExp) => {
    const msg: unknown = expect.stringMatching(new RegExp(`^[^\\n]*${advice.source}[^\\n]*$`));
    return { code: 2, lines: [{ level: 60, time: expect.any(String) as unknown, name: 'console', code, msg }] };
  };

  test('names a port that is taken and the variable that chooses another', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const port = String((other.address() as AddressInfo).port);
    const named = (variable: string) => oneLine('port_in_use', new RegExp(`port ${port} is in use: .*${variable}`));
    expect(await failure({ YAGURA_HTTP_PORT: port })).toEqual(named('YAGURA_HTTP_PORT'));
    expect(await failure({ YAGURA_GATEWAY_PORT: port })).toEqual(named('YAGURA_GATEWAY_PORT'));
    other.close();
  });

  test('refuses a file that is no database, and leaves it as it is', async () => {
    const file = join(directory, 'broken.db');
    const content = 'not a database at all\n'.repeat(500);
    writeFileSync(file, content);
    const result = await failure({ YAGURA_DATABASE_URL: `sqlite:${file}` });
    expect(result).toEqual(oneLine('database_damaged', /restore a backup/));
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  test.each([
    [
      'the signer is not there',
      { YAGURA_SIGNER_SOCKET: '/nonexistent/none.sock' },
      'signer_unavailable',
      /start it first/,
    ],
    ['it may not write', { YAGURA_STATE_DIR: '/dev/null/x' }, 'state_directory_unusable', /YAGURA_STATE_DIR/],
    ['it is misconfigured', { YAGURA_HTTP_PORT: 'eighty' }, 'config_invalid', /YAGURA_HTTP_PORT/],
  ])('says when %s', async (_name, rest, code, advice) => {
    expect(await failure(rest)).toEqual(oneLine(code, advice));
  });
});

describe('the command line', () => {
  test('makes the database, people, links and tokens, and checks the audit log', async () => {
    expect(JSON.parse((await cli(['migrate'])).stdout)).toMatchObject({ schema: SCHEMA_VERSION, tenants: 0 });
    const created = await cli(['admin', 'create', '--name', '管理者']);
    expect(created.stdout).toMatch(/^http:\/\/localhost:0\/sign-in#[\w-]{43}\.[\w-]{43}$/);
    expect(await cli(['admin', 'create', '--name', '管理者'])).toMatchObject({ code: 2, stdout: '' });
    expect((await cli(['admin', 'link', '--name', '管理者'])).code).toBe(0);
    expect(await cli(['admin', 'link', '--name', 'nobody'])).toMatchObject({ code: 2 });
    expect((await cli(['token', 'create', '--label', 'x', '--hours', '1'])).stdout).toMatch(/^YGR1\.[\w-]+$/);
    const verified = await cli(['audit', 'verify']);
    expect(verified.code).toBe(0);
    const { ok, heads } = JSON.parse(verified.stdout) as { ok: boolean; heads: Record<string, string | number>[] };
    expect(ok).toBe(true);
    const [head] = heads;
    const anchor = `${head?.['tenantId']}:${Number(head?.['sequence']) + 1}:${head?.['hash']}`;
    expect((await cli(['audit', 'verify', '--anchor', anchor])).code).toBe(4);
  });

  test('a link without a name is for the only administrator; whom it cannot tell apart, it asks for', async () => {
    expect((await cli(['admin', 'create', '--name', '管理者'])).code).toBe(0);
    expect((await cli(['admin', 'create', '--name', 'viewer', '--role', 'viewer'])).code).toBe(0);
    const forTheOnlyOne = await cli(['admin', 'link']);
    expect(forTheOnlyOne).toMatchObject({ code: 0, stderr: '' });
    expect(forTheOnlyOne.stdout).toMatch(/^http:\/\/localhost:0\/sign-in#[\w-]{43}\.[\w-]{43}$/);
    expect((await cli(['admin', 'create', '--name', 'second'])).code).toBe(0);
    const ambiguous = await cli(['admin', 'link']);
    expect(ambiguous).toMatchObject({ code: 2, stdout: '' });
    expect(ambiguous.stderr).toMatch(/user_ambiguous.*管理者, second$/);
    expect((await cli(['admin', 'create', '--name', 'second', '--tenant', 'branch'])).code).toBe(0);
    expect((await cli(['admin', 'link', '--name', '管理者'])).code).toBe(0);
    expect((await cli(['admin', 'link', '--name', 'second'])).stderr).toMatch(/tenant_ambiguous.*--tenant/);
    expect((await cli(['admin', 'link', '--name=second', '--tenant', 'branch'])).code).toBe(0);
    expect((await cli(['admin', 'link', '--tenant', 'nowhere'])).stderr).toMatch(/user_unknown/);
    expect((await cli(['admin', 'link', '--create'])).stderr).toMatch(/usage.*--name/);
  });

  test.each([
    [['frobnicate'], /unknown command/],
    [['admin', 'create'], /--name/],
    [['admin', 'create', '--name', 'x', '--role', 'root'], /--role/],
    [['token', 'create', '--hours', '0'], /--hours/],
    [['token', 'create', '--what'], /--what/],
    [['audit', 'verify', '--anchor', 'x'], /--anchor/],
  ])('%j is one line of what is wrong', async (args, advice) => {
    const { code, stdout, stderr } = await cli(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(advice);
    expect(stderr.split('\n')).toHaveLength(1);
  });

  test('makes no user when the signer is away', async () => {
    const away = { YAGURA_SIGNER_ADMIN_SOCKET: join(directory, 'none.sock') };
    expect(await cli(['admin', 'create', '--name', 'admin'], away)).toMatchObject({ code: 2 });
    expect((await cli(['admin', 'create', '--name', 'admin'])).code).toBe(0);
  });
});
