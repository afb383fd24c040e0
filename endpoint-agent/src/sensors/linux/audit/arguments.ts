import { encodeText } from '../../../native/path-bytes.ts';
import { decimal, fieldsOf, stringBytes } from './record.ts';

/** Of one command line; the system's own limit for arguments and environment is 2 MiB by default. */
const MAX_BYTES = 2 * 1024 * 1024;
const MAX_ARGUMENTS = 65_536;
const NAME = /^a(\d{1,7})(?:\[(\d{1,7})\]|(_len))?$/;

interface Argument {
  readonly parts: Map<number, Buffer>;
  bytes: number;
  /** Characters as the kernel writes them: two per byte when the argument is in hexadecimal. */
  writtenLength?: number;
  isHex?: boolean;
}

/**
 * Puts the argument vector of one execve together from its EXECVE records: `a0="ls"`, `a1=2F746D70` or, for
 * a long argument, `a2_len=20000 a2[0]=... a2[1]=...`, spread over as many records as it takes.
 */
export class ArgumentVector {
  #expected: number | undefined;
  #bytes = 0;
  #cut = false;
  /** Made when first asked for, by whoever speaks of the call. */
  #values: readonly string[] | undefined;
  readonly #arguments = new Map<number, Argument>();

  /** Adds one EXECVE record's fields. */
  add(text: string, bodyAt: number): void {
    this.#values = undefined;
    for (const [name, raw] of fieldsOf(text, bodyAt)) {
      if (name === 'argc') this.#expected ??= decimal(raw);
      else this.#addField(name, raw);
    }
  }

  /** True once every argument is here in full length (or the bound is reached and no more is kept). */
  get complete(): boolean {
    if (this.#cut) return true;
    if (this.#expected === undefined || this.#arguments.size < this.#expected) return false;
    return [...this.#arguments.values()].every(isWhole);
  }

  /** The arguments in order, as text in the form of `path-bytes.ts`. */
  values(): readonly string[] {
    this.#values ??= [...this.#arguments]
      .sort(([a], [b]) => a - b)
      .map(([, { parts }]) => encodeText(Buffer.concat([...parts].sort(([a], [b]) => a - b).map(([, part]) => part))));
    return this.#values;
  }

  #addField(name: string, raw: string): void {
    const match = NAME.exec(name);
    if (!match) return;
    const argument = this.#argument(Number(match[1]));
    if (!argument) return;
    if (match[3]) {
      const length = decimal(raw);
      if (length !== undefined) argument.writtenLength = length;
      return;
    }
    const bytes = stringBytes(raw) ?? Buffer.alloc(0);
    if (this.#bytes + bytes.length > MAX_BYTES) {
      this.#cut = true;
      return;
    }
    const part = Number(match[2] ?? 0);
    if (part === 0) argument.isHex = !raw.startsWith('"');
    this.#bytes += bytes.length;
    argument.bytes += bytes.length;
    argument.parts.set(part, bytes);
  }

  #argument(index: number): Argument | undefined {
    const known = this.#arguments.get(index);
    if (known) return known;
    if (this.#arguments.size >= MAX_ARGUMENTS) {
      this.#cut = true;
      return undefined;
    }
    const argument: Argument = { parts: new Map(), bytes: 0 };
    this.#arguments.set(index, argument);
    return argument;
  }
}

function isWhole({ parts, bytes, writtenLength, isHex }: Argument): boolean {
  if (writtenLength === undefined) return parts.size > 0;
  return isHex !== undefined && bytes >= (isHex ? Math.floor(writtenLength / 2) : writtenLength);
}

/** Arguments joined as `ps` shows them, which is what public rules for Linux match on. */
export function joinArguments(values: readonly string[]): string {
  return values.join(' ');
}

/** True when the joined form does not say where one argument ends and the next begins. */
export function isAmbiguousJoined(values: readonly string[]): boolean {
  return values.some((value) => value === '' || /\s/.test(value));
}
