/** A piece of a string that came from an endpoint: shown as it is, or as an escape that can be seen. */
export interface VisiblePiece {
  /** Where it begins in the foreign string. */
  readonly at: number;
  readonly text: string;
  readonly escaped: boolean;
}

/**
 * Control characters, line ends, marks that turn the direction of writing, invisible formatting and lone
 * surrogates: all that can make a name look like another one or break a line.
 */
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\u115f\u1160\u3164\uffa0]|\u034f|[\u180b-\u180f]|[\ufe00-\ufe0f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|[\u00a0\u1680\u2000-\u200a\u202f\u205f]/gu;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' };

function escapeOf(character: string): string {
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Splits a foreign string into plain and escaped pieces, at most `limit` UTF-16 units of it. */
export function visiblePieces(text: string, limit = 32_768): readonly VisiblePiece[] {
  const shown = text.length > limit ? text.slice(0, limit) : text;
  const pieces: VisiblePiece[] = [];
  let from = 0;
  for (const match of shown.matchAll(INVISIBLE)) {
    if (match.index > from) pieces.push({ at: from, text: shown.slice(from, match.index), escaped: false });
    pieces.push({ at: match.index, text: escapeOf(match[0]), escaped: true });
    from = match.index + match[0].length;
  }
  if (from < shown.length) pieces.push({ at: from, text: shown.slice(from), escaped: false });
  return pieces;
}

/** A foreign string as one plain line in which nothing is invisible; cut to `limit` with an ellipsis. */
export function visibleText(text: string, limit = 256): string {
  const joined = visiblePieces(text, limit)
    .map((piece) => piece.text)
    .join('');
  return text.length > limit ? `${joined}…` : joined;
}
