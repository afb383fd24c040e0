import type { RuleFacts } from '@yagura/protocol';

/** How much time rules may take. Times in milliseconds. */
export interface BudgetLimits {
  /** Length of the period over which a rule's time is added up. */
  readonly period: number;
  /** What one rule may take within a period. */
  readonly perRule: number;
  /** How long a rule that took more is left out. */
  readonly suspension: number;
}

/** A rule may take 1 % of one core over half a minute. */
export const BUDGET_LIMITS: BudgetLimits = { period: 30_000, perRule: 300, suspension: 600_000 };

export interface Suspension {
  readonly rule: RuleFacts;
  /** Time that the rule took in the period in which it was suspended. */
  readonly used: number;
  readonly since: number;
  readonly until: number;
  /** How often it has been suspended. */
  readonly times: number;
}

/** So many timings that were multiplied it takes at least to suspend a rule. */
const EVIDENCE = 8;

/** Of what events a rule takes too much time. */
type Kind = 'short' | 'long';

/**
 * Adds up the time that each rule takes and leaves out those that take too much. Events with a long value are
 * accounted for by themselves: whoever starts programs with command lines of 32 KB all the time makes rules miss such
 * command lines for a while, and nothing else.
 */
export class RuleBudget {
  readonly #limits: BudgetLimits;
  readonly #clock: () => number;
  readonly #used = new Map<string, number>();
  readonly #suspensions = new Map<string, Suspension>();
  #active = 0;
  #periodEnd: number;

  /** `clock` reads milliseconds that never go back. */
  constructor(clock: () => number, limits: BudgetLimits = BUDGET_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
    this.#periodEnd = clock() + limits.period;
  }

  now(): number {
    return this.#clock();
  }

  /**
   * A timing that stands for `weight` events. Whoever takes the time may lose the processor meanwhile, so what
   * was not measured but multiplied weighs little: a rule is suspended for several such timings, never for one.
   */
  charge(rule: RuleFacts, measured: number, weight: number, isLong: boolean): void {
    const now = this.#clock();
    const time = Math.max(measured, Math.min(measured * weight, this.#limits.perRule / EVIDENCE));
    if (now >= this.#periodEnd) {
      this.#used.clear();
      this.#periodEnd = now + this.#limits.period;
    }
    const key = keyOf(rule.ruleId, isLong ? 'long' : 'short');
    const used = (this.#used.get(key) ?? 0) + time;
    this.#used.set(key, used);
    if (used <= this.#limits.perRule) return;
    const times = (this.#suspensions.get(key)?.times ?? 0) + 1;
    const until = now + this.#limits.suspension;
    this.#suspensions.set(key, { rule, used, since: now, until, times });
    this.#used.delete(key);
    this.#active += 1;
  }

  /** False while no rule has ever been suspended. */
  get suspendsAny(): boolean {
    return this.#active > 0;
  }

  /** `isLong`: whether the event has a long value. A rule that is too slow for short ones is so for all. */
  isSuspended(ruleId: string, isLong: boolean): boolean {
    if (this.#active === 0) return false;
    return this.#holds(keyOf(ruleId, 'short')) || (isLong && this.#holds(keyOf(ruleId, 'long')));
  }

  #holds(key: string): boolean {
    const suspension = this.#suspensions.get(key);
    return suspension !== undefined && this.#clock() < suspension.until;
  }

  /** Rules that are suspended or have been, each once, the most recent last. */
  suspensions(): readonly Suspension[] {
    const byRule = new Map<string, Suspension>();
    for (const each of [...this.#suspensions.values()].toSorted((a, b) => a.since - b.since)) {
      const { ruleId } = each.rule;
      const before = byRule.get(ruleId);
      byRule.delete(ruleId);
      byRule.set(ruleId, before === undefined ? each : { ...each, times: before.times + each.times });
    }
    return [...byRule.values()];
  }
}

function keyOf(ruleId: string, kind: Kind): string {
  return `${kind}:${ruleId}`;
}
