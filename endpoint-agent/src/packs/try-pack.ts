import { Worker } from 'node:worker_threads';
import type { Platform, RulePackReference } from '@yagura/protocol';
import type { PackFault } from './load-pack.ts';

export interface TrialInput {
  readonly path: string;
  readonly reference: RulePackReference;
  readonly platform: Platform;
}

export type TrialReport =
  | { readonly ok: true; readonly rules: number }
  | { readonly ok: false; readonly code: PackFault; readonly message: string };

export interface TrialBounds {
  readonly milliseconds: number;
  readonly heapMegabytes: number;
}

/** The whole public corpus takes a second and 200 MB on a slow machine. */
export const TRIAL_BOUNDS: TrialBounds = { milliseconds: 10_000, heapMegabytes: 384 };

/** Loads a pack for trial in a worker; one that takes too much of anything is `pack_over_budget`. */
export function tryPack(input: TrialInput, bounds: TrialBounds = TRIAL_BOUNDS): Promise<TrialReport> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL('./trial-worker.ts', import.meta.url), {
      workerData: input,
      resourceLimits: { maxOldGenerationSizeMb: bounds.heapMegabytes, stackSizeMb: 4 },
    });
    const finish = (report: TrialReport): void => {
      clearTimeout(timer);
      resolve(report);
      void worker.terminate();
    };
    const over = (message: string): void => finish({ ok: false, code: 'pack_over_budget', message });
    const timer = setTimeout(
      () => over(`the pack was not loaded within ${bounds.milliseconds} ms`),
      bounds.milliseconds,
    );
    worker.once('message', (report: TrialReport) => finish(report));
    // A heap that ran out, a stack that overflowed: whatever ends the worker is the pack's fault.
    worker.once('error', (error: Error) => over(error.message.slice(0, 200)));
    worker.once('exit', () => over('the trial ended without a result'));
  });
}
