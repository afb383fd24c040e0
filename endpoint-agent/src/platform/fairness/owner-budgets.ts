export interface BudgetLimits {
  /** What an owner may spend at once. */
  readonly burst: number;
  readonly perSecond: number;
  readonly maxOwners: number;
}

interface Budget {
  left: number;
  at: number;
}

/**
 * A token bucket for each owner: says who spends more than his part over a long time. Pure; monotonic milliseconds.
 * Beyond `maxOwners` the one longest unseen is forgotten; whoever comes while all places are taken begins with an
 * empty bucket, so that ever new owners gain nothing.
 */
export class OwnerBudgets {
  readonly #limits: BudgetLimits;
  /** In the order in which they spent last. */
  readonly #budgets = new Map<string, Budget>();

  constructor(limits: BudgetLimits) {
    this.#limits = limits;
  }

  get owners(): number {
    return this.#budgets.size;
  }

  /** Spends one; false when nothing is left. */
  spend(owner: string, now: number): boolean {
    const { burst, perSecond } = this.#limits;
    const budget = this.#budgets.get(owner) ?? this.#open(now);
    budget.left = Math.min(burst, budget.left + ((now - budget.at) / 1_000) * perSecond);
    budget.at = now;
    this.#budgets.delete(owner);
    this.#budgets.set(owner, budget);
    if (budget.left < 1) return false;
    budget.left -= 1;
    return true;
  }

  #open(now: number): Budget {
    const { burst, maxOwners } = this.#limits;
    if (this.#budgets.size < maxOwners) return { left: burst, at: now };
    const oldest = this.#budgets.keys().next().value;
    if (oldest !== undefined) this.#budgets.delete(oldest);
    return { left: 0, at: now };
  }
}
