import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LocalInstallation, startLocalInstallation } from '../support/local-installation.ts';
import { BEHAVIOURS } from './behaviours.ts';

const cannot = process.platform !== 'linux' || process.getuid?.() !== 0 ? 'needs root on Linux' : undefined;

/** Programs that each write a test file: more than the containments that an hour has. */
const DECOYS = 24;
/**
 * A shell in a shell in a shell: so far below what started them all, each makes a story of its own. The text
 * stands in `$0`, since a script's file would join them.
 */
const NESTED = `if [ "$1" -gt 0 ]; then sh -c "$0" "$0" "$(($1 - 1))" "$2" "$3" "$4"; :
else printf "%s%s" "$3" "$4" > "$2"; sleep 20; fi`;
const DEPTH = 4;
/** In two pieces, so that no product takes this file for the test file. */
const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'] as const;

describe.skipIf(cannot !== undefined)(`blinding the live agent${cannot ? ` (${cannot})` : ''}`, () => {
  let installation: LocalInstallation;
  let folder: string;

  beforeAll(async () => {
    installation = await startLocalInstallation();
    folder = mkdtempSync(join(tmpdir(), 'attack-sim-'));
  });
  afterAll(async () => {
    await installation?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Resolves with whether the program was ended before it would have ended by itself. */
  function decoy(index: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const started = performance.now();
      const child = spawn('/bin/sh', ['-c', NESTED, NESTED, String(DEPTH), join(folder, `decoy-${index}`), ...EICAR], {
        cwd: folder,
        stdio: 'ignore',
      });
      child.once('error', reject);
      child.once('close', () => resolve(performance.now() - started < 19_000));
    });
  }

  test('more test files than an hour has containments use up none of them', async () => {
    const stopped = await Promise.all(Array.from({ length: DECOYS }, (_, index) => decoy(index)));
    expect(stopped.filter(Boolean)).toHaveLength(DECOYS);
    const reverseShell = BEHAVIOURS.find(({ technique }) => technique === 'T1059.004');
    expect(await reverseShell?.act()).toEqual({ killed: true });
  });
});
