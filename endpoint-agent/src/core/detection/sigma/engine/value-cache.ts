/** Bounds of one field's cache: values of one generation (two are held), and the longest value kept. */
const GENERATION = 1_024;
const LONGEST = 1_024;
/** After these many look-ups a cache that answers too few of them is given up. */
const TRIAL = 4_096;
const WORTHWHILE = 0.25;

/**
 * Remembers which signals a field's value raises: images, users and companies come again and again. When a
 * generation is full it becomes the old one, and the old one is forgotten; what is asked for moves to the new one.
 */
export class ValueCache {
  #young = new Map<string, Int32Array>();
  #old = new Map<string, Int32Array>();
  #asked = 0;
  #answered = 0;
  #enabled = true;

  accepts(value: string): boolean {
    return this.#enabled && value.length <= LONGEST;
  }

  get(value: string): Int32Array | undefined {
    this.#asked += 1;
    const young = this.#young.get(value);
    const signals = young ?? this.#old.get(value);
    if (signals === undefined) {
      if (this.#asked >= TRIAL) this.#review();
      return undefined;
    }
    this.#answered += 1;
    if (young === undefined) this.set(value, signals);
    return signals;
  }

  set(value: string, signals: Int32Array): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(value, signals);
  }

  #review(): void {
    if (this.#answered < this.#asked * WORTHWHILE) {
      this.#enabled = false;
      this.#young = new Map();
      this.#old = new Map();
    }
    this.#asked = 0;
    this.#answered = 0;
  }
}
