import { describe, expect, test } from 'vitest';
import { cleanText, decodeLine, LINE_BYTES } from './clean-text.ts';
import { countLines, splitLines } from './split-lines.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const texts = (lines: readonly Uint8Array[]): string[] => lines.map((line) => Buffer.from(line).toString('latin1'));

describe('hostile text', () => {
  test.each([
    ['a NUL within a word', 'Acc\u0000epted', 'Accepted'],
    ['a second line', 'x\nNov 24 20:33:01 h sshd[1]: Accepted', 'x\\nNov 24 20:33:01 h sshd[1]: Accepted'],
    ['an escape sequence', '\u001b[2J\u001b]0;title\u0007', '\\x1b[2J\\x1b]0;title\\x07'],
    ['C1 controls', '\u009b31m', '\\x9b31m'],
    ['turned writing', 'user\u202egnp.exe', 'user\\u202egnp.exe'],
    ['tabs and Japanese stay', '\t見積書 😀', '\t見積書 😀'],
    ['carriage returns', 'a\rb', 'a\\rb'],
  ])('%s', (_name, text, expected) => expect(cleanText(text)).toBe(expected));

  test('bytes that are no UTF-8 become replacement characters, and no byte order mark is swallowed', () => {
    expect(decodeLine(Uint8Array.of(0x41, 0xff, 0xc3, 0x28))).toBe('A\ufffd\ufffd(');
    expect(decodeLine(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41))).toBe('\ufeffA');
    expect(decodeLine(Uint8Array.of(0xed, 0xa0, 0x80)).isWellFormed()).toBe(true);
  });
});

describe('lines', () => {
  test('a line without its end stays for the next time', () => {
    expect(splitLines(bytes('one\ntwo\r\n\nthr'), false, 10)).toMatchObject({ consumed: 10, midLine: false });
    expect(texts(splitLines(bytes('one\ntwo\r\n\nthr'), false, 10).lines)).toEqual(['one', 'two']);
  });

  test('no more than were asked for', () => {
    const split = splitLines(bytes('1\n2\n3\n'), false, 2);
    expect(texts(split.lines)).toEqual(['1', '2']);
    expect(split.consumed).toBe(4);
  });

  test('of a gigantic line the start, and nothing of the rest', () => {
    const whole = bytes(`${'x'.repeat(LINE_BYTES + 5_000)}\nnext\n`);
    const split = splitLines(whole, false, 10);
    expect(texts(split.lines)).toEqual(['x'.repeat(LINE_BYTES), 'next']);
    expect(split).toMatchObject({ consumed: whole.length, midLine: false });
  });

  test('the rest of a gigantic line may come much later', () => {
    const first = splitLines(bytes('x'.repeat(LINE_BYTES + 1)), false, 10);
    expect(first).toMatchObject({ consumed: LINE_BYTES + 1, midLine: true });
    expect(splitLines(bytes('x'.repeat(1_000)), true, 10)).toEqual({ lines: [], consumed: 1_000, midLine: true });
    expect(texts(splitLines(bytes('xx\nnext\n'), true, 10).lines)).toEqual(['next']);
  });

  test('a hole of NULs before a line is no part of it', () => {
    expect(texts(splitLines(Buffer.concat([Buffer.alloc(100_000), bytes('after\n')]), false, 10).lines)).toEqual([
      'after',
    ]);
    expect(splitLines(Buffer.alloc(100_000), false, 10)).toEqual({ lines: [], consumed: 100_000, midLine: false });
  });

  test('counts', () => expect(countLines(bytes('\na\nb\nc'))).toBe(3));
});
