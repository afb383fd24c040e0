/** Values that are remembered, as a power of two, and the longest of them. */
const PLACES = 4_096;
const LONGEST = 512;
/** The characters before an extension of three, counted from the end. */
const NAME_START = 4;
const NAME_END = 8;
const MULTIPLIER = 0x9e3779b1;

/** Signals that a value raises in one field. */
interface Remembered {
  readonly field: number;
  readonly value: string;
  readonly signals: readonly number[];
}

/**
 * Remembers which signals the values of fields raise: images, users and companies come again and again. Each value
 * has one place, decided by a few of its characters; the value that comes later takes it. Who makes values that
 * share a place gains nothing but the search that they would cost anyhow.
 */
export class ValueCache {
  readonly #places: (Remembered | undefined)[] = Array.from({ length: PLACES }, () => undefined);

  accepts(value: string): boolean {
    return value.length <= LONGEST;
  }

  /** `field` is any number that tells the fields of all who share the cache apart. */
  get(field: number, value: string): readonly number[] | undefined {
    const found = this.#places[placeOf(field, value)];
    return found !== undefined && found.field === field && found.value === value ? found.signals : undefined;
  }

  set(field: number, value: string, signals: readonly number[]): void {
    this.#places[placeOf(field, value)] = { field, value, signals };
  }
}

/** Names of programs differ before their extension, hashes and versions anywhere. */
function placeOf(field: number, value: string): number {
  const { length } = value;
  const step = 1 + (length >>> 3);
  let hash = Math.imul(field + 1, MULTIPLIER) + length;
  for (let at = length - 1; at >= 0; at -= step) hash = Math.imul(hash ^ value.charCodeAt(at), MULTIPLIER);
  if (length > NAME_END) {
    for (let at = length - NAME_END; at < length - NAME_START; at += 1) {
      hash = Math.imul(hash ^ value.charCodeAt(at), MULTIPLIER);
    }
  }
  return (hash ^ (hash >>> 15)) & (PLACES - 1);
}
