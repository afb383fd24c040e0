import { describe, expect, test } from 'vitest';
import { decodePath, encodePath, encodeText } from './path-bytes.ts';

describe('names as bytes', () => {
  test.each([
    ['plain', Buffer.from('/etc/passwd'), '/etc/passwd'],
    ['Japanese', Buffer.from('/家/報告書.txt'), '/家/報告書.txt'],
    ['a newline', Buffer.from('/tmp/a\nb'), '/tmp/a\\x0ab'],
    ['a C1 control', Buffer.from('a\u0085b'), 'a\\xc2\\x85b'],
    ['a lone invalid byte', Buffer.from([0x2f, 0xff, 0x61]), '/\\xffa'],
    ['a cut sequence at the end', Buffer.from([0x61, 0xe3, 0x81]), 'a\\xe3\\x81'],
    ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80]), '\\xed\\xa0\\x80'],
    ['a literal escape', Buffer.from('/tmp/\\x41'), '/tmp/\\x5cx41'],
    ['a backslash that escapes nothing', Buffer.from('/tmp/\\xzz\\n'), '/tmp/\\xzz\\n'],
    ['a four-byte character after an invalid byte', Buffer.from([0x80, 0xf0, 0x9f, 0x98, 0x80]), '\\x80😀'],
  ])('%s is readable and comes back', (_name, bytes, text) => {
    expect(encodePath(bytes)).toBe(text);
    expect(decodePath(text)).toEqual(bytes);
  });

  test('text keeps its newlines', () => {
    expect(encodeText(Buffer.from('a\nb'))).toBe('a\nb');
  });

  test('every byte string of a seeded sample comes back, and no two share a form', () => {
    let state = 42;
    const next = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 8;
    };
    const alphabet = [0x5c, 0x78, 0x35, 0x63, 0xe3, 0x81, 0x82, 0xff, 0x0a, 0xf0, 0x9f, 0x98, 0x80, 0xed, 0xa0, 0x41];
    const seen = new Map<string, string>();
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = Buffer.from(Array.from({ length: 1 + (next() % 8) }, () => alphabet[next() % 16] ?? 0));
      for (const form of [encodePath(bytes), encodeText(bytes)]) {
        expect(decodePath(form).equals(bytes)).toBe(true);
      }
      const path = encodePath(bytes);
      expect(seen.get(path) ?? bytes.toString('hex')).toBe(bytes.toString('hex'));
      seen.set(path, bytes.toString('hex'));
      expect(path.isWellFormed()).toBe(true);
    }
  });
});
