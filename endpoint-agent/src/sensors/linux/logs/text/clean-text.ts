/** Longest line that is taken whole, in bytes; the rest of a longer one is left out. */
export const LINE_BYTES = 65_536;

/** Control characters but the tab, separators of lines and paragraphs, and marks that turn the writing's direction. */
const HOSTILE = /[^\t\P{Cc}]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r' };

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Text of a log as it can be shown and compared safely: no NULs (they hide a word from a search, and a terminal
 * does not show them), other control characters and direction marks as visible escapes, so that neither a
 * forged second line nor an escape sequence gets any further.
 */
export function cleanText(text: string): string {
  return text.replace(HOSTILE, (character) => {
    const code = character.charCodeAt(0);
    if (code === 0) return '';
    const named = NAMED[character];
    if (named !== undefined) return named;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** Bytes that claim to be UTF-8. What is not becomes U+FFFD. */
export function decodeLine(bytes: Uint8Array): string {
  return cleanText(decoder.decode(bytes));
}
