import { describe, expect, test } from 'vitest';
import { parseLinkFragment } from './link-fragment.ts';
import { safeReturnPath } from './return-path.ts';

describe('the link', () => {
  test('carries a secret and an approver code', () => {
    expect(parseLinkFragment(`#${'a'.repeat(32)}.${'B_-'.repeat(14)}`)).toEqual({
      secret: 'a'.repeat(32),
      approverCode: 'B_-'.repeat(14),
    });
  });
  test.each([
    '',
    '#',
    '#abc',
    `#${'a'.repeat(32)}`,
    `#${'a'.repeat(32)}.`,
    `#${'a'.repeat(32)}.${'b'.repeat(20)}<script>`,
  ])('%j is none', (hash) => expect(parseLinkFragment(hash)).toBeUndefined());
});

describe('where to go after signing in', () => {
  test.each([
    ['/incidents?lane=severe', '/incidents?lane=severe'],
    ['/', '/'],
    [null, '/'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/a\nb', '/'],
  ])('%j leads to %j', (path, expected) => {
    expect(safeReturnPath(path)).toBe(expected);
  });
});
