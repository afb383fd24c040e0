/** A field's value as rules see it. `null` is what some logs write for "no value". */
export type Scalar = string | number | boolean;

/**
 * The value of a field if it is one that rules can compare; objects, arrays and functions are none.
 * Total: no input makes it throw.
 */
export function toScalar(value: unknown): Scalar | undefined {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    case 'bigint':
      return value.toString();
    default:
      return undefined;
  }
}

const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEXADECIMAL = /^0[xX][0-9a-fA-F]+$/;
/** Longest text that can be a number; anything longer is text. */
const NUMBER_LENGTH = 64;

/** The number that a value is or spells (`4688`, `"4688"`, `"0x17"`), else undefined. Booleans are no numbers. */
export function toNumber(value: Scalar): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || value.length === 0 || value.length > NUMBER_LENGTH) return undefined;
  if (!DECIMAL.test(value) && !HEXADECIMAL.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}
