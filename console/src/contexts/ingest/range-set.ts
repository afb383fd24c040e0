import type { SequenceRange } from './api.ts';

/**
 * A set of sequences as sorted, disjoint, inclusive ranges. At most `maxRanges` are remembered: beyond that
 * the lowest are forgotten, never invented, so that a forgotten sequence may be taken again (which has no
 * second effect) but none is ever taken for received that was not.
 */
export class RangeSet {
  readonly #ranges: [number, number][];
  readonly #maxRanges: number;

  constructor(ranges: readonly SequenceRange[], maxRanges: number) {
    this.#ranges = ranges.map(([from, to]) => [from, to]);
    this.#maxRanges = maxRanges;
  }

  copy(): RangeSet {
    return new RangeSet(this.#ranges, this.#maxRanges);
  }

  get ranges(): readonly SequenceRange[] {
    return this.#ranges;
  }

  /** 0 for an empty set. */
  get highest(): number {
    return this.#ranges.at(-1)?.[1] ?? 0;
  }

  has(sequence: number): boolean {
    const range = this.#ranges[this.#position(sequence) - 1];
    return range !== undefined && sequence <= range[1];
  }

  /** Returns false if it was in the set already. */
  add(sequence: number): boolean {
    const position = this.#position(sequence);
    const below = this.#ranges[position - 1];
    if (below !== undefined && sequence <= below[1]) return false;
    const above = this.#ranges[position];
    const joinsBelow = below !== undefined && below[1] === sequence - 1;
    const joinsAbove = above !== undefined && above[0] === sequence + 1;
    if (joinsBelow && joinsAbove) {
      below[1] = above[1];
      this.#ranges.splice(position, 1);
    } else if (joinsBelow) {
      below[1] = sequence;
    } else if (joinsAbove) {
      above[0] = sequence;
    } else {
      this.#ranges.splice(position, 0, [sequence, sequence]);
      if (this.#ranges.length > this.#maxRanges) this.#ranges.shift();
    }
    return true;
  }

  /** Index of the first range that begins above `sequence`. */
  #position(sequence: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range[0] <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The ranges that cover exactly these sequences, in any order and with repetitions. */
export function rangesOf(sequences: readonly number[]): SequenceRange[] {
  const set = new RangeSet([], Number.POSITIVE_INFINITY);
  for (const sequence of sequences) set.add(sequence);
  return [...set.ranges];
}
