import { expect, test } from 'vitest';
import { BoundedMap } from './bounded-map.ts';

test('holds the recent half of its bound at least, never more than the bound, and counts what it forgot', () => {
  const map = new BoundedMap<number, string>(10);
  for (let i = 0; i < 1_000; i += 1) {
    map.set(i, `v${i}`);
    for (let recent = Math.max(0, i - 4); recent <= i; recent += 1) expect(map.get(recent)).toBe(`v${recent}`);
    expect(map.size).toBeLessThanOrEqual(10);
    expect(map.size + map.evicted).toBe(i + 1);
  }
});

test('what is set again and again stays', () => {
  const map = new BoundedMap<string, number>(10);
  map.set('root', 1);
  for (let i = 0; i < 1_000; i += 1) {
    map.set(`child-${i}`, i);
    map.set('root', 1);
  }
  expect(map.get('root')).toBe(1);
});

test('deletes from wherever the entry is, without counting it', () => {
  const map = new BoundedMap<string, number>(4);
  for (const [i, key] of ['a', 'b', 'c'].entries()) map.set(key, i);
  map.delete('a');
  map.deleteWhere((value) => value === 2);
  expect([map.get('a'), map.get('b'), map.get('c'), map.evicted, map.size]).toEqual([undefined, 1, undefined, 0, 1]);
});
