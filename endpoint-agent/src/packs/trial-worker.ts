import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { loadPack, warmUp } from './load-pack.ts';
import type { TrialInput, TrialReport } from './try-pack.ts';

/** Loads one pack in a thread of its own, where neither time nor memory is the agent's (SPEC RP3). */
function report(): TrialReport {
  const { path, reference, platform } = workerData as TrialInput;
  const loaded = loadPack(readFileSync(path), reference, platform);
  if (!loaded.ok) return { ok: false, code: loaded.code, message: loaded.message };
  warmUp(loaded.evaluator, platform);
  return { ok: true, rules: loaded.evaluator.loaded };
}

parentPort?.postMessage(report(), []);
