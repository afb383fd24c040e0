/**
 * A map that forgets its least recently set entries beyond a bound, and counts them. It keeps two
 * generations of at most half the bound each and drops the older one as a whole: deleting from the front of
 * a `Map` one by one costs a walk over all earlier deletions.
 */
export class BoundedMap<K, V> {
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  readonly #half: number;
  evicted = 0;

  constructor(limit: number) {
    this.#half = Math.max(1, Math.floor(limit / 2));
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: K): V | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** Makes the entry a recent one. */
  set(key: K, value: V): void {
    this.#old.delete(key);
    this.#young.set(key, value);
    if (this.#young.size < this.#half) return;
    this.evicted += this.#old.size;
    this.#old = this.#young;
    this.#young = new Map();
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** The entries that the predicate names. Walks through all of them. */
  entriesWhere(predicate: (value: V, key: K) => boolean): [K, V][] {
    return [...this.#old, ...this.#young].filter(([key, value]) => predicate(value, key));
  }

  /** Deletes every entry that the predicate names; not counted as evicted. */
  deleteWhere(predicate: (value: V, key: K) => boolean): void {
    for (const generation of [this.#young, this.#old]) {
      for (const [key, value] of generation) if (predicate(value, key)) generation.delete(key);
    }
  }
}
