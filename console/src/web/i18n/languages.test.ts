import { expect, test } from 'vitest';
import { en } from './en.ts';
import { ja } from './ja.ts';

type Tree = { readonly [key: string]: string | Tree };

function leaves(tree: Tree, path = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    const at = path === '' ? key : `${path}.${key}`;
    if (typeof value === 'string') found.set(at, value);
    else for (const [inner, text] of leaves(value, at)) found.set(inner, text);
  }
  return found;
}

const variables = (text: string) => [...text.matchAll(/\{\{(\w+)/g)].map((match) => match[1] ?? '').toSorted();
const japanese = leaves(ja);
const english = leaves(en);

test('both languages fill in the same variables', () => {
  let compared = 0;
  for (const [key, text] of japanese) {
    const other = english.get(key) ?? '';
    // A count may be left unsaid in a language; nothing else may.
    const without = (names: string[]) => names.filter((name) => name !== 'count' && name !== 'finished');
    const spoken = new Set(without(variables(other)));
    if (!key.includes('lead.')) expect([...spoken], key).toEqual([...new Set(without(variables(text)))]);
    compared += 1;
  }
  expect(compared).toBeGreaterThan(400);
});

test('Japanese never claims that something is safe', () => {
  for (const [key, text] of japanese) expect(text, key).not.toContain('安全です');
});

test('no Japanese is left in the English, and no sentence is empty', () => {
  for (const [key, text] of english) {
    expect(text, key).not.toMatch(/[\u3040-\u30ff\u4e00-\u9fff]/);
    expect(text, key).not.toBe('');
  }
});
