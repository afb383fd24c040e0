export interface FairQueueLimits {
  /** Items of all owners together. */
  readonly maxItems: number;
  /** Owners with a queue of their own; those beyond share one. */
  readonly maxOwners: number;
}

interface Line<T> {
  readonly owner: string;
  items: T[];
  head: number;
  /** What it may still take in this round; negative after something that cost more than it was given. */
  deficit: number;
}

/** Debts beyond this many rounds are forgotten, so that one costly item does not shut its owner out for long. */
const MAX_DEBT = 32;
/** Places of items that have left, before they are given back. */
const COMPACT_AT = 64;
/** Of owners beyond the bound; no owner's name. */
const THE_REST = '\0rest';

/**
 * A queue with a line for each owner, served in turns (deficit round robin): a thousand items of one owner make
 * another's only item wait for one. When it is full the longest line loses its newest item. Within a line the order
 * stays. Each step costs well under a microsecond, and a walk over the owners only when it is full.
 */
export class FairQueue<T extends object> {
  readonly #limits: FairQueueLimits;
  readonly #lines = new Map<string, Line<T>>();
  /** Lines in the order of their turns; the first is served now. */
  #turns: Line<T>[] = [];
  #size = 0;

  constructor(limits: FairQueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  get owners(): number {
    return this.#lines.size;
  }

  /** Whether something added for this owner would cost him an item at once. */
  isCrowdedBy(owner: string): boolean {
    if (this.#size < this.#limits.maxItems) return false;
    const line = this.#lines.get(owner);
    return line !== undefined && line === this.#longest();
  }

  /** Returns what had to give way, if anything; it may be the item itself. */
  add(owner: string, item: T): T | undefined {
    const line = this.#lineOf(owner);
    line.items.push(item);
    this.#size += 1;
    if (this.#size <= this.#limits.maxItems) return undefined;
    const longest = this.#longest() ?? line;
    this.#size -= 1;
    const dropped = longest.items.pop();
    this.#closeIfEmpty(longest);
    return dropped;
  }

  /** The next item whose turn it is; `isReady` may hold back a whole line by its first item. */
  take(isReady: (item: T) => boolean = () => true): T | undefined {
    let held = 0;
    // Debts are worked off within so many rounds.
    for (let visits = this.#turns.length * (MAX_DEBT + 2); visits > 0; visits -= 1) {
      const line = this.#turns[0];
      const item = line?.items[line.head];
      if (!line || item === undefined) return undefined;
      const ready = isReady(item);
      if (ready && line.deficit > 0) return this.#serve(line, item);
      this.#next(line);
      held = ready ? 0 : held + 1;
      if (held >= this.#turns.length) return undefined;
    }
    return undefined;
  }

  /** An item of this owner's has cost more than one turn: his next turns are passed over instead. */
  charge(owner: string, turns: number): void {
    const line = this.#lines.get(owner) ?? this.#lines.get(THE_REST);
    if (line) line.deficit = Math.max(-MAX_DEBT, line.deficit - turns);
  }

  /** Everything that is left, line by line. */
  drain(): T[] {
    const left = this.#turns.flatMap(({ items, head }) => items.slice(head));
    this.#lines.clear();
    this.#turns = [];
    this.#size = 0;
    return left;
  }

  #serve(line: Line<T>, item: T): T {
    line.deficit -= 1;
    line.head += 1;
    this.#size -= 1;
    if (line.head >= COMPACT_AT && line.head * 2 > line.items.length) {
      line.items = line.items.slice(line.head);
      line.head = 0;
    }
    this.#next(line);
    this.#closeIfEmpty(line);
    return item;
  }

  /** Puts the line at the end and gives it what a round gives. */
  #next(line: Line<T>): void {
    if (this.#turns.length > 1) {
      this.#turns.shift();
      this.#turns.push(line);
    }
    line.deficit = Math.min(1, line.deficit + 1);
  }

  #lineOf(owner: string): Line<T> {
    const known = this.#lines.get(owner);
    if (known) return known;
    if (owner !== THE_REST && this.#lines.size >= this.#limits.maxOwners) return this.#lineOf(THE_REST);
    const line: Line<T> = { owner, items: [], head: 0, deficit: 1 };
    this.#lines.set(owner, line);
    this.#turns.push(line);
    return line;
  }

  #longest(): Line<T> | undefined {
    let longest: Line<T> | undefined;
    for (const line of this.#turns) if (!longest || lengthOf(line) > lengthOf(longest)) longest = line;
    return longest;
  }

  #closeIfEmpty(line: Line<T>): void {
    if (lengthOf(line) > 0) return;
    this.#lines.delete(line.owner);
    this.#turns = this.#turns.filter((other) => other !== line);
  }
}

function lengthOf<T>({ items, head }: Line<T>): number {
  return items.length - head;
}
