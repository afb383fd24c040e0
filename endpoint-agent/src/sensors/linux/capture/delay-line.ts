/**
 * Holds what came from one kernel interface for a moment, so that what another one has to say of the same
 * process comes first: the kernel hands audit records to us from a thread of its own, a few milliseconds
 * after the act.
 */
export class DelayLine<T> {
  readonly #delayMs: number;
  readonly #monotonic: () => number;
  readonly #deliver: (item: T) => void;
  #items: { readonly item: T; readonly due: number }[] = [];

  constructor(delayMs: number, monotonic: () => number, deliver: (item: T) => void) {
    this.#delayMs = delayMs;
    this.#monotonic = monotonic;
    this.#deliver = deliver;
  }

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    this.#items.push({ item, due: this.#monotonic() + this.#delayMs });
  }

  /** Delivers what has waited long enough, in order. */
  flush(): void {
    const now = this.#monotonic();
    let count = 0;
    while (count < this.#items.length && (this.#items[count]?.due ?? 0) <= now) count += 1;
    this.#release(count);
  }

  /** Delivers everything: at the end. */
  drain(): void {
    this.#release(this.#items.length);
  }

  #release(count: number): void {
    if (count === 0) return;
    const ready = this.#items.splice(0, count);
    for (const { item } of ready) this.#deliver(item);
  }
}
