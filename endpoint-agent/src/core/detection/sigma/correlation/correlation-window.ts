import type { CorrelationBound, CorrelationExpression, CorrelationType, SigmaCorrelation } from '../rule-ast.ts';

/** Bounds of the state. */
export const WINDOW_LIMITS = {
  /** Events that one group remembers to count them; older ones are forgotten first. */
  items: 10_000,
  /** The same for types that must look at every remembered event each time. */
  examinedItems: 1_000,
  /** Groups of one correlation; the one that was quiet for longest is forgotten first. */
  groups: 5_000,
  /** Events that all groups of one correlation remember together. */
  itemsInAll: 100_000,
} as const;

/** One match of a referred rule within a group. `time` in milliseconds of the correlation's clock. */
export interface WindowItem {
  readonly time: number;
  /** Position of the rule among the correlation's rules. */
  readonly rule: number;
  /** What is counted or computed with. */
  readonly value?: string | number;
}

/**
 * The matches of one group within the timespan, ordered by time. What it says holds for the window that ends with
 * the latest of them.
 */
export class CorrelationWindow {
  readonly items: WindowItem[] = [];
  /** How often each value (or rule, for temporal types) is among the items. */
  readonly tally = new Map<string | number, number>();
  /** Time of the first event since the window was empty or last judged. */
  openedAt = 0;
  /** Time of the last result; another one comes only when the timespan has passed. */
  firedAt: number | undefined;

  /** Adds a match and forgets what has left the timespan. Returns how many more or fewer are remembered. */
  add(item: WindowItem, { timespan, type }: SigmaCorrelation): number {
    const before = this.items.length;
    if (before === 0) this.openedAt = item.time;
    let at = before;
    while (at > 0 && (this.items[at - 1] as WindowItem).time > item.time) at -= 1;
    this.items.splice(at, 0, item);
    this.#count(item, type, 1);
    const latest = (this.items.at(-1) as WindowItem).time;
    let gone = 0;
    while ((this.items[gone] as WindowItem).time <= latest - timespan) gone += 1;
    const most = type === 'event_count' || type === 'value_count' ? WINDOW_LIMITS.items : WINDOW_LIMITS.examinedItems;
    gone = Math.max(gone, this.items.length - most);
    if (gone > 0) for (const old of this.items.splice(0, gone)) this.#count(old, type, -1);
    return this.items.length - before;
  }

  #count(item: WindowItem, type: CorrelationType, by: number): void {
    if (type === 'event_count') return;
    const key = type === 'temporal' || type === 'temporal_ordered' ? item.rule : (item.value ?? '');
    const count = (this.tally.get(key) ?? 0) + by;
    if (count > 0) this.tally.set(key, count);
    else this.tally.delete(key);
  }
}

/** Whether the window satisfies the correlation; `latest` is the match that was added last. */
export function windowHolds(correlation: SigmaCorrelation, window: CorrelationWindow, latest: WindowItem): boolean {
  const { items } = window;
  const { type, bounds, expression } = correlation;
  if (expression !== undefined) {
    const seen = new Set([...window.tally.keys()].filter((key) => typeof key === 'number'));
    return expressionHolds(expression, seen) && (type === 'temporal' || isOrdered(items));
  }
  const measured = measure(correlation, window, latest);
  return measured !== undefined && bounds.every((bound) => boundHolds(measured, bound));
}

export function boundHolds(measured: number, { operator, value }: CorrelationBound): boolean {
  switch (operator) {
    case 'lt':
      return measured < value;
    case 'lte':
      return measured <= value;
    case 'gt':
      return measured > value;
    case 'gte':
      return measured >= value;
    case 'eq':
      return measured === value;
    case 'neq':
      return measured !== value;
  }
}

export function expressionHolds(expression: CorrelationExpression, seen: ReadonlySet<number>): boolean {
  switch (expression.kind) {
    case 'rule':
      return seen.has(expression.rule);
    case 'not':
      return !expressionHolds(expression.operand, seen);
    case 'and':
      return expression.operands.every((operand) => expressionHolds(operand, seen));
    case 'or':
      return expression.operands.some((operand) => expressionHolds(operand, seen));
  }
}

/** Undefined when there is nothing to compute with. */
function measure(
  correlation: SigmaCorrelation,
  { items, tally }: CorrelationWindow,
  latest: WindowItem,
): number | undefined {
  switch (correlation.type) {
    case 'event_count':
      return items.length;
    case 'temporal':
    case 'value_count':
      return tally.size;
    case 'temporal_ordered':
      return longestOrder(items, correlation.rules.length);
    case 'value_percentile':
      if (correlation.percentile === undefined) {
        return (100 * (tally.get(latest.value ?? '') ?? 0)) / items.length;
      }
      return percentileOf(numbersOf(items), correlation.percentile);
    default:
      return metricOf(correlation.type, numbersOf(items));
  }
}

function numbersOf(items: readonly WindowItem[]): readonly number[] {
  return items.flatMap(({ value }) => (typeof value === 'number' ? [value] : []));
}

function metricOf(
  type: 'value_sum' | 'value_avg' | 'value_min' | 'value_max' | 'value_median',
  values: readonly number[],
): number | undefined {
  if (values.length === 0) return undefined;
  const sum = values.reduce((total, value) => total + value, 0);
  switch (type) {
    case 'value_sum':
      return sum;
    case 'value_avg':
      return sum / values.length;
    case 'value_min':
      return values.reduce((least, value) => Math.min(least, value));
    case 'value_max':
      return values.reduce((most, value) => Math.max(most, value));
    case 'value_median': {
      const sorted = values.toSorted((a, b) => a - b);
      const middle = sorted.length >> 1;
      const upper = sorted[middle] as number;
      return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
    }
  }
}

/** By nearest rank: the smallest value that at least this share of the values does not exceed. */
function percentileOf(values: readonly number[], percentile: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percentile / 100) * sorted.length) - 1)];
}

/** Length of the longest chain of matches in the order of the rules, each rule at most once, one after another. */
function longestOrder(items: readonly WindowItem[], rules: number): number {
  const longest = new Int32Array(rules);
  let best = 0;
  let start = 0;
  while (start < items.length) {
    // Matches of one event have one time, and come one after another in no order.
    let end = start;
    const time = (items[start] as WindowItem).time;
    while (end < items.length && (items[end] as WindowItem).time === time) end += 1;
    for (const { rule } of items.slice(start, end).toSorted((a, b) => b.rule - a.rule)) {
      let chain = 1;
      for (let earlier = 0; earlier < rule; earlier += 1) chain = Math.max(chain, (longest[earlier] as number) + 1);
      longest[rule] = Math.max(longest[rule] as number, chain);
      best = Math.max(best, chain);
    }
    start = end;
  }
  return best;
}

/** Whether the rules were first seen in their order. */
function isOrdered(items: readonly WindowItem[]): boolean {
  const first = new Map<number, number>();
  for (const { rule, time } of items) if (!first.has(rule)) first.set(rule, time);
  const inOrder = [...first].toSorted(([a], [b]) => a - b);
  return inOrder.every(([, time], i) => i === 0 || time >= (inOrder[i - 1] as [number, number])[1]);
}
