import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('main.ts', import.meta.url));
/** Of no account on this machine. */
const OWNER = { uid: 64_211, gid: 64_212 };
const cannot = process.getuid?.() === 0 ? undefined : 'needs root to have something to step down from';

describe.skipIf(cannot !== undefined)(`the command line as root${cannot ? ` (${cannot})` : ''}`, () => {
  let directory: string;
  let state: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'yagura-cli-'));
    // Others pass through to what is theirs, as below /var/lib.
    chmodSync(directory, 0o711);
    state = join(directory, 'console');
    mkdirSync(state, { mode: 0o700 });
    chownSync(state, OWNER.uid, OWNER.gid);
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const cli = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', CLI, ...args], {
      env: { PATH: process.env['PATH'], YAGURA_STATE_DIR: state },
    });

  test('writes the database as its owner, who can go on with it', async () => {
    await cli('migrate');
    await cli('audit', 'verify');
    const files = readdirSync(state);
    expect(files).toContain('console.db');
    for (const file of files) {
      const { uid, gid } = statSync(join(state, file));
      expect({ file, uid, gid }).toEqual({ file, ...OWNER });
    }
  });

  test('a database that is not there is no new console', async () => {
    const failed = await cli('audit', 'verify').catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^yagura-console: error \(database_missing\): .+\n$/),
    });
    expect(readdirSync(state)).toEqual([]);
  });
});
