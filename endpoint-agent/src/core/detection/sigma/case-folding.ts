/**
 * Case folding by which Sigma's case-insensitive comparisons are made: simple lower-casing of each character
 * by itself. `String.prototype.toLowerCase` differs in two characters, whose result would depend on their
 * neighbours or change the length: the final sigma and the dotted capital I.
 */
export function foldCase(text: string): string {
  const dotted = text.includes('\u0130') ? text.replaceAll('\u0130', 'i') : text;
  const lower = dotted.toLowerCase();
  return lower.includes('\u03c2') ? lower.replaceAll('\u03c2', '\u03c3') : lower;
}

const DASHES = /[/\u2013\u2014\u2015]/g;

/** Maps the characters that `windash` treats alike (`- / – — ―`) to `-`. */
export function foldDashes(text: string): string {
  return text.replace(DASHES, '-');
}

/** The characters that `windash` treats alike. */
export const WINDOWS_DASHES = ['-', '/', '\u2013', '\u2014', '\u2015'] as const;
