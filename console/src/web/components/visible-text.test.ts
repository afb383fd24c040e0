import { describe, expect, test } from 'vitest';
import { visiblePieces, visibleText } from './visible-text.ts';

describe('foreign strings', () => {
  test.each([
    ['plain 日本語 text', 'plain 日本語 text'],
    ['line\nbreak\r\ttab\0', 'line\\nbreak\\r\\ttab\\0'],
    ['invoice\u202Efdp.exe', 'invoice\\u202efdp.exe'],
    ['zero\u200Bwidth\u2060and\uFEFFmark', 'zero\\u200bwidth\\u2060and\\ufeffmark'],
    ['no-break\u00A0space', 'no-break\\u00a0space'],
    ['line\u2028paragraph\u2029', 'line\\u2028paragraph\\u2029'],
    ['escape\u001b[31m', 'escape\\u001b[31m'],
    ['lone\uD800surrogate', 'lone\\ud800surrogate'],
    ['tag\u{E0041}', 'tag\\u{e0041}'],
    ['hangul\u3164filler', 'hangul\\u3164filler'],
    ['<img onerror=alert(1)>', '<img onerror=alert(1)>'],
    ['emoji 😀 stays', 'emoji 😀 stays'],
  ])('%j reads %j', (text, expected) => {
    expect(visibleText(text)).toBe(expected);
  });

  test('escapes are pieces of their own, and nothing of the text is lost', () => {
    expect(visiblePieces('a\nb')).toEqual([
      { at: 0, text: 'a', escaped: false },
      { at: 1, text: '\\n', escaped: true },
      { at: 2, text: 'b', escaped: false },
    ]);
  });

  test('a backslash that the string had itself is no escape', () => {
    expect(visiblePieces('a\\nb')).toEqual([{ at: 0, text: 'a\\nb', escaped: false }]);
  });

  test('is cut at its limit and says so', () => {
    expect(visibleText('x'.repeat(300), 10)).toBe(`${'x'.repeat(10)}…`);
  });

  test('stays linear for the longest field of the protocol', () => {
    const started = performance.now();
    visiblePieces('\u202E'.repeat(32_768));
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
