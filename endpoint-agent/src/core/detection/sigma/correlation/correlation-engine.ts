import type { RuleMatch } from '../../evaluator.ts';
import type { EvaluatedEvent } from '../event-view.ts';
import { type CorrelationCounters, type CorrelationResult, Correlator } from './correlator.ts';
import type { ResolvedCorrelation } from './resolve-correlations.ts';
import { readSavedCorrelations, type SavedCorrelations } from './saved-state.ts';

/** Which clock correlations run on: boot time when live, event time when replayed. */
export type CorrelationClock = 'boot' | 'event';

/** Results that wait for `advance`. */
const MOST_SETTLED = 1_000;

/** Feeds matches of rules to the correlations that refer to them, and their results to those above. */
export class CorrelationEngine {
  readonly #clock: CorrelationClock;
  /** By rule id: the correlators that it feeds, and as which of their rules. */
  readonly #fedBy = new Map<string, { readonly correlator: Correlator; readonly rule: number }[]>();
  readonly #correlators: readonly Correlator[];
  readonly #silent = new Set<string>();
  #latest = 0;
  /** Settled by time and not yet asked for; the oldest are dropped beyond the bound, and counted. */
  readonly #settled: CorrelationResult[] = [];
  #unclaimed = 0;

  constructor(correlations: readonly ResolvedCorrelation[], clock: CorrelationClock) {
    this.#clock = clock;
    this.#correlators = correlations.map((resolved) => new Correlator(resolved));
    for (const [i, { correlation, ruleIds }] of correlations.entries()) {
      const correlator = this.#correlators[i] as Correlator;
      for (const [rule, ruleId] of ruleIds.entries()) {
        const fed = this.#fedBy.get(ruleId) ?? [];
        fed.push({ correlator, rule });
        this.#fedBy.set(ruleId, fed);
        if (!correlation.generate) this.#silent.add(ruleId);
      }
    }
  }

  /** Rules that match only through correlations, because one of those refers to them without `generate`. */
  isSilent(ruleId: string): boolean {
    return this.#silent.has(ruleId);
  }

  /**
   * Takes in one event and the rules that it matched. Returns what the event completed; what only time has settled
   * meanwhile waits for `advance`. Results that are silent themselves are left out.
   */
  process(event: EvaluatedEvent, matches: readonly RuleMatch[]): readonly CorrelationResult[] {
    const time = this.#timeOf(event);
    const results: CorrelationResult[] = [];
    for (const { rule } of matches) this.#feed(rule.ruleId, event, time, results);
    return results;
  }

  /**
   * Settles what only time can settle, and returns it with what was settled since the last call. `time` on the
   * correlations' clock, in milliseconds.
   */
  advance(time: number): readonly CorrelationResult[] {
    this.#latest = Math.max(this.#latest, time);
    for (const correlator of this.#correlators) this.#settle(correlator, time);
    return this.#settled.splice(0);
  }

  #feed(ruleId: string, event: EvaluatedEvent, time: number, results: CorrelationResult[]): void {
    for (const { correlator, rule } of this.#fedBy.get(ruleId) ?? []) {
      this.#settle(correlator, time);
      const result = correlator.add(rule, event, time);
      if (result !== undefined) this.#pass(result, time, results);
    }
  }

  #settle(correlator: Correlator, time: number): void {
    for (const result of correlator.advance(time)) this.#pass(result, time, this.#settled);
    const excess = this.#settled.length - MOST_SETTLED;
    if (excess <= 0) return;
    this.#settled.splice(0, excess);
    this.#unclaimed += excess;
  }

  #pass(result: CorrelationResult, time: number, results: CorrelationResult[]): void {
    const { ruleId } = result.match.rule;
    if (!this.#silent.has(ruleId)) results.push(result);
    this.#feed(ruleId, result.event, time, results);
  }

  /** An event without boot time counts as of the latest one that had it. */
  #timeOf(event: EvaluatedEvent): number {
    const time = (this.#clock === 'boot' ? event.bootTime : event.time) ?? this.#latest;
    this.#latest = Math.max(this.#latest, time);
    return time;
  }

  counters(): CorrelationCounters {
    const sum: CorrelationCounters = {
      groupsForgotten: 0,
      eventsForgotten: 0,
      eventsUngrouped: 0,
      resultsDropped: this.#unclaimed,
    };
    for (const { counters } of this.#correlators) {
      sum.groupsForgotten += counters.groupsForgotten;
      sum.eventsForgotten += counters.eventsForgotten;
      sum.eventsUngrouped += counters.eventsUngrouped;
    }
    return sum;
  }

  /** Plain data, for JSON. Valid for the same boot only when the clock is boot time. */
  save(): SavedCorrelations {
    const correlations = this.#correlators.map((correlator) => ({
      ruleId: correlator.correlation.facts.ruleId,
      groups: correlator.save(),
    }));
    return JSON.parse(JSON.stringify({ version: 1, latest: this.#latest, correlations })) as SavedCorrelations;
  }

  /** False, and nothing restored, when the state is not one that `save` made. */
  restore(state: unknown): boolean {
    const saved = readSavedCorrelations(state);
    if (saved === undefined) return false;
    this.#latest = saved.latest;
    for (const { ruleId, groups } of saved.correlations) {
      const correlator = this.#correlators.find((each) => each.correlation.facts.ruleId === ruleId);
      const fitting = groups.filter(({ items }) =>
        items.every(({ rule }) => rule < (correlator?.correlation.rules.length ?? 0)),
      );
      correlator?.restore(fitting);
    }
    return true;
  }
}
