import { beforeEach, expect, test, vi } from 'vitest';
import { REMEMBERED_MS, rememberPage, takeRememberedPage } from './remembered-page.ts';

const NOW = 1_795_000_000_000;
const stored = new Map<string, string>();

beforeEach(() => {
  stored.clear();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  });
});

test('a page is remembered once', () => {
  rememberPage('/endpoints/e1?tab=2', NOW);
  expect(takeRememberedPage(NOW + 1)).toBe('/endpoints/e1?tab=2');
  expect(takeRememberedPage(NOW + 2)).toBeUndefined();
});

test.each([NOW + REMEMBERED_MS + 1, NOW - REMEMBERED_MS - 1])('not for longer than an hour (%d)', (then) => {
  rememberPage('/endpoints', NOW);
  expect(takeRememberedPage(then)).toBeUndefined();
});

test.each([
  ['{"path":"https://evil.example","at":1795000000000}', '/'],
  ['{"path":"//evil.example","at":1795000000000}', '/'],
  ['{"path":7,"at":1795000000000}', undefined],
  ['"text"', undefined],
  ['null', undefined],
  ['{broken', undefined],
])('%j leads to %j', (text, expected) => {
  stored.set('yagura-return', text);
  expect(takeRememberedPage(NOW)).toBe(expected);
});

test('a browser that keeps nothing leads home', () => {
  vi.stubGlobal('localStorage', undefined);
  rememberPage('/endpoints', NOW);
  expect(takeRememberedPage(NOW)).toBeUndefined();
});
