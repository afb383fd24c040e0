import { foldCase } from '../case-folding.ts';

/** Last character that is not `wide`. */
export const LAST_NARROW = 0x7f;
/** Stand before and after every text, so that short anchored literals have a gram too. */
export const TEXT_START = 2;
export const TEXT_END = 3;
/** Buffer that is kept; longer texts get one of their own. In UTF-16 code units. */
const KEPT = 16_384;

/** Part of every JavaScript runtime (Encoding standard), but of none of the type libraries that the core is built with. */
declare const TextEncoder: new () => {
  encodeInto(source: string, destination: Uint8Array): { readonly read: number; readonly written: number };
};
const ENCODER = new TextEncoder();

/**
 * A text folded for comparison, as bytes in memory that is used again: reading them costs a fraction of reading
 * them from a string. The byte after the last is `TEXT_END`.
 */
export class FoldedText {
  /** The low byte of each UTF-16 code unit. */
  bytes = new Uint8Array(KEPT);
  length = 0;
  /** It has characters beyond ASCII, so that bytes do not say all. */
  wide = false;
  folded = '';

  /** Takes the text that follows; it may be folded already. */
  load(text: string): void {
    const { length } = text;
    if (length >= KEPT) this.bytes = new Uint8Array(length + 1);
    else if (this.bytes.length > KEPT) this.bytes = new Uint8Array(KEPT);
    const { bytes } = this;
    // Of a text of ASCII this is all of folding, and every other has more bytes than code units; those may just
    // fill the buffer, so that the text was not read to its end.
    let folded = text.toLowerCase();
    const { read, written } = ENCODER.encodeInto(folded, bytes);
    this.wide = folded.length !== length || read !== length || written !== length;
    if (this.wide) {
      folded = foldCase(text);
      for (let i = 0; i < length; i += 1) bytes[i] = folded.charCodeAt(i);
    }
    bytes[length] = TEXT_END;
    this.length = length;
    this.folded = folded;
  }
}
