/**
 * Case folding by which Sigma's case-insensitive comparisons are made: simple lower-casing of each character by
 * itself. `String.prototype.toLowerCase` differs in the final sigma, which would depend on its neighbours, and the
 * dotted capital I, which would become two characters; the long s is an s, as for regular expressions.
 */
export function foldCase(text: string): string {
  const lower = (text.includes('\u0130') ? text.replaceAll('\u0130', 'i') : text).toLowerCase();
  // On a text of Latin-1 characters these searches end at once.
  const sigma = lower.includes('\u03c2') ? lower.replaceAll('\u03c2', '\u03c3') : lower;
  return sigma.includes('\u017f') ? sigma.replaceAll('\u017f', 's') : sigma;
}

const DASHES = /[/\u2013\u2014\u2015]/g;

/** Maps the characters that `windash` treats alike (`- / – — ―`) to `-`. */
export function foldDashes(text: string): string {
  return text.replace(DASHES, '-');
}

/** The characters that `windash` treats alike. */
export const WINDOWS_DASHES = ['-', '/', '\u2013', '\u2014', '\u2015'] as const;
