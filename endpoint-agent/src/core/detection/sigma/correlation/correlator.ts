import type { RuleMatch } from '../../evaluator.ts';
import type { EvaluatedEvent } from '../event-view.ts';
import type { SigmaCorrelation } from '../rule-ast.ts';
import { type Scalar, toNumber, toScalar } from '../scalar.ts';
import { CorrelationWindow, WINDOW_LIMITS, type WindowItem, windowHolds } from './correlation-window.ts';
import type { ResolvedCorrelation } from './resolve-correlations.ts';
import type { SavedGroup } from './saved-state.ts';

/** What was dropped or left out; all counts only grow. */
export interface CorrelationCounters {
  groupsForgotten: number;
  eventsForgotten: number;
  /** Matches without a field by which they are grouped, or without the value that is counted. */
  eventsUngrouped: number;
  /** Results settled by time for which nobody asked in time. */
  resultsDropped: number;
}

/** A correlation that was satisfied, and the event that completed it. */
export interface CorrelationResult {
  readonly match: RuleMatch;
  readonly event: EvaluatedEvent;
}

interface Group {
  readonly window: CorrelationWindow;
  readonly values: readonly Scalar[];
  lastEvent: EvaluatedEvent;
}

/**
 * The state machine of one correlation: a window of matches for each group. A result comes when the condition
 * begins to hold, and again only when the timespan has passed since. Conditions that only time can settle (`lt`
 * and `lte` of a count, `not` in an expression) are judged when the timespan since the group's first match is over.
 */
export class Correlator {
  readonly correlation: SigmaCorrelation;
  readonly counters: CorrelationCounters = {
    groupsForgotten: 0,
    eventsForgotten: 0,
    eventsUngrouped: 0,
    resultsDropped: 0,
  };
  readonly #resolved: ResolvedCorrelation;
  readonly #atClose: boolean;
  /** In the order of their last match, so that the first is the quietest. */
  readonly #groups = new Map<string, Group>();
  #items = 0;

  constructor(resolved: ResolvedCorrelation) {
    this.correlation = resolved.correlation;
    this.#resolved = resolved;
    this.#atClose = isJudgedAtClose(resolved.correlation);
  }

  /**
   * Takes in a match of the rule at position `rule` of the correlation, after `advance` to the same time. Returns
   * the result that it completes.
   */
  add(rule: number, event: EvaluatedEvent, time: number): CorrelationResult | undefined {
    const { correlation } = this;
    const values = this.#fieldsOf(correlation.groupBy, rule, event);
    const item = values && this.#itemOf(rule, event, time);
    if (values === undefined || item === undefined) {
      this.counters.eventsUngrouped += 1;
      return undefined;
    }
    const key = JSON.stringify(values.map(String));
    const group = this.#groups.get(key) ?? { window: new CorrelationWindow(), values, lastEvent: event };
    group.lastEvent = event;
    this.#groups.delete(key);
    this.#groups.set(key, group);
    this.#items += group.window.add(item, correlation);
    this.#keepWithinBounds();
    if (this.#atClose || !isArmed(group.window, time, correlation.timespan)) return undefined;
    if (!windowHolds(correlation, group.window, item)) return undefined;
    group.window.firedAt = time;
    return this.#result(group);
  }

  /** Judges what only time can settle, and forgets groups whose matches have left the timespan. */
  advance(time: number): readonly CorrelationResult[] {
    const { timespan } = this.correlation;
    const results: CorrelationResult[] = [];
    for (const [key, group] of this.#groups) {
      const { window } = group;
      const latest = window.items.at(-1) as WindowItem;
      if (this.#atClose) {
        if (time < window.openedAt + timespan) continue;
        if (windowHolds(this.correlation, window, latest)) results.push(this.#result(group));
      } else if (time < latest.time + timespan) {
        // Later groups had their last match later still.
        break;
      }
      this.#groups.delete(key);
      this.#items -= window.items.length;
    }
    return results;
  }

  save(): readonly SavedGroup[] {
    return Array.from(this.#groups, ([key, { window, values, lastEvent }]) => {
      const { items, openedAt, firedAt } = window;
      const saved: SavedGroup = { key, values, items, openedAt, lastEvent };
      return firedAt === undefined ? saved : Object.assign(saved, { firedAt });
    });
  }

  restore(groups: readonly SavedGroup[]): void {
    for (const { key, values, items, openedAt, firedAt, lastEvent } of groups) {
      const group: Group = { window: new CorrelationWindow(), values, lastEvent };
      for (const item of items) this.#items += group.window.add(item, this.correlation);
      if (group.window.items.length === 0) continue;
      group.window.openedAt = openedAt;
      group.window.firedAt = firedAt;
      this.#groups.set(key, group);
    }
    this.#keepWithinBounds();
  }

  #itemOf(rule: number, event: EvaluatedEvent, time: number): WindowItem | undefined {
    const { fields, type, percentile } = this.correlation;
    if (fields.length === 0) return { time, rule };
    const values = this.#fieldsOf(fields, rule, event);
    if (values === undefined) return undefined;
    if (type === 'value_count' || (type === 'value_percentile' && percentile === undefined)) {
      return { time, rule, value: JSON.stringify(values.map(String)) };
    }
    const number = values[0] === undefined ? undefined : toNumber(values[0]);
    return number === undefined ? undefined : { time, rule, value: number };
  }

  /** Values of fields, by the alias of the rule if there is one; undefined when one is missing. */
  #fieldsOf(names: readonly string[], rule: number, event: EvaluatedEvent): readonly Scalar[] | undefined {
    const values: Scalar[] = [];
    for (const name of names) {
      const field = this.#resolved.aliases[rule]?.get(name) ?? name;
      const value = Object.hasOwn(event.fields, field) ? toScalar(event.fields[field]) : undefined;
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  }

  #result({ values, lastEvent }: Group): CorrelationResult {
    const matched = this.correlation.groupBy.map((field, i) => ({ field: field.slice(0, 64), value: values[i] ?? '' }));
    // A correlation of correlations groups by what this one has grouped by.
    const grouped = Object.fromEntries(this.correlation.groupBy.map((field, i) => [field, values[i]]));
    return {
      match: { rule: this.correlation.facts, matched },
      event: { ...lastEvent, fields: { ...lastEvent.fields, ...grouped } },
    };
  }

  #keepWithinBounds(): void {
    for (const [key, { window }] of this.#groups) {
      const tooMany = this.#groups.size > WINDOW_LIMITS.groups;
      if (!tooMany && this.#items <= WINDOW_LIMITS.itemsInAll) return;
      this.#groups.delete(key);
      this.#items -= window.items.length;
      this.counters.groupsForgotten += 1;
      this.counters.eventsForgotten += window.items.length;
    }
  }
}

function isArmed(window: CorrelationWindow, time: number, timespan: number): boolean {
  return window.firedAt === undefined || time >= window.firedAt + timespan;
}

function isJudgedAtClose({ type, bounds, expression }: SigmaCorrelation): boolean {
  if (expression !== undefined) return hasNegation(expression);
  const counts = type !== 'value_avg' && type !== 'value_median' && type !== 'value_percentile' && type !== 'value_min';
  return counts && bounds.every(({ operator }) => operator === 'lt' || operator === 'lte');
}

function hasNegation(expression: NonNullable<SigmaCorrelation['expression']>): boolean {
  if (expression.kind === 'not') return true;
  return expression.kind !== 'rule' && expression.operands.some(hasNegation);
}
