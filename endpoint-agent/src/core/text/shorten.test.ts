import { describe, expect, test } from 'vitest';
import { jsonBytes, jsonStringBytes, shorten, shortenToJsonBytes } from './shorten.ts';

const SAMPLES = ['', 'plain', 'q"b\\', '\u0000\n\u001b', 'é', '日本語', '😀', '\ud800', 'a\u202eb', '\u2028'];
const bytesOf = (text: string): number => new TextEncoder().encode(JSON.stringify(text)).length;

describe('shorten', () => {
  test('keeps what fits and never splits a surrogate pair', () => {
    expect(shorten('abc', 3)).toBe('abc');
    expect(shorten('abc', 2)).toBe('ab');
    expect(shorten('a😀', 2)).toBe('a');
    expect(shorten('a😀', 3)).toBe('a😀');
    expect(shorten('😀', 0)).toBe('');
  });
});

describe('bytes of JSON', () => {
  test.each(SAMPLES)('counts at least what %j takes', (text) => {
    expect(jsonStringBytes(text)).toBeGreaterThanOrEqual(bytesOf(text));
    expect(jsonBytes({ text, n: 1 })).toBe(new TextEncoder().encode(JSON.stringify({ text, n: 1 })).length);
  });
  test('shortens to a budget', () => {
    for (const text of SAMPLES.map((sample) => sample.repeat(100))) {
      for (const budget of [2, 3, 7, 50, 199]) {
        const short = shortenToJsonBytes(text, budget);
        expect(bytesOf(short)).toBeLessThanOrEqual(budget);
        expect(text.startsWith(short)).toBe(true);
      }
    }
  });
});
