import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeDataDir, prepareLayout } from './layout.ts';

/** Of no account on this machine. */
const SOMEBODY = 64_221;
const cannot = process.getuid?.() === 0 ? undefined : 'needs root to give files to other users';

describe.skipIf(cannot !== undefined)(`the data of a run without root${cannot ? ` (${cannot})` : ''}`, () => {
  let directory: string;
  let dataDir: string;
  let foreign: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'yagura-layout-'));
    chmodSync(directory, 0o755);
    dataDir = join(directory, 'data');
    foreign = join(directory, 'foreign');
    writeFileSync(foreign, 'of root', { mode: 0o600 });
    for (const folder of ['console', 'signer', 'agent/spool', 'logs']) {
      mkdirSync(join(dataDir, folder), { recursive: true, mode: 0o700 });
      writeFileSync(join(dataDir, folder, 'state'), 'x', { mode: 0o600 });
    }
    for (const path of ['console', 'console/state', 'signer', 'signer/state', 'agent', 'agent/spool', 'logs']) {
      chownSync(join(dataDir, path), SOMEBODY, SOMEBODY);
    }
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const owner = (path: string): number => statSync(join(dataDir, path)).uid;

  test('goes to the users of its processes', () => {
    makeDataDir(dataDir);
    const layout = prepareLayout(dataDir);
    expect(owner('console/state')).toBe(layout.consoleUser?.uid);
    expect(owner('signer/state')).toBe(layout.signerUser?.uid);
    expect([owner('agent'), owner('agent/spool/state'), owner('logs')]).toEqual([0, 0, 0]);
    const sockets = statSync(layout.socketDir);
    expect([sockets.uid, sockets.gid, sockets.mode & 0o777]).toEqual([
      layout.signerUser?.uid,
      layout.consoleUser?.gid,
      0o710,
    ]);
  });

  test('does not lead to files elsewhere', () => {
    symlinkSync(foreign, join(dataDir, 'console', 'link'));
    symlinkSync(directory, join(dataDir, 'console', 'folder'));
    linkSync(foreign, join(dataDir, 'console', 'second-name'));
    makeDataDir(dataDir);
    prepareLayout(dataDir);
    expect(statSync(foreign).uid).toBe(0);
    expect(statSync(directory).uid).toBe(0);
  });

  test('a path that is too long for a socket is refused before anything is made', () => {
    expect(() => makeDataDir(join(directory, 'd'.repeat(90)))).toThrow(
      expect.objectContaining({ code: 'data_dir_too_long' }),
    );
  });
});
