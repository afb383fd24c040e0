import { uptime } from 'node:os';
import { Event } from '@yagura/protocol';
import type { RuleMatch, SigmaEvaluator } from '../core/index.ts';
import { readFileIfPresent, replaceFileDurably, systemCode } from '../platform/durable-file.ts';
import type { Log } from '../platform/log.ts';

const SAVE_EVERY_MS = 60_000;

/** Rules whose correlations can be kept. */
export type LiveCorrelations = Pick<SigmaEvaluator, 'advance' | 'saveState' | 'restoreState'>;

export interface CorrelationParts {
  readonly rules: LiveCorrelations;
  readonly path: string;
  readonly bootId: string;
  readonly monotonic: () => number;
  readonly judge: (event: Event, matches: readonly RuleMatch[]) => void;
  readonly log: Log;
}

/**
 * Keeps the rules that look at several events alive: lets time settle what only time can, and saves their
 * state, which a restart within the same boot takes up again (they count on boot time).
 */
export interface Correlations {
  /** Call about every second. */
  tick(): void;
  save(): void;
}

export function createCorrelations({ rules, path, bootId, monotonic, judge, log }: CorrelationParts): Correlations {
  let savedAt = monotonic();
  restore();

  function restore(): void {
    try {
      const text = readFileIfPresent(path);
      if (text === undefined) return;
      const saved: unknown = JSON.parse(text);
      if (typeof saved !== 'object' || saved === null || !('bootId' in saved) || saved.bootId !== bootId) return;
      if (!('state' in saved) || !rules.restoreState(saved.state))
        log.warn({ code: 'correlations_damaged' }, 'correlations begin anew');
    } catch (error) {
      log.warn({ code: 'correlations_damaged', error: String(error) }, 'correlations begin anew');
    }
  }

  function save(): void {
    savedAt = monotonic();
    try {
      replaceFileDurably(path, JSON.stringify({ bootId, state: rules.saveState() }));
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      log.warn({ code: 'correlations_unsaved', error: String(error) }, 'the state of correlations was not saved');
    }
  }

  return {
    tick() {
      for (const { event, match } of rules.advance(uptime() * 1_000)) {
        // What was restored from disk is data until it is checked.
        const checked = Event.safeParse(event);
        if (checked.success) judge(checked.data, [match]);
      }
      if (monotonic() - savedAt >= SAVE_EVERY_MS) save();
    },
    save,
  };
}
