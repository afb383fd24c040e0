import type { Event, RuleFacts } from '@yagura/protocol';
import type { RuleMatch } from '../detection/evaluator.ts';
import type { ProcessLookup } from '../process/process-lookup.ts';

/** What a process reads from, as far as it can be known. */
export type StandardInput = 'socket' | 'terminal' | 'pipe' | 'file';

export interface BehaviourOptions {
  /** Milliseconds that never jump; behaviour is judged in the order and at the pace in which events arrive. */
  readonly clock: { monotonic(): number };
  readonly processes: ProcessLookup;
  /**
   * The system's own program with this content, when `image`, which lies elsewhere, is a copy of it. Asked
   * for programs outside of the system's folders only. Without it programs are learned as they run.
   */
  readonly knownBinary?: (sha256: string, image: string) => string | undefined;
  /** What the live process reads from; asked for new shells only. */
  readonly standardInput?: (pid: number) => StandardInput | undefined;
}

/** One kind of behaviour over several events, with its own bounded memory. */
export interface BehaviourDetector {
  /** Takes in every event, in order. Never throws. */
  observe(event: Event): readonly RuleMatch[];
  /** What its memory forgot to stay within its bound; only rises. */
  readonly evicted: number;
}

/** A match that says on which of the event's fields it rests. */
export function matchOf(rule: RuleFacts, event: Event, fields: readonly string[]): RuleMatch {
  return {
    rule,
    matched: fields.flatMap((field) => {
      const value = event.fields[field];
      return value === undefined ? [] : [{ field, value }];
    }),
  };
}

export function textField(event: Event, name: string): string | undefined {
  const value = event.fields[name];
  return typeof value === 'string' ? value : undefined;
}
