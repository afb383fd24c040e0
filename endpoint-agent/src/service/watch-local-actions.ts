import type { ActionOutcome, QuarantineItem } from '@yagura/protocol';
import type { Log } from '../platform/log.ts';
import type { Responder } from '../responses/responder.ts';

const LOOK_EVERY_MS = 5_000;

export interface LocalActionParts {
  readonly responder: Responder;
  readonly report: (outcome: ActionOutcome) => void;
  readonly onQuarantined: (items: readonly QuarantineItem[]) => void;
  readonly log: Log;
}

/** Reports what an administrator did with the command line at the machine itself; ends when disposed of. */
export function watchLocalActions({ responder, report, onQuarantined, log }: LocalActionParts): Disposable {
  let looking = false;
  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    try {
      const outcomes = await responder.takeLocalOutcomes();
      for (const outcome of outcomes) report(outcome);
      if (outcomes.length > 0) onQuarantined(await responder.listQuarantine());
    } finally {
      looking = false;
    }
  }
  const timer = setInterval(() => {
    look().catch((error: unknown) => log.warn({ error: String(error) }, 'local actions could not be read'));
  }, LOOK_EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
