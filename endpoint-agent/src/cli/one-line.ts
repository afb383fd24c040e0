/**
 * Strings of processes and files as a terminal may show them: control characters (which could steer it) and
 * marks of direction (which could turn the text around) are written as escapes.
 */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, (char) =>
    char === '\n' ? '\\n' : `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
