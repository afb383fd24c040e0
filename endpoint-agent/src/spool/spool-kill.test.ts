import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { manualClock, seededRandom } from '../../../test/fakes/time.ts';
import { createSpool } from './create-spool.ts';

/** `YAGURA_KILLS=10000` for the long run. */
const KILLS = Number(process.env['YAGURA_KILLS'] ?? 50);
const BURSTER = fileURLToPath(new URL('../../../test/fakes/spool-burster.ts', import.meta.url));

/** Starts the child, kills it `delay` milliseconds after its first line, and returns all whole lines. */
async function burst(dir: string, seed: number, run: number, delay: number): Promise<string[]> {
  const child = spawn(process.execPath, [BURSTER, dir, String(seed), String(run)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  let timer: NodeJS.Timeout | undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    timer ??= setTimeout(() => child.kill('SIGKILL'), delay);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const [, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (code, name) => resolve([code, name]));
  });
  if (signal !== 'SIGKILL') throw new Error(`seed ${seed}: the child ended by itself: ${errors}`);
  return output.split('\n').slice(0, -1);
}

test(`[SP2] ${KILLS} SIGKILLs in the middle of bursts lose nothing that append returned`, {
  timeout: 30_000 + KILLS * 2_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'yagura-kill-'));
  const random = seededRandom(20_260_401);
  try {
    const expected = new Map<number, string>();
    const maybeRemoved = new Set<number>();
    let epoch: string | undefined;
    let stored = 0;
    for (let run = 0; run < KILLS; run += 1) {
      const lines = await burst(dir, run + 1, run, random.fraction() * 60);
      for (const line of lines) {
        const [word, ...rest] = line.split(' ');
        if (word === 'epoch') epoch ??= rest[0];
        if (word === 'epoch') expect(rest[0], `run ${run}`).toBe(epoch);
        if (word === 'ack') maybeRemoved.add(Number(rest[0]));
        if (word !== 'stored') continue;
        for (const entry of rest) {
          const [sequence, type] = entry.split(':');
          expect(expected.has(Number(sequence)), `run ${run}: sequence ${sequence} given out twice`).toBe(false);
          expected.set(Number(sequence), String(type));
          stored += 1;
        }
      }
      const spool = createSpool({ dir, clock: manualClock(), random, limits: { ballastBytes: 0 } });
      const found = new Map(
        spool.next({ items: 1e7, bytes: 1e10 }, new Set()).map((item) => [item.sequence, item.body.type]),
      );
      const missing = [...expected].filter(
        ([sequence, type]) => found.get(sequence) !== type && !maybeRemoved.has(sequence),
      );
      expect(missing, `run ${run}, epoch ${epoch}`).toEqual([]);
      // Keeps the runs short: everything so far is acknowledged before the next kill.
      spool.acknowledge([[1, spool.status().lastSequence]]);
      expected.clear();
      spool[Symbol.dispose]();
    }
    expect(stored).toBeGreaterThan(KILLS * 20);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
