import { foldCase, foldDashes } from './case-folding.ts';
import { type Scalar, toScalar } from './scalar.ts';

/**
 * What the engine needs of an event. Log sources that the protocol does not carry (other products, registry and
 * image loads of recorded Windows logs) are evaluated too, so this is wider than the protocol's `Event`.
 */
export interface EvaluatedEvent {
  readonly logsource: {
    readonly product: string;
    readonly category?: string | undefined;
    readonly service?: string | undefined;
  };
  /** Milliseconds since the epoch. */
  readonly time?: number | undefined;
  /** Milliseconds since boot. */
  readonly bootTime?: number | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** How a value is folded before it is compared. */
export const FOLDS = ['case', 'none', 'case-and-dashes', 'dashes'] as const;
export type Fold = (typeof FOLDS)[number];

export function foldOf(predicate: { readonly cased: boolean; readonly windash: boolean }): Fold {
  if (predicate.cased) return predicate.windash ? 'dashes' : 'none';
  return predicate.windash ? 'case-and-dashes' : 'case';
}

/** Numbers the fields that rules ask for. */
export class FieldTable {
  readonly #slots = new Map<string, number>();
  readonly names: string[] = [];

  slotOf(name: string): number {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    const slot = this.names.length;
    this.#slots.set(name, slot);
    this.names.push(name);
    return slot;
  }

  lookUp(name: string): number | undefined {
    return this.#slots.get(name);
  }
}

const NO_SLOT = -1;
/** Fields of an event whose slots are remembered by their place. */
const REMEMBERED = 64;

/**
 * One event at a time, by slot. Texts are folded when first asked for and kept until the next event. Reads own
 * enumerable properties only, so a field called `__proto__` is a field like any other.
 */
export class EventView {
  readonly #table: FieldTable;
  #epoch = 0;
  #seen = new Int32Array(0);
  #values: (Scalar | undefined)[] = [];
  readonly #folded: Record<Fold, { readonly epochs: number[]; readonly texts: string[] }> = {
    case: { epochs: [], texts: [] },
    none: { epochs: [], texts: [] },
    'case-and-dashes': { epochs: [], texts: [] },
    dashes: { epochs: [], texts: [] },
  };
  #fields: Readonly<Record<string, unknown>> = {};
  /** Values of fields that no rule asks for by name. */
  readonly #unnamed: Scalar[] = [];
  /** Names of the last event's fields in their order, and their slots. */
  readonly #names: string[] = [];
  readonly #slots: number[] = [];

  constructor(table: FieldTable) {
    this.#table = table;
  }

  load(fields: Readonly<Record<string, unknown>>): void {
    this.#epoch += 1;
    this.#fields = fields;
    this.#unnamed.length = 0;
    if (this.#seen.length < this.#table.names.length) {
      this.#seen = new Int32Array(this.#table.names.length);
    }
    const names = Object.keys(fields);
    // Far cheaper than reading one field after the other.
    const contents = Object.values(fields);
    const seen = this.#seen;
    const values = this.#values;
    const unnamed = this.#unnamed;
    const knownNames = this.#names;
    const knownSlots = this.#slots;
    const epoch = this.#epoch;
    for (let i = 0; i < names.length; i += 1) {
      const name = names[i] as string;
      const slot = i < knownNames.length && knownNames[i] === name ? (knownSlots[i] as number) : this.#slotOf(name, i);
      const value = toScalar(contents[i]);
      if (slot !== NO_SLOT) {
        seen[slot] = epoch;
        values[slot] = value;
      } else if (value !== undefined) {
        unnamed.push(value);
      }
    }
  }

  /** Events of one sensor have the same fields in the same order, so each is looked up where the last one had it. */
  #slotOf(name: string, at: number): number {
    const slot = this.#table.lookUp(name) ?? NO_SLOT;
    if (at < REMEMBERED) {
      this.#names[at] = name;
      this.#slots[at] = slot;
    }
    return slot;
  }

  /** The event has the field, whatever its value. */
  has(slot: number): boolean {
    return this.#seen[slot] === this.#epoch;
  }

  value(slot: number): Scalar | undefined {
    return this.#seen[slot] === this.#epoch ? this.#values[slot] : undefined;
  }

  text(slot: number, fold: Fold): string | undefined {
    const value = this.value(slot);
    if (value === undefined) return undefined;
    const cache = this.#folded[fold];
    if (cache.epochs[slot] === this.#epoch) return cache.texts[slot];
    const text = foldValue(value, fold);
    cache.epochs[slot] = this.#epoch;
    cache.texts[slot] = text;
    return text;
  }

  /** Takes a value's text, folded by case, that was needed elsewhere. */
  keepFolded(slot: number, text: string): void {
    this.#folded.case.epochs[slot] = this.#epoch;
    this.#folded.case.texts[slot] = text;
  }

  /** Values of the fields that have no slot. */
  unnamedValues(): readonly Scalar[] {
    return this.#unnamed;
  }

  /** Every value of the event, for keywords. */
  values(): readonly Scalar[] {
    return this.entries().map(([, value]) => value);
  }

  /** Names and values, for what is reported of keywords. */
  entries(): readonly (readonly [string, Scalar])[] {
    const entries: [string, Scalar][] = [];
    for (const name of Object.keys(this.#fields)) {
      const value = toScalar(this.#fields[name]);
      if (value !== undefined) entries.push([name, value]);
    }
    return entries;
  }
}

export function foldValue(value: Scalar, fold: Fold): string {
  const text = typeof value === 'string' ? value : String(value);
  switch (fold) {
    case 'case':
      return foldCase(text);
    case 'none':
      return text;
    case 'case-and-dashes':
      return foldDashes(foldCase(text));
    case 'dashes':
      return foldDashes(text);
  }
}
